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
    if (!answer?.ok) return answer?.status === 404 ? null : undefined;
    const said = await read(answer);
    return said
      ? readBoard({ ...said.definition, name: said.name, shared: { slug, version: said.version } })
      : undefined;
  }

  /** @param {string} slug @param {string} body @param {Record<string, string>} headers */
  put(slug, body, headers) {
    return this.ask(`boards/${slug}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', ...headers },
      body,
    });
  }

  /** Which version was written; null where the answer broke off. @param {Response} answer @returns {Promise<number | null>} */
  async versionOf(answer) {
    return (await read(answer))?.version ?? null;
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

/** @param {Response} answer @returns {Promise<any>} Null where it broke off. */
const read = (answer) => answer.json().catch(() => null);

/** @param {Response | null} answer @param {string} what */
export async function reason(answer, what) {
  if (!answer) return `${what}: the server does not answer.`;
  const problem = (await read(answer)) ?? {};
  return `${what}: ${problem.detail ?? problem.title ?? `the server answers ${answer.status}`}`;
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
