/** What the server is asked about boards; null where it does not answer. */

import { readBoard, toStored } from './board.js';

/** @typedef {import('./board.js').Board} Board */

const TIMEOUT_MS = 8_000;

export class BoardServer {
  /** @param {URL} home */
  constructor(home) {
    this.#home = home;
  }

  #home;

  /**
   * @param {string} slug
   * @param {number} [version]
   * @returns {Promise<Board | null | undefined>} Null where there is none, undefined where nobody knows.
   */
  async read(slug, version) {
    const answer = await this.ask(`boards/${slug}${version ? `?version=${version}` : ''}`);
    if (!answer?.ok)
      return answer && answer.status < 500 && answer.status !== 429 ? null : undefined;
    const { name, definition, version: is } = await answer.json();
    return readBoard({ ...definition, name, shared: { slug, version: is } });
  }

  /** @param {string} slug @param {Board} board @param {Record<string, string>} headers */
  put(slug, board, headers) {
    return this.ask(`boards/${slug}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: bodyOf(board),
    });
  }

  /** @param {string} path @param {RequestInit} [options] @returns {Promise<Response | null>} */
  async ask(path, options = {}) {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      return await fetch(new URL(path, this.#home), { cache: 'no-store', ...options, signal });
    } catch {
      return null;
    }
  }
}

/** What the server is given of a board. @param {Board} board */
export function bodyOf(board) {
  const { id: _, shared: __, name, ...definition } = toStored(board);
  return JSON.stringify({ name, definition });
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
