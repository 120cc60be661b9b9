/** The boards that this browser keeps, by the address of the dashboard: two on one host share none. */

import { readBoard, toStored } from './board.js';

/** @typedef {import('./board.js').Board} Board */

const NAME = 'kpi-stream boards';

/** @param {string} path Of the dashboard. */
export const storageKey = (path) => (path === '/' ? NAME : `${NAME} ${path}`);

export class BoardStorage {
  /** @param {string} path Of the dashboard. @param {(text: string) => void} trouble Told once what is wrong. */
  constructor(path, trouble) {
    this.key = storageKey(path);
    this.#trouble = trouble;
  }

  #trouble;
  /** @type {Set<string>} */
  #told = new Set();

  /** @returns {Board[]} */
  read() {
    /** @type {string | null} */
    let text = null;
    try {
      text = localStorage.getItem(this.key);
      const stored = JSON.parse(text ?? '[]');
      if (!Array.isArray(stored)) throw new TypeError('no list');
      return stored.map(readBoard).filter((/** @type {Board | null} */ board) => board !== null);
    } catch {
      if (text !== null) this.#setAside(text);
      return [];
    }
  }

  /** @param {Board[]} boards */
  write(boards) {
    try {
      localStorage.setItem(this.key, JSON.stringify(boards.map(toStored)));
    } catch {
      this.#tell(
        'This browser keeps no data of this page. Your boards last until you close it: save them as files.',
      );
    }
  }

  /** Keep what cannot be read, so that what is written next does not overwrite it. @param {string} text */
  #setAside(text) {
    const aside = `${this.key} (unreadable)`;
    try {
      localStorage.setItem(aside, text);
    } catch {
      return;
    }
    this.#tell(`Your boards could not be read. They are kept in this browser as “${aside}”.`);
  }

  /** @param {string} text */
  #tell(text) {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#trouble(text);
  }
}
