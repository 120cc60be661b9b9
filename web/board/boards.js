/**
 * All boards of this browser, and the one that is shown. The URL has the one, local storage all;
 * another tab that changes the same board changes it here too. Fires `change`, and `edit` where it
 * was this page that changed a board.
 *
 * A link never changes a board that is here already: where it says something else of it, it is
 * shown as a board of its own, and `copy` is fired. The history's own entries are no links: the way
 * back leads to a board as it is now.
 */

import { mergeInto, newBoard, newId } from './board.js';
import { fromFragment, toFragment } from './link.js';
import { BoardStorage } from './storage.js';

/** @typedef {import('./board.js').Board} Board */

/** Where this module came from, from the folder `web`. */
const HOME = new URL('../../', import.meta.url);
const COPIED = ' (from a link)';
const MOST_LETTERS = 60;

export class Boards extends EventTarget {
  /** The board that the link shown last said something else of. @type {Board | null} */
  copied = null;
  /** What is wrong with the storage, until somebody has told it. @type {string[]} */
  troubles = [];

  constructor() {
    super();
    /** Where the dashboard is, with a slash at its end. */
    this.home = HOME;
    this.#storage = new BoardStorage(this.home.pathname, (text) => {
      this.troubles.push(text);
      this.dispatchEvent(new Event('trouble'));
    });
    /** @type {Board[]} */
    this.all = this.#storage.read();
    const linked = fromFragment(location.hash);
    const shared = this.all.find((board) => board.shared && board.shared.slug === this.slug);
    const [first] = this.all;
    /** @type {Board} */
    this.current = (linked && this.#boardFor(linked)) ?? shared ?? first ?? newBoard('My board');
    /** Whether nobody has chosen anything yet. */
    this.untouched = !linked && !first && !this.slug;
    if (linked) this.#upsert(this.current);
    if (!this.untouched && !this.slug) {
      this.#saveAll();
      this.#writeUrl('replace');
    }
    addEventListener('popstate', () => this.#followAddress());
    addEventListener('storage', (event) => this.#mergeFromStorage(event));
  }

  #storage;

  /** The board of the server that the address names; empty where it names none. */
  get slug() {
    const rest = location.pathname.slice(this.home.pathname.length);
    return /^b\/([^/]+)$/.exec(rest)?.[1] ?? '';
  }

  /**
   * Change the board that is shown.
   *
   * @param {(board: Board) => void} change
   */
  edit(change) {
    change(this.current);
    const { shared } = this.current;
    if (shared) this.current.shared = { ...shared, unwritten: true };
    this.#catchUp();
    this.#upsert(this.current);
    this.#saveAll();
    this.#writeUrl('replace');
    this.#changed();
    this.dispatchEvent(new Event('edit'));
  }

  /** @param {string} id */
  show(id) {
    const board = this.all.find((each) => each.id === id);
    if (!board || board === this.current) return;
    this.current = board;
    this.#writeUrl('push');
    this.#changed();
  }

  /** Show a board without a new entry in the history, as a wall does in turn. @param {Board} board */
  turnTo(board) {
    if (board === this.current) return;
    this.current = board;
    this.#writeUrl('replace');
    this.#changed();
  }

  /** @param {Board} board */
  add(board) {
    this.#catchUp();
    const taken = this.all.some(({ id }) => id === board.id);
    const added = taken ? { ...board, id: newId() } : board;
    this.#upsert(added);
    this.current = added;
    this.#saveAll();
    this.#writeUrl('push');
    this.#changed();
  }

  /**
   * Take what the server has of a board that it keeps: it is shown, where the address names it.
   *
   * @param {Board} board
   */
  takeShared(board) {
    this.#catchUp();
    const mine = this.all.find((each) => each.shared?.slug === board.shared?.slug);
    if (mine && mine.id === this.current.id) {
      mergeInto(this.current, board);
      this.#upsert(this.current);
    } else if (mine) {
      mergeInto(mine, board);
    } else {
      this.#upsert(board);
      if (this.slug === board.shared?.slug) this.current = board;
    }
    this.#saveAll();
    this.#writeUrl('replace');
    this.#changed();
  }

  /** Remember that the server keeps the board that is shown. @param {import('./board.js').Shared} shared */
  share(shared) {
    this.#catchUp();
    this.current.shared = shared;
    this.#upsert(this.current);
    this.#saveAll();
    this.#writeUrl('push');
    this.#changed();
  }

  /**
   * Remember what the server has of a board, which another tab may have changed meanwhile.
   *
   * @param {string} id
   * @param {(board: Board) => import('./board.js').Shared} known
   */
  keepShared(id, known) {
    this.#catchUp();
    const board = this.all.find((each) => each.id === id);
    if (!board?.shared) return;
    board.shared = known(board);
    if (this.current.id === id) this.current.shared = board.shared;
    this.#saveAll();
  }

  /** @param {string} id @returns {Board | undefined} */
  get(id) {
    return this.current.id === id ? this.current : this.all.find((each) => each.id === id);
  }

  /**
   * Remove a board, the one that is shown if none is named; there is always another.
   *
   * @param {string} [id]
   * @returns {() => void} Puts it back.
   */
  remove(id = this.current.id) {
    this.#catchUp();
    const removed = this.get(id) ?? this.current;
    const at = this.all.findIndex(({ id }) => id === removed.id);
    this.all = this.all.filter(({ id }) => id !== removed.id);
    const alone = this.all.length === 0 ? newBoard('My board') : null;
    if (alone) this.all.push(alone);
    if (removed === this.current) {
      const next = Math.min(Math.max(0, at), this.all.length - 1);
      this.current = /** @type {Board} */ (this.all[next]);
    }
    this.#saveAll();
    this.#writeUrl('push');
    this.#changed();
    return () => {
      this.#catchUp();
      if (alone && alone.tiles.length === 0) {
        this.all = this.all.filter(({ id }) => id !== alone.id);
      }
      this.all.splice(Math.max(0, at), 0, removed);
      this.current = removed;
      this.#saveAll();
      this.#writeUrl('push');
      this.#changed();
    };
  }

  /** A link that shows this board anywhere. */
  get link() {
    return new URL(this.#address(this.current), location.href).href;
  }

  #changed() {
    this.untouched = false;
    this.dispatchEvent(new Event('change'));
  }

  /** @param {Board} board Put in the place of the one with the same id, or at the end. */
  #upsert(board) {
    const at = this.all.findIndex(({ id }) => id === board.id);
    if (at < 0) this.all.push(board);
    else this.all[at] = board;
  }

  /** Take the other boards as other tabs left them, even where nothing told of it meanwhile. */
  #catchUp() {
    const stored = this.#storage.read();
    if (stored.length > 0) this.all = stored;
  }

  #saveAll() {
    this.#storage.write(this.all);
  }

  /** What the address of a board is. @param {Board} board */
  #address(board) {
    const { pathname } = this.home;
    if (board.shared) return `${pathname}b/${board.shared.slug}${location.search}`;
    return `${pathname}${location.search}${toFragment(board)}`;
  }

  /** Put the board that is shown into the URL. @param {'push' | 'replace'} how */
  #writeUrl(how) {
    const address = this.#address(this.current);
    const now = location.pathname + location.search + location.hash;
    const own = { board: this.current.id };
    if (address === now && history.state?.board === own.board) return;
    try {
      if (how === 'push' && address !== now) history.pushState(own, '', address);
      else history.replaceState(own, '', address);
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
  #boardFor(linked) {
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
  #followAddress() {
    this.#catchUp();
    const slug = this.slug;
    const linked = slug ? null : fromFragment(location.hash);
    const shared = this.all.find((board) => board.shared && board.shared.slug === slug);
    if (slug && !shared) this.dispatchEvent(new Event('wanted'));
    const board = shared ?? (linked && this.#boardFor(linked));
    if (!board) return;
    this.#showOrMerge(board);
    this.#saveAll();
    this.#writeUrl('replace');
    this.#changed();
    if (this.copied) this.dispatchEvent(new Event('copy'));
  }

  /** @param {StorageEvent} event */
  #mergeFromStorage(event) {
    if (event.key !== this.#storage.key) return;
    this.all = this.#storage.read();
    this.#showOrMerge(this.all.find(({ id }) => id === this.current.id) ?? this.current);
    this.#writeUrl('replace');
    this.#changed();
  }

  /** Show a board; the one that is shown already only becomes what it is now. @param {Board} board */
  #showOrMerge(board) {
    if (board.id !== this.current.id) this.current = board;
    else if (board !== this.current) mergeInto(this.current, board);
    this.#upsert(this.current);
  }
}

/** What a board shows, whatever its id. @param {Board} board */
const content = (board) => toFragment({ ...board, id: '' });
