/**
 * All boards of this browser, and the one that is shown. The URL has the one, local storage all;
 * another tab that changes the same board changes it here too. Fires `change`.
 *
 * A link never changes a board that is here already: where it says something else of it, it is
 * shown as a board of its own, and `copy` is fired. The history's own entries are no links: the way
 * back leads to a board as it is now.
 */

import { become, newBoard, newId, plain, readBoard } from './board.js';
import { fromFragment, toFragment } from './link.js';

/** @typedef {import('./board.js').Board} Board */

const KEY = 'kpi-stream boards';
const COPIED = ' (from a link)';
const MOST_LETTERS = 60;

export class Boards extends EventTarget {
  /** The board that the link shown last said something else of. @type {Board | null} */
  copied = null;

  constructor() {
    super();
    /** @type {Board[]} */
    this.all = this.#read();
    const linked = fromFragment(location.hash);
    const [first] = this.all;
    /** @type {Board} */
    this.current = (linked && this.#find(linked)) ?? first ?? newBoard('My board');
    /** Whether nobody has chosen anything yet. */
    this.untouched = !linked && !first;
    if (linked) this.#adopt(this.current);
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
    const own = { board: this.current.id };
    if (fragment === location.hash && history.state?.board === own.board) return;
    try {
      if (how === 'push' && fragment !== location.hash) history.pushState(own, '', fragment);
      else history.replaceState(own, '', fragment);
    } catch {
      // Some browsers take only so many changes a minute; the next one says it.
    }
  }

  /**
   * What to show for a link, or for an entry of the history.
   *
   * @param {Board} linked
   * @returns {Board}
   */
  #find(linked) {
    this.copied = null;
    const mine = this.all.find(({ id }) => id === linked.id);
    if (!mine) return linked;
    if (history.state?.board === mine.id || toFragment(mine) === toFragment(linked)) return mine;
    this.copied = mine;
    const name = linked.name.slice(0, MOST_LETTERS - COPIED.length) + COPIED;
    const copy = { ...linked, name };
    // Whoever opens an old bookmark each day needs no more than one copy.
    const before = this.all.find((each) => content(each) === content(copy));
    return before ?? { ...copy, id: newId() };
  }

  /** Show what the URL says now: a link was opened, or the way back taken. */
  #followLink() {
    const linked = fromFragment(location.hash);
    if (!linked) return;
    this.#catchUp();
    this.#take(this.#find(linked));
    this.#keep('replace');
    this.#changed();
    if (this.copied) this.dispatchEvent(new Event('copy'));
  }

  /** @param {StorageEvent} event */
  #followTab(event) {
    if (event.key !== KEY) return;
    this.all = this.#read();
    this.#take(this.all.find(({ id }) => id === this.current.id) ?? this.current);
    this.#say('replace');
    this.#changed();
  }

  /** Show a board; the one that is shown already only becomes what it is now. @param {Board} board */
  #take(board) {
    if (board.id !== this.current.id) this.current = board;
    else if (board !== this.current) become(this.current, board);
    this.#adopt(this.current);
  }
}

/** What a board shows, whatever its id. @param {Board} board */
const content = (board) => toFragment({ ...board, id: '' });
