/**
 * A board as the fragment of a URL, so that a link shares it and the server never sees it:
 * `#id=k3f9&name=Operations&t=cpu_utilisation:minute,line,2x1,120&t=…`. What is as usual is left out.
 */

import { TILE_DEPTH } from '../stream/transport.js';
import { readBoard, VIEWS } from './board.js';

/** @typedef {import('./board.js').Board} Board */

/** @param {Board} board @returns {string} With the `#`. */
export function toFragment({ id, name, tiles }) {
  const parts = [`id=${id}`, `name=${encodeURIComponent(name)}`];
  for (const tile of tiles) {
    const said = [`${tile.code}:${tile.period}`];
    if (tile.view !== 'number') said.push(tile.view);
    if (tile.width !== 1 || tile.height !== 1) said.push(`${tile.width}x${tile.height}`);
    if (tile.depth !== TILE_DEPTH) said.push(String(tile.depth));
    if (tile.earlier) said.push(`vs-${tile.earlier}`);
    if (tile.more.length > 0) said.push(`with-${tile.more.join('+')}`);
    if (tile.alert) said.push('alert');
    // Twice, since a comma in it separates nothing.
    if (tile.title) said.push(`named-${encodeURIComponent(tile.title)}`);
    parts.push(`t=${said.join(',').replaceAll('%', '%25').replaceAll('+', '%2B')}`);
  }
  return `#${parts.join('&')}`;
}

/** @param {string} fragment @returns {Board | null} Null where it describes no board. */
export function fromFragment(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ''));
  if (!given.has('id') && !given.has('t')) return null;
  return readBoard({
    id: given.get('id'),
    name: given.get('name'),
    tiles: given.getAll('t').map(readTile),
  });
}

/** @param {string} text */
function readTile(text) {
  const [channel = '', ...rest] = text.split(',');
  const at = channel.lastIndexOf(':');
  /** @type {Record<string, unknown>} */
  const tile = { code: channel.slice(0, at), period: channel.slice(at + 1) };
  for (const word of rest) {
    const size = /^(\d)x(\d)$/.exec(word);
    const [, name, value = ''] = /^(vs|with|named)-(.*)$/.exec(word) ?? [];
    if (size) Object.assign(tile, { width: size[1], height: size[2] });
    else if (/^\d+$/.test(word)) tile.depth = word;
    else if (word === 'alert') tile.alert = true;
    else if (name === 'vs') tile.earlier = value;
    else if (name === 'with') tile.more = value.split('+');
    else if (name === 'named') tile.title = decoded(value);
    else if (VIEWS.some((view) => view === word)) tile.view = word;
  }
  return tile;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
