/**
 * The wall: boards alone, filling the screen, which stays awake; several of them each in its turn.
 * The arrow keys turn at once, the space bar holds the board that is shown. The channels of all
 * boards are listened to all the while, so that a turn opens no stream and finds its numbers there.
 */

import { isTyping, write } from '../tile/dom.js';
import { channelsOf } from './channels.js';
import { playlist } from './playlist.js';

const POINTER_MS = 2_500;

export class Wall {
  /**
   * @param {import('./grid.js').Grid} grid
   * @param {import('./boards.js').Boards} boards
   * @param {import('../stream/open.js').Stream} stream
   * @param {object} page
   * @param {HTMLElement} page.place Where it says which board of how many this is.
   * @param {() => import('./playlist.js').Chosen[]} page.chosen
   * @param {(text: string) => void} page.tell
   */
  constructor(grid, boards, stream, page) {
    this.#grid = grid;
    this.#boards = boards;
    this.#stream = stream;
    this.#page = page;
    document.addEventListener('fullscreenchange', () => {
      if (!document.fullscreenElement) this.leave();
    });
    document.addEventListener('visibilitychange', () => void this.#stayAwake());
    boards.addEventListener('change', () => this.#follow());
    stream.addEventListener('catalogue', () => this.#follow());
    addEventListener('pointermove', () => this.#showPointer());
    addEventListener('keydown', (event) => this.#key(event));
    if (this.#address.get('wall') !== null) this.enter();
  }

  #grid;
  #boards;
  #stream;
  #page;
  #address = new URLSearchParams(location.search);
  #on = false;
  #held = false;
  /** @type {import('./playlist.js').Turn[]} */
  #turns = [];
  /** @type {Map<string, { depth: number, stop: () => void }>} */
  #listening = new Map();
  /** @type {WakeLockSentinel | null} */
  #awake = null;
  #told = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #turning;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #hiding;

  get on() {
    return this.#on;
  }

  enter() {
    if (this.#on) return;
    this.#on = true;
    this.#held = false;
    document.documentElement.classList.add('wall');
    this.#grid.fill(true);
    // Refused without a gesture; the wall fills the window then.
    document.documentElement.requestFullscreen?.().catch(() => {});
    void this.#stayAwake();
    this.#showPointer();
    this.#follow();
    const first = this.#turns[0];
    const named = this.#address.has('boards');
    if (first && (named || this.#place < 0)) {
      this.#boards.turnTo(first.board);
    }
    this.#wait();
  }

  leave() {
    if (!this.#on) return;
    this.#on = false;
    clearTimeout(this.#turning);
    clearTimeout(this.#hiding);
    document.documentElement.classList.remove('wall', 'still');
    this.#grid.fill(false);
    if (document.fullscreenElement) void document.exitFullscreen();
    void this.#awake?.release();
    this.#awake = null;
    this.#follow();
  }

  /** Listen to all channels of the boards that come in turn, and to no others. */
  #follow() {
    this.#turns = this.#on ? playlist(this.#boards.all, this.#address, this.#page.chosen()) : [];
    void this.#listen();
    this.#writePlace();
  }

  async #listen() {
    const { kpis } = await this.#stream.catalogue().catch(() => ({ kpis: [] }));
    /** @type {Map<string, number>} */
    const wanted = new Map();
    for (const { board } of this.#turns.length > 1 ? this.#turns : []) {
      for (const [channel, depth] of channelsOf(board, kpis)) {
        wanted.set(channel, Math.max(depth, wanted.get(channel) ?? 0));
      }
    }
    const before = new Map(this.#listening);
    for (const [channel, depth] of wanted) {
      if ((before.get(channel)?.depth ?? 0) >= depth) {
        before.delete(channel);
        continue;
      }
      const stop = this.#stream.subscribe(channel, () => {}, { depth });
      this.#listening.set(channel, { depth, stop });
    }
    for (const [channel, { stop }] of before) {
      stop();
      if (!wanted.has(channel)) this.#listening.delete(channel);
    }
  }

  get #place() {
    return this.#turns.findIndex(({ board }) => board.id === this.#boards.current.id);
  }

  #writePlace() {
    const count = this.#turns.length;
    const held = this.#held ? ' · held' : '';
    write(this.#page.place, count > 1 ? `${this.#place + 1} of ${count}${held}` : '');
  }

  #wait() {
    clearTimeout(this.#turning);
    if (!this.#on || this.#held || this.#turns.length < 2) return;
    const seconds = this.#turns[Math.max(0, this.#place)]?.seconds ?? 0;
    this.#turning = setTimeout(() => this.#turn(1), seconds * 1_000);
  }

  /** @param {number} by */
  #turn(by) {
    const count = this.#turns.length;
    const next = this.#turns[(this.#place + by + count) % count];
    if (next) this.#boards.turnTo(next.board);
    this.#wait();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#on) return;
    if (event.key === 'Escape') this.leave();
    else if (isTyping(event)) return;
    else if (event.key === 'ArrowRight') this.#turn(1);
    else if (event.key === 'ArrowLeft') this.#turn(-1);
    else if (event.key === ' ') {
      this.#held = !this.#held;
      this.#writePlace();
      this.#wait();
      event.preventDefault();
    }
  }

  /** Keep the screen from dimming; the browser lets go of it whenever the page is hidden. */
  async #stayAwake() {
    if (!this.#on || document.hidden) return;
    const before = this.#awake;
    this.#awake = null;
    try {
      await before?.release();
      const sentinel = await navigator.wakeLock.request('screen');
      // The wall may have been left meanwhile, or this asked for twice.
      if (!this.#on || this.#awake) await sentinel.release();
      else this.#awake = sentinel;
    } catch {
      if (this.#told) return;
      this.#told = true;
      this.#page.tell(
        isSecureContext
          ? 'This browser does not keep the screen awake: set the system so that it stays on.'
          : 'A browser keeps the screen awake over HTTPS only: set the system so that it stays on.',
      );
    }
  }

  #showPointer() {
    if (!this.#on) return;
    clearTimeout(this.#hiding);
    document.documentElement.classList.remove('still');
    this.#hiding = setTimeout(() => document.documentElement.classList.add('still'), POINTER_MS);
  }
}
