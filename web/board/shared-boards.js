/**
 * Boards that the server keeps for all. What this page changes is written there, and what others
 * change is shown at once. Fires `list` when the names of all of them have come.
 *
 * @typedef {import('./board.js').Board} Board
 * @typedef {import('./boards.js').Boards} Boards
 * @typedef {{ slug: string, name: string, version: number, updated_at: string, updated_by: string | null }} Listed
 */

import { BoardServer, bodyOf, reason, slugOf } from './board-server.js';
import { BoardWriter } from './board-writer.js';

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
    this.#writer = new BoardWriter(boards, this.#server, status, (slug) => {
      void this.#look(slug, this.#newest.get(slug) ?? 0);
    });
    boards.addEventListener('edit', () => {
      if (boards.current.shared) this.#writer.soon(boards.current);
    });
    boards.addEventListener('change', () => this.#follow());
    boards.addEventListener('wanted', () => void this.show(boards.slug));
    stream.addEventListener('board', (event) => {
      const { slug, version } = /** @type {CustomEvent} */ (event).detail;
      this.#newest.set(slug, version);
      void this.#look(slug, version);
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
  #writer;
  /** @type {Listed[]} */
  list = [];
  /** The versions that were told of, by slug: some come while a change is being written. @type {Map<string, number>} */
  #newest = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #showing;

  /** Ask for the names of all boards of the server. */
  async refresh() {
    const answer = await this.#server.ask('boards');
    if (!answer?.ok) return;
    this.list = (await answer.json()).boards;
    this.dispatchEvent(new Event('list'));
  }

  /** Show a board of the server. @param {string} slug */
  async show(slug) {
    clearTimeout(this.#showing);
    const board = await this.#server.read(slug);
    const mine = this.#find(slug);
    if (mine && this.#writer.holds(mine)) this.#writer.rest(mine);
    else if (board) this.#boards.takeShared(mine ? { ...board, id: mine.id } : board);
    const known = this.#find(slug);
    if (known) this.#boards.show(known.id);
    else if (board === null) this.#status.tell(`There is no board “${slug}” here.`);
    else {
      this.#status.tell(
        `The server does not say what is on the board “${slug}”. It is asked again.`,
      );
      this.#showing = setTimeout(() => {
        if (this.#boards.slug === slug) void this.show(slug);
      }, RETRY_MS);
    }
  }

  /** Let the server keep the board that is shown, under an address of its own. */
  async publish() {
    const board = this.#boards.current;
    const wished = slugOf(board.name) || board.id;
    const sent = bodyOf(board);
    for (const slug of [wished, `${wished.slice(0, 50)}-${board.id}`]) {
      const answer = await this.#server.put(slug, sent, { 'If-None-Match': '*' });
      const there = answer?.status === 412 ? await this.#server.read(slug) : null;
      // Written before, where only the answer was lost.
      const written = there && bodyOf(there) === sent ? there.shared?.version : null;
      if (answer?.status === 412 && !written) continue;
      const version = written ?? (answer?.ok ? await this.#server.versionOf(answer) : null);
      if (version === null) {
        this.#status.tell(await reason(answer?.ok ? null : answer, 'It is not shared'));
        return;
      }
      if (this.#boards.current !== board) return;
      const unwritten = bodyOf(board) !== sent;
      this.#boards.share({ slug, version, ...(unwritten && { unwritten }) });
      this.#writer.rest(board);
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
    // What was just changed need not be written any more; it comes back with the board.
    await this.#writer.stop(board);
    const { slug, version } = /** @type {import('./board.js').Shared} */ (board.shared);
    const answer = await this.#server.ask(`boards/${slug}`, {
      method: 'DELETE',
      headers: { 'If-Match': `"${version}"` },
    });
    if (answer?.ok || answer?.status === 404) return () => this.#writer.anew(board);
    if (answer?.status === 412) {
      this.#status.tell('Somebody has just changed it. Look at it again before you delete it.');
      void this.#look(slug);
    } else {
      this.#status.tell(await reason(answer, 'It is not deleted'));
    }
    this.#writer.rest(board);
    return null;
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

  async #readAll() {
    for (const { shared } of [...this.#boards.all]) {
      if (shared) await this.#look(shared.slug);
    }
  }

  /** See what the server has of a board. @param {string} slug @param {number} [version] Where it is known. */
  async #look(slug, version = Number.POSITIVE_INFINITY) {
    /** @param {number} newest */
    const wanted = (newest) => {
      const mine = this.#find(slug);
      if (!mine?.shared || mine.shared.version >= newest) return null;
      // What is changed here and not written yet is settled when it is.
      this.#writer.rest(mine);
      return this.#writer.holds(mine) ? null : mine;
    };
    const board = wanted(version) && (await this.#server.read(slug));
    const mine = wanted(board?.shared?.version ?? 0);
    if (board && mine) this.#boards.takeShared({ ...board, id: mine.id });
  }
}
