/**
 * Boards that the server keeps for all. What this page changes is written there; where somebody else
 * was quicker, whoever is here chooses, and nothing is lost: what is not written yet is marked so in
 * the browser, and written after the page was loaded anew too. What others change is shown at once.
 * Fires `list` when the names of all of them have come.
 *
 * @typedef {import('./board.js').Board} Board
 * @typedef {import('./boards.js').Boards} Boards
 * @typedef {{ slug: string, name: string, version: number, updated_at: string, updated_by: string | null }} Listed
 */

import { h } from '../tile/dom.js';
import { newId, readBoard, toStored } from './board.js';
import { BoardServer, bodyOf, slugOf } from './board-server.js';

const SETTLE_MS = 400;
const RETRY_MS = 5_000;

export class SharedBoards extends EventTarget {
  /**
   * @param {Boards} boards
   * @param {import('../stream/open.js').Stream} stream
   * @param {import('./status.js').Status} status
   */
  constructor(boards, stream, status) {
    super();
    this.#boards = boards;
    this.#server = new BoardServer(boards.home);
    this.#stream = stream;
    this.#status = status;
    boards.addEventListener('edit', () => this.#writeSoon());
    boards.addEventListener('change', () => this.#follow());
    boards.addEventListener('wanted', () => void this.show(boards.slug));
    stream.addEventListener('board', (event) => {
      const { slug, version } = /** @type {CustomEvent} */ (event).detail;
      void this.#changedElsewhere(slug, version);
    });
    // What was changed while nobody was connected is not told by any event.
    stream.addEventListener('connection', () => {
      if (stream.connection.state === 'live') void this.#readAll();
    });
    this.#follow();
    if (boards.slug) void this.show(boards.slug);
  }

  #boards;
  #server;
  #stream;
  #status;
  /** @type {Listed[]} */
  list = [];
  /** When a board's change is written, by its id. @type {Map<string, ReturnType<typeof setTimeout>>} */
  #waiting = new Map();
  /** Boards that are being written, by their ids. @type {Set<string>} */
  #writing = new Set();
  /** Boards of which somebody is asked what to keep. @type {Set<string>} */
  #asked = new Set();

  /** Ask for the names of all boards of the server. */
  async refresh() {
    const answer = await this.#server.ask('boards');
    if (!answer?.ok) return;
    this.list = (await answer.json()).boards;
    this.dispatchEvent(new Event('list'));
  }

  /** Show a board of the server. @param {string} slug */
  async show(slug) {
    const board = await this.#server.read(slug);
    const mine = this.#find(slug);
    if (mine?.shared?.unwritten) this.#writeWhereNobodyDoes(mine);
    else if (board) this.#boards.takeShared(mine ? { ...board, id: mine.id } : board);
    const known = this.#find(slug);
    if (known) this.#boards.show(known.id);
    else this.#status.tell(`There is no board “${slug}” here.`);
  }

  /** Let the server keep the board that is shown, under an address of its own. */
  async publish() {
    const board = this.#boards.current;
    const wished = slugOf(board.name) || board.id;
    for (const slug of [wished, `${wished.slice(0, 50)}-${board.id}`]) {
      const answer = await this.#server.put(slug, board, { 'If-None-Match': '*' });
      if (answer?.status === 412) continue;
      if (!answer?.ok) {
        this.#status.tell(await reason(answer, 'It is not shared'));
        return;
      }
      const { version } = await answer.json();
      if (this.#boards.current !== board) return;
      this.#boards.share({ slug, version });
      this.#status.tell(`“${board.name}” is shared: ${this.#boards.link}`);
      return;
    }
  }

  /**
   * Delete the board that is shown, for all.
   *
   * @returns {Promise<(() => void) | null>} Puts it back at the server; null where it is still there.
   */
  async remove() {
    const board = this.#boards.current;
    const { slug, version } = /** @type {import('./board.js').Shared} */ (board.shared);
    // What was just changed need not be written any more; it comes back with the board.
    clearTimeout(this.#waiting.get(board.id));
    this.#waiting.delete(board.id);
    const answer = await this.#server.ask(`boards/${slug}`, {
      method: 'DELETE',
      headers: { 'If-Match': `"${version}"` },
    });
    if (answer?.status === 412) {
      this.#status.tell('Somebody has just changed it. Look at it again before you delete it.');
      void this.#changedElsewhere(slug, version + 1);
      return null;
    }
    if (!answer?.ok && answer?.status !== 404) {
      this.#status.tell(await reason(answer, 'It is not deleted'));
      return null;
    }
    return () => void this.#write(board, true);
  }

  /** Its earlier versions, the newest first. @returns {Promise<Listed[]>} */
  async versions() {
    const slug = this.#boards.current.shared?.slug;
    const answer = await this.#server.ask(`boards/${slug}/versions`);
    return answer?.ok ? (await answer.json()).versions : [];
  }

  /** Make the board that is shown what it was in a version. @param {number} version */
  async restore(version) {
    const { shared, id } = this.#boards.current;
    if (!shared) return;
    const earlier = await this.#server.read(shared.slug, version);
    if (!earlier) return;
    this.#boards.takeShared({ ...earlier, id, shared });
    this.#boards.edit(() => {});
    this.#status.tell(`“${earlier.name}” is as it was in version ${version}.`);
  }

  #follow() {
    const slugs = this.#boards.all.flatMap(({ shared }) => (shared ? [shared.slug] : []));
    this.#stream.followBoards(slugs.sort());
  }

  /** @param {string} slug */
  #find(slug) {
    return this.#boards.all.find(({ shared }) => shared?.slug === slug);
  }

  #writeSoon() {
    if (this.#boards.current.shared) this.#writeIn(SETTLE_MS, this.#boards.current);
  }

  /** @param {number} ms @param {Board} board @param {boolean} [anew] Whether it was deleted. */
  #writeIn(ms, board, anew) {
    clearTimeout(this.#waiting.get(board.id));
    this.#waiting.set(
      board.id,
      setTimeout(() => void this.#write(board, anew), ms),
    );
  }

  /** Write what an earlier page, or another tab, was left with. @param {Board} board */
  #writeWhereNobodyDoes(board) {
    if (!this.#waiting.has(board.id)) this.#writeIn(0, board);
  }

  /** @param {Board} board @param {boolean} [anew] Whether it was deleted. */
  async #write(board, anew = false) {
    const { shared } = board;
    if (!shared || this.#asked.has(shared.slug)) return;
    if (this.#writing.has(board.id)) {
      this.#writeIn(SETTLE_MS, board, anew);
      return;
    }
    this.#writing.add(board.id);
    const waited = this.#waiting.get(board.id);
    /** @type {Record<string, string>} */
    const condition = anew ? { 'If-None-Match': '*' } : { 'If-Match': `"${shared.version}"` };
    const answer = await this.#server.put(shared.slug, board, condition);
    this.#writing.delete(board.id);
    if (answer?.ok) {
      const { version } = await answer.json();
      // It may have been changed again meanwhile.
      const unwritten = this.#waiting.get(board.id) !== waited;
      if (!unwritten) this.#waiting.delete(board.id);
      this.#boards.keepShared(board.id, {
        slug: shared.slug,
        version,
        ...(unwritten && { unwritten }),
      });
    } else if (answer && answer.status < 500 && answer.status !== 429) {
      const refused = ![404, 412].includes(answer.status);
      await this.#askWhichToKeep(board, refused ? await reason(answer, 'It is not written') : '');
    } else {
      // The server is away: the change is in this browser meanwhile.
      this.#writeIn(RETRY_MS, board, anew);
    }
  }

  /**
   * Two have changed the same board, or who is here may not.
   *
   * @param {Board} board
   * @param {string} refused Why it may not be written at all.
   */
  async #askWhichToKeep(board, refused) {
    const shared = /** @type {import('./board.js').Shared} */ (board.shared);
    const theirs = await this.#server.read(shared.slug);
    if (theirs === undefined) {
      this.#writeIn(RETRY_MS, board);
      return;
    }
    this.#waiting.delete(board.id);
    if (theirs?.shared && bodyOf(theirs) === bodyOf(board)) {
      // Written before the server went away without a word, or by another tab of this browser.
      this.#boards.keepShared(board.id, theirs.shared);
      return;
    }
    this.#asked.add(shared.slug);
    /** @param {string} text @param {() => void} act */
    const answer = (text, act) => {
      const onclick = () => {
        this.#asked.delete(shared.slug);
        act();
      };
      return h('button', { type: 'button', onclick }, text);
    };
    const mine = readBoard({ ...toStored(board), id: newId(), shared: undefined });
    const keepMine = () => {
      if (theirs?.shared) board.shared = { ...theirs.shared, unwritten: true };
      void this.#write(board, !theirs);
    };
    const takeTheirs = () => {
      if (theirs) this.#boards.takeShared({ ...theirs, id: board.id });
      else this.#boards.remove();
    };
    const keepBoth = () => {
      if (theirs) this.#boards.takeShared({ ...theirs, id: board.id });
      if (mine) this.#boards.add({ ...mine, name: `${mine.name} (mine)` });
    };
    const said = theirs ? 'Somebody else has changed' : 'Somebody else has deleted';
    this.#status.ask(
      refused || `${said} “${board.name}” meanwhile.`,
      ...(refused ? [] : [answer('Keep mine', keepMine)]),
      answer('Take theirs', takeTheirs),
      answer('Keep both', keepBoth),
    );
  }

  async #readAll() {
    for (const board of [...this.#boards.all]) {
      const { shared } = board;
      if (shared?.unwritten) this.#writeWhereNobodyDoes(board);
      else if (shared) await this.#changedElsewhere(shared.slug, shared.version + 1);
    }
  }

  /** @param {string} slug @param {number} version That the server has. */
  async #changedElsewhere(slug, version) {
    /** @param {number} newest */
    const wanted = (newest) => {
      const mine = this.#find(slug);
      // What is changed here and not written yet is settled when it is.
      if (!mine?.shared || mine.shared.unwritten || this.#asked.has(slug)) return null;
      return mine.shared.version < newest ? mine : null;
    };
    const board = wanted(version) && (await this.#server.read(slug));
    const mine = wanted(board?.shared?.version ?? 0);
    if (board && mine) this.#boards.takeShared({ ...board, id: mine.id });
  }
}

/** @param {Response | null} answer @param {string} what */
async function reason(answer, what) {
  if (!answer) return `${what}: the server does not answer.`;
  const problem = await answer.json().catch(() => ({}));
  return `${what}: ${problem.detail ?? problem.title ?? `the server answers ${answer.status}`}`;
}
