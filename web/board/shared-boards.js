/**
 * Boards that the server keeps for all. What this page changes is written there; where somebody else
 * was quicker, whoever is here chooses, and nothing is lost. What others change is shown at once.
 * Fires `list` when the names of all of them have come.
 *
 * @typedef {import('./board.js').Board} Board
 * @typedef {import('./boards.js').Boards} Boards
 * @typedef {{ slug: string, name: string, version: number, updated_at: string, updated_by: string | null }} Listed
 */

import { h } from '../tile/dom.js';
import { newId, readBoard, toStored } from './board.js';

const SETTLE_MS = 400;
const RETRY_MS = 5_000;
const TIMEOUT_MS = 8_000;

export class SharedBoards extends EventTarget {
  /**
   * @param {Boards} boards
   * @param {import('../stream/open.js').Stream} stream
   * @param {import('./status.js').Status} status
   */
  constructor(boards, stream, status) {
    super();
    this.#boards = boards;
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
  #stream;
  #status;
  /** @type {Listed[]} */
  list = [];
  /** Boards whose change is still to be written. @type {Map<string, ReturnType<typeof setTimeout>>} */
  #waiting = new Map();
  /** Boards of which somebody is asked what to keep. @type {Set<string>} */
  #asked = new Set();

  /** Ask for the names of all boards of the server. */
  async refresh() {
    const answer = await this.#ask('boards');
    if (!answer?.ok) return;
    this.list = (await answer.json()).boards;
    this.dispatchEvent(new Event('list'));
  }

  /** Show a board of the server. @param {string} slug */
  async show(slug) {
    const board = await this.#read(slug);
    const mine = this.#boards.all.find((each) => each.shared?.slug === slug);
    if (board) this.#boards.takeShared(mine ? { ...board, id: mine.id } : board);
    const known = this.#boards.all.find((each) => each.shared?.slug === slug);
    if (known) this.#boards.show(known.id);
    else this.#status.tell(`There is no board “${slug}” here.`);
  }

  /** Let the server keep the board that is shown, under an address of its own. */
  async publish() {
    const board = this.#boards.current;
    const wished = slugOf(board.name) || board.id;
    for (const slug of [wished, `${wished.slice(0, 50)}-${board.id}`]) {
      const answer = await this.#put(slug, board, { 'If-None-Match': '*' });
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
    const answer = await this.#ask(`boards/${slug}`, {
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
    const answer = await this.#ask(`boards/${slug}/versions`);
    return answer?.ok ? (await answer.json()).versions : [];
  }

  /** Make the board that is shown what it was in a version. @param {number} version */
  async restore(version) {
    const { shared, id } = this.#boards.current;
    if (!shared) return;
    const earlier = await this.#read(shared.slug, version);
    if (!earlier) return;
    this.#boards.takeShared({ ...earlier, id, shared });
    this.#boards.edit(() => {});
    this.#status.tell(`“${earlier.name}” is as it was in version ${version}.`);
  }

  #follow() {
    const slugs = this.#boards.all.flatMap(({ shared }) => (shared ? [shared.slug] : []));
    this.#stream.followBoards(slugs.sort());
  }

  #writeSoon() {
    const board = this.#boards.current;
    if (!board.shared) return;
    clearTimeout(this.#waiting.get(board.id));
    this.#waiting.set(
      board.id,
      setTimeout(() => void this.#write(board), SETTLE_MS),
    );
  }

  /** @param {Board} board @param {boolean} [anew] Whether it was deleted. */
  async #write(board, anew = false) {
    const { shared } = board;
    if (!shared || this.#asked.has(shared.slug)) return;
    /** @type {Record<string, string>} */
    const condition = anew ? { 'If-None-Match': '*' } : { 'If-Match': `"${shared.version}"` };
    const answer = await this.#put(shared.slug, board, condition);
    if (answer?.ok) {
      const { version } = await answer.json();
      this.#waiting.delete(board.id);
      this.#boards.keepVersion(board.id, version);
    } else if (answer?.status === 412 || answer?.status === 404) {
      await this.#askWhichToKeep(board);
    } else if (answer && answer.status < 500 && answer.status !== 429) {
      this.#waiting.delete(board.id);
      this.#status.tell(await reason(answer, 'The change is kept in this browser only'));
    } else {
      // The server is away: the change is in this browser meanwhile.
      this.#waiting.set(
        board.id,
        setTimeout(() => void this.#write(board, anew), RETRY_MS),
      );
    }
  }

  /** Two have changed the same board. @param {Board} board */
  async #askWhichToKeep(board) {
    const shared = /** @type {import('./board.js').Shared} */ (board.shared);
    const theirs = await this.#read(shared.slug);
    this.#waiting.delete(board.id);
    this.#asked.add(shared.slug);
    /** @param {() => void} act */
    const then = (act) => () => {
      this.#asked.delete(shared.slug);
      act();
    };
    const overwrite = then(() => {
      if (theirs?.shared) board.shared = theirs.shared;
      void this.#write(board, !theirs);
    });
    const mine = readBoard({ ...toStored(board), id: newId(), shared: undefined });
    const both = then(() => {
      if (theirs) this.#boards.takeShared({ ...theirs, id: board.id });
      if (mine) this.#boards.add({ ...mine, name: `${mine.name} (mine)` });
    });
    const take = then(() => {
      if (theirs) this.#boards.takeShared({ ...theirs, id: board.id });
      else this.#boards.remove();
    });
    const said = theirs ? 'Somebody else has changed' : 'Somebody else has deleted';
    this.#status.ask(
      `${said} “${board.name}” meanwhile.`,
      h('button', { type: 'button', onclick: overwrite }, 'Keep mine'),
      h('button', { type: 'button', onclick: take }, 'Take theirs'),
      h('button', { type: 'button', onclick: both }, 'Keep both'),
    );
  }

  async #readAll() {
    for (const { shared } of [...this.#boards.all]) {
      if (shared) await this.#changedElsewhere(shared.slug, shared.version + 1);
    }
  }

  /** @param {string} slug @param {number} version That the server has. */
  async #changedElsewhere(slug, version) {
    const mine = this.#boards.all.find((each) => each.shared?.slug === slug);
    if (!mine?.shared || mine.shared.version >= version) return;
    // What is changed here and not written yet is settled when it is.
    if (this.#waiting.has(mine.id) || this.#asked.has(slug)) return;
    const board = await this.#read(slug);
    if (!board?.shared || this.#waiting.has(mine.id)) return;
    const now = this.#boards.all.find((each) => each.shared?.slug === slug);
    if (now?.shared && now.shared.version < board.shared.version) {
      this.#boards.takeShared({ ...board, id: now.id });
    }
  }

  /** @param {string} slug @param {number} [version] @returns {Promise<Board | null>} */
  async #read(slug, version) {
    const answer = await this.#ask(`boards/${slug}${version ? `?version=${version}` : ''}`);
    if (!answer?.ok) return null;
    const { name, definition, version: is } = await answer.json();
    return readBoard({ ...definition, name, shared: { slug, version: is } });
  }

  /** @param {string} slug @param {Board} board @param {Record<string, string>} headers */
  #put(slug, board, headers) {
    const { id: _, shared: __, name, ...definition } = toStored(board);
    return this.#ask(`boards/${slug}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ name, definition }),
    });
  }

  /** @param {string} path @param {RequestInit} [options] @returns {Promise<Response | null>} Null where the server is away. */
  async #ask(path, options = {}) {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      return await fetch(new URL(path, this.#boards.home), {
        cache: 'no-store',
        ...options,
        signal,
      });
    } catch {
      return null;
    }
  }
}

/** What a board's name is in an address. @param {string} name */
export const slugOf = (name) =>
  name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[\u0300-\u036f]/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60);

/** @param {Response | null} answer @param {string} what */
async function reason(answer, what) {
  if (!answer) return `${what}: the server does not answer.`;
  const problem = await answer.json().catch(() => ({}));
  return `${what}: ${problem.detail ?? problem.title ?? `the server answers ${answer.status}`}`;
}
