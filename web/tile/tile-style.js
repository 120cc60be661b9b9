/** The look of a tile, shared by all of them; colours follow the page's `color-scheme`. */

import { backoffMs } from '../stream/backoff.js';

const FILES = ['../colours.css', 'tile.css', 'views.css'];

export const tileStyle = new CSSStyleSheet();

/** Resolves once tiles can be shown; never rejects, as the server may only be away. */
export const styled = load(0);

/** @param {number} attempt @returns {Promise<void>} */
async function load(attempt) {
  try {
    const texts = await Promise.all(FILES.map(read));
    tileStyle.replaceSync(texts.join('\n'));
  } catch {
    await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt)));
    return load(attempt + 1);
  }
}

/** @param {string} name */
async function read(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name} is answered with ${response.status}`);
  return response.text();
}
