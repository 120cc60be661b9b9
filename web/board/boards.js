/**
 * All boards of this browser, and the one that is shown. The URL has the one, local storage all;
 * another tab that changes the same board changes it here too. Fires `change`.
 */

import { newBoard, newId, plain, readBoard } from './board.js';
import { fromFragment, toFragment } from './link.js';

/** @typedef {import('./board.js').Board} Board */

const KEY = 'kpi-stream boards';

export class Boards extends EventTarget {
  constructor() {
    super();
    /** @type {Board[]} */
    this.all = this.#read();
    const linked = fromFragment(location.hash);
    const [first] = this.all;
    /** @type {Board} */
    this.current = linked ?? first ?? newBoard('My board');
    /** Whether nobody has chosen anything yet. */
    this.untouched = !linked && !first;
    if (linked) this.#adopt(linked);
    if (!this.untouched) this.#keep('replace');
    addEventListener('hashchange', () => this.#followLink());
    addEventListener('storage', (event) => this.#followTab(event));
  }

  /**
   * Change the board that is shown.
   *
   * @param {(board: Board) => void} change
   */
  edit(change) {
    change(this.current);
    this.#catchUp();
    this.#adopt(this.current);
    this.#keep('replace');
    this.#changed();
  }

  /** @param {string} id */
  show(id) {
    const board = this.all.find((each) => each.id === id);
    if (!board || board === this.current) return;
    this.current = board;
    this.#say('push');
    this.#changed();
  }

  /** The board after this one, and after the last the first. */
  showNext() {
    const at = this.all.indexOf(this.current);
    const next = this.all[(at + 1) % this.all.length];
    if (next && next !== this.current) {
      this.current = next;
      this.#say('replace');
      this.#changed();
    }
  }

  /** @param {Board} board */
  add(board) {
    this.#catchUp();
    const taken = this.all.some(({ id }) => id === board.id);
    const added = taken ? { ...board, id: newId() } : board;
    this.#adopt(added);
    this.current = added;
    this.#keep('push');
    this.#changed();
  }

  /** Remove the board that is shown; there is always another. */
  remove() {
    this.#catchUp();
    this.all = this.all.filter(({ id }) => id !== this.current.id);
    if (this.all.length === 0) this.all.push(newBoard('My board'));
    this.current = /** @type {Board} */ (this.all[0]);
    this.#keep('push');
    this.#changed();
  }

  /** A link that shows this board anywhere. */
  get link() {
    return new URL(toFragment(this.current), location.href).href;
  }

  #changed() {
    this.untouched = false;
    this.dispatchEvent(new Event('change'));
  }

  /** @param {Board} board Put in the place of the one with the same id, or at the end. */
  #adopt(board) {
    const at = this.all.findIndex(({ id }) => id === board.id);
    if (at < 0) this.all.push(board);
    else this.all[at] = board;
  }

  /** Take the other boards as other tabs left them, even where nothing told of it meanwhile. */
  #catchUp() {
    const stored = this.#read();
    if (stored.length > 0) this.all = stored;
  }

  /** @returns {Board[]} */
  #read() {
    try {
      const stored = JSON.parse(localStorage.getItem(KEY) ?? '[]');
      return stored.map(readBoard).filter((/** @type {Board | null} */ board) => board !== null);
    } catch {
      // Storage that is forbidden or spoilt: begin anew.
      return [];
    }
  }

  /** @param {'push' | 'replace'} how */
  #keep(how) {
    try {
      localStorage.setItem(KEY, JSON.stringify(this.all.map(plain)));
    } catch {
      // Without storage the URL still has the board.
    }
    this.#say(how);
  }

  /** Put the board that is shown into the URL. @param {'push' | 'replace'} how */
  #say(how) {
    const fragment = toFragment(this.current);
    if (fragment === location.hash) return;
    try {
      if (how === 'push') history.pushState(null, '', fragment);
      else history.replaceState(null, '', fragment);
    } catch {
      // Some browsers take only so many changes a minute; the next one says it.
    }
  }

  /** Show what the URL says now: a link was opened, or the way back taken. */
  #followLink() {
    const linked = fromFragment(location.hash);
    if (!linked || toFragment(linked) === toFragment(this.current)) return;
    this.#adopt(linked);
    this.current = linked;
    this.#keep('replace');
    this.#changed();
  }

  /** @param {StorageEvent} event */
  #followTab(event) {
    if (event.key !== KEY) return;
    const stored = this.#read();
    const same = stored.find(({ id }) => id === this.current.id);
    this.all = stored;
    if (!same) this.all.push(this.current);
    else if (toFragment(same) === toFragment(this.current))
      this.all[stored.indexOf(same)] = this.current;
    else {
      this.current = same;
      history.replaceState(null, '', toFragment(same));
    }
    this.#changed();
  }
}
