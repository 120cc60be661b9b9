/**
 * Writes what is changed here of boards that the server keeps. What is not written yet is marked so
 * in the browser, and written after the page was loaded anew too; where somebody else was quicker,
 * or the server refuses it, whoever is here chooses, and nothing is lost.
 *
 * @typedef {import('./board.js').Board} Board
 * @typedef {import('./board.js').Shared} Shared
 */

import { h } from '../tile/dom.js';
import { newId, readBoard, toStored } from './board.js';
import { bodyOf, reason } from './board-server.js';

const SETTLE_MS = 400;
const RETRY_MS = 5_000;

export class BoardWriter {
  /**
   * @param {import('./boards.js').Boards} boards
   * @param {import('./board-server.js').BoardServer} server
   * @param {{ ask(text: string, ...answers: HTMLElement[]): void }} status
   * @param {(slug: string) => void} settled Told where what others wrote may be taken again.
   */
  constructor(boards, server, status, settled) {
    this.#boards = boards;
    this.#server = server;
    this.#status = status;
    this.#settled = settled;
  }

  #boards;
  #server;
  #status;
  #settled;
  /** Of boards that are about to be written, by their ids. @type {Map<string, ReturnType<typeof setTimeout>>} */
  #waiting = new Map();
  /** Of boards that are being written, by their ids. @type {Map<string, Promise<void>>} */
  #writing = new Map();
  /** Boards of which somebody is asked what to keep, by their ids. @type {Set<string>} */
  #asked = new Set();

  /** Whether what the server has must not be taken in its place. @param {Board} board */
  holds({ id, shared }) {
    return shared?.unwritten === true || this.#asked.has(id);
  }

  /** Write a board when nobody has changed it for a moment. @param {Board} board */
  soon({ id }) {
    this.#in(SETTLE_MS, id);
  }

  /** Write what an earlier page was left with, or another tab that was closed. @param {Board} board */
  rest({ id, shared }) {
    if (shared?.unwritten && !this.#waiting.has(id) && !this.#writing.has(id)) this.#in(0, id);
  }

  /** Write a board that was deleted at the server. @param {Board} board */
  anew({ id }) {
    this.#mark(id);
    void this.#write(id, true);
  }

  /** Write nothing more of a board, once what is under way has come to its end. @param {Board} board */
  async stop({ id }) {
    clearTimeout(this.#waiting.get(id));
    this.#waiting.delete(id);
    await this.#writing.get(id);
  }

  /** Remember that a board is to be written. @param {string} id @param {Shared} [known] What the server has. */
  #mark(id, known) {
    this.#boards.keepShared(id, ({ shared }) => ({
      .../** @type {Shared} */ (known ?? shared),
      unwritten: true,
    }));
  }

  /** @param {number} ms @param {string} id @param {boolean} [anew] */
  #in(ms, id, anew = false) {
    clearTimeout(this.#waiting.get(id));
    const write = () => {
      this.#waiting.delete(id);
      void this.#write(id, anew);
    };
    this.#waiting.set(id, setTimeout(write, ms));
  }

  /** @param {string} id @param {boolean} anew Whether it was deleted at the server. */
  async #write(id, anew) {
    const board = this.#boards.get(id);
    if (!board?.shared || this.#asked.has(id)) return;
    // Another tab has written it meanwhile.
    if (!anew && !board.shared.unwritten) return;
    // Two at a time would be in each other's way: the second is of a version that is no more.
    if (this.#writing.has(id)) {
      this.#in(SETTLE_MS, id, anew);
      return;
    }
    const writing = this.#put(board, board.shared, anew);
    this.#writing.set(id, writing);
    await writing;
    this.#writing.delete(id);
  }

  /** @param {Board} board @param {Shared} shared @param {boolean} anew */
  async #put({ ...board }, shared, anew) {
    const { id } = board;
    const sent = bodyOf(board);
    const condition = anew ? { 'If-None-Match': '*' } : { 'If-Match': `"${shared.version}"` };
    const answer = await this.#server.put(shared.slug, sent, condition);
    const status = answer?.status ?? 503;
    if (answer?.ok) {
      const written = await this.#server.versionOf(answer);
      if (written === null) this.#in(RETRY_MS, id, anew);
      else this.#keep(id, { slug: shared.slug, version: written }, sent);
    } else if (status === 404 || status === 412) {
      await this.#settle(id, shared, sent, '');
    } else if (status < 500 && status !== 401 && status !== 429) {
      await this.#settle(id, shared, sent, await reason(answer, `“${board.name}” is not written`));
    } else {
      // The server is away, or nobody is signed in: the change is in this browser meanwhile.
      this.#in(RETRY_MS, id, anew);
    }
  }

  /** Remember that the server has what it was sent. @param {string} id @param {Shared} shared @param {string} sent */
  #keep(id, shared, sent) {
    // It may have been changed again meanwhile, here or in another tab.
    this.#boards.keepShared(id, (board) =>
      bodyOf(board) === sent ? shared : { ...shared, unwritten: true },
    );
    const now = this.#boards.get(id);
    if (now?.shared?.unwritten && !this.#waiting.has(id)) this.soon(now);
    if (now) this.#settled(shared.slug);
  }

  /**
   * The server has something else than this was a change of, or does not take it.
   *
   * @param {string} id
   * @param {Shared} shared What was known of the server's when it was sent.
   * @param {string} sent
   * @param {string} refused Why it may not be written at all.
   */
  async #settle(id, shared, sent, refused) {
    const theirs = await this.#server.read(shared.slug);
    const board = this.#boards.get(id);
    if (!board?.shared) return;
    if (theirs?.shared && bodyOf(theirs) === sent) {
      // Written before the server went away without a word.
      this.#keep(id, theirs.shared, sent);
    } else if (theirs?.shared && shared.version < theirs.shared.version && isKnown(board, theirs)) {
      // Another tab of this browser wrote it, and what is here is a change of that.
      this.#in(0, id);
    } else if (theirs === undefined && !refused) {
      this.#in(RETRY_MS, id);
    } else {
      this.#ask(board, theirs, refused);
    }
  }

  /** @param {Board} board @param {Board | null | undefined} theirs @param {string} refused */
  #ask({ id, name }, theirs, refused) {
    this.#asked.add(id);
    const slug = this.#boards.get(id)?.shared?.slug ?? '';
    /** @param {string} text @param {(board: Board) => void} act */
    const answer = (text, act) => {
      const onclick = () => {
        this.#asked.delete(id);
        // As it is by now: it may have been changed while this was asked.
        const now = this.#boards.get(id);
        if (now) act(now);
        this.#settled(slug);
      };
      return h('button', { type: 'button', onclick }, text);
    };
    const keepMine = () => {
      this.#mark(id, theirs?.shared);
      void this.#write(id, !theirs);
    };
    const takeTheirs = () => {
      if (theirs) this.#boards.takeShared({ ...theirs, id });
      else this.#boards.remove(id);
    };
    const keepBoth = (/** @type {Board} */ board) => {
      const mine = readBoard({ ...toStored(board), id: newId(), shared: undefined });
      takeTheirs();
      if (mine) this.#boards.add({ ...mine, name: `${mine.name} (mine)` });
    };
    const [mine, all, both] = [
      answer('Keep mine', keepMine),
      answer('Take theirs', takeTheirs),
      answer('Keep both', keepBoth),
    ];
    if (refused) this.#status.ask(refused, ...(theirs ? [all, both] : [both]));
    else {
      const did = theirs ? 'changed' : 'deleted';
      this.#status.ask(`Somebody else has ${did} “${name}” meanwhile.`, mine, all, both);
    }
  }
}

/** Whether a board here is of the version that the server has. @param {Board} board @param {Board} theirs */
const isKnown = ({ shared }, theirs) => shared?.version === theirs.shared?.version;
