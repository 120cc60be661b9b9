/**
 * A new release reaches a page that is open: one that nobody uses at present is loaded anew by itself
 * and keeps its place, another one is asked. The page, its modules and its worker come from a folder
 * that is named after their contents, so that no two releases ever meet in one page.
 */

import { h } from '../tile/dom.js';

const CALM_MS = 60_000;
const LOOK_MS = 5_000;
/** While servers of two releases answer in turn, a page must not go to and fro. */
const AGAIN_MS = 600_000;
const RELOADED_KEY = 'kpi-stream reloaded';
const WALL_KEY = 'kpi-stream wall';
/** How far apart the pages of a company load anew. */
const SPREAD_MS = 20_000;

export class Release {
  /**
   * @param {import('../stream/open.js').Stream} stream
   * @param {object} page
   * @param {() => boolean} page.onWall
   * @param {(text: string, button: HTMLElement) => void} page.tell
   * @param {() => boolean} page.busy Whether something would be lost.
   */
  constructor(stream, page) {
    this.#stream = stream;
    this.#page = page;
    for (const name of ['pointerdown', 'keydown', 'wheel']) {
      addEventListener(name, () => this.#used(), { capture: true, passive: true });
    }
    document.addEventListener('visibilitychange', () => this.#look());
    stream.addEventListener('release', () => this.#released());
    this.#released();
  }

  #stream;
  #page;
  #usedAt = 0;
  #told = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #looking;

  /** Of this page; empty where its files have no version, as those of a folder under work. */
  get #own() {
    return document.querySelector('meta[name="kpi-version"]')?.getAttribute('content') ?? '';
  }

  get #outdated() {
    const { version } = this.#stream;
    return version !== '' && this.#own !== '' && version !== this.#own;
  }

  #used() {
    this.#usedAt = Date.now();
  }

  #released() {
    clearInterval(this.#looking);
    if (!this.#outdated) return;
    const waitMs = Math.random() * SPREAD_MS;
    this.#looking = setTimeout(() => {
      this.#look();
      this.#looking = setInterval(() => this.#look(), LOOK_MS);
    }, waitMs);
  }

  #look() {
    if (!this.#outdated || this.#page.busy() || justReloaded(this.#stream.version)) return;
    const unused = Date.now() - this.#usedAt > CALM_MS;
    if (document.hidden || this.#page.onWall() || unused) this.#reload();
    else if (!this.#told) {
      this.#told = true;
      const now = h('button', { type: 'button', onclick: () => this.#reload() }, 'Load it now');
      this.#page.tell('There is a new version of this page.', now);
    }
  }

  #reload() {
    remember(RELOADED_KEY, `${this.#stream.version} ${Date.now()}`);
    if (this.#page.onWall()) remember(WALL_KEY, 'on');
    location.reload();
  }
}

/** Whether this page was a wall when it was loaded anew; asked once. */
export function wasWall() {
  try {
    const was = sessionStorage.getItem(WALL_KEY) !== null;
    sessionStorage.removeItem(WALL_KEY);
    return was;
  } catch {
    return false;
  }
}

/** @param {string} version */
function justReloaded(version) {
  try {
    const [of, at] = (sessionStorage.getItem(RELOADED_KEY) ?? '').split(' ');
    return of === version && Date.now() - Number(at) < AGAIN_MS;
  } catch {
    // Where nothing can be remembered it is not tried by itself.
    return true;
  }
}

/** @param {string} key @param {string} value */
function remember(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // Then a button was pressed, and whoever did it sees what comes.
  }
}
