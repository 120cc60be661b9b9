/**
 * A board: which tiles, in which order, each with what view and size.
 *
 * @typedef {object} Tile
 * @property {string} key Tells tiles of one page apart; not kept.
 * @property {string} code
 * @property {Period} period
 * @property {ViewName} view
 * @property {number} width In columns.
 * @property {number} height In rows.
 * @property {number} depth How many buckets it shows.
 *
 * @typedef {object} Board
 * @property {string} id Stays when the name changes.
 * @property {string} name
 * @property {Tile[]} tiles
 *
 * @typedef {import('../tile/format.js').Period} Period
 * @typedef {'number' | 'line' | 'bars' | 'gauge' | 'table'} ViewName
 */

/** @type {Period[]} */
export const PERIODS = ['minute', 'hour', 'day'];
/** @type {ViewName[]} */
export const VIEWS = ['number', 'line', 'bars', 'gauge', 'table'];
export const MAX_WIDTH = 4;
export const MAX_HEIGHT = 4;
export const DEFAULT_DEPTH = 60;
/** How far back a tile can look, by period: buckets, and what they are to a person. */
export const DEPTHS = {
  minute: { 60: '1 h', 120: '2 h', 360: '6 h', 1440: '24 h' },
  hour: { 24: '1 d', 60: '2½ d', 168: '7 d', 720: '30 d' },
  day: { 30: '30 d', 60: '60 d', 180: '½ y', 365: '1 y' },
};

const CODE = /^[A-Za-z0-9_.-]{1,64}$/;

let keys = 0;

/**
 * @param {Partial<Tile> & { code: string }} given
 * @returns {Tile}
 */
export function newTile(given) {
  keys += 1;
  return {
    period: 'minute',
    view: 'number',
    width: 1,
    height: 1,
    depth: DEFAULT_DEPTH,
    ...given,
    key: `tile-${keys}`,
  };
}

/** @param {string} name @param {Tile[]} [tiles] @returns {Board} */
export const newBoard = (name, tiles = []) => ({ id: newId(), name, tiles });

export const newId = () => Math.random().toString(36).slice(2, 8);

/**
 * Read a tile from what anybody may have written; null where it names no channel.
 *
 * @param {any} raw
 * @returns {Tile | null}
 */
export function readTile(raw) {
  if (typeof raw?.code !== 'string' || !CODE.test(raw.code)) return null;
  return newTile({
    code: raw.code,
    period: PERIODS.find((each) => each === raw.period) ?? 'minute',
    view: VIEWS.find((each) => each === raw.view) ?? 'number',
    width: whole(raw.width, 1, MAX_WIDTH, 1),
    height: whole(raw.height, 1, MAX_HEIGHT, 1),
    depth: whole(raw.depth, 2, 1440, DEFAULT_DEPTH),
  });
}

/** @param {any} raw @returns {Board | null} */
export function readBoard(raw) {
  if (!Array.isArray(raw?.tiles)) return null;
  const tiles = raw.tiles.map(readTile).filter((/** @type {Tile | null} */ tile) => tile !== null);
  const id = typeof raw.id === 'string' && /^[a-z0-9]{1,16}$/.test(raw.id) ? raw.id : newId();
  const said = typeof raw.name === 'string' ? raw.name : '';
  const name = said.trim().slice(0, 60) || 'Board';
  return { id, name, tiles };
}

/**
 * Make a board what a newer version of it says. Tiles that are in both stay the same objects, so
 * that nothing of what is shown of them has to be built anew.
 *
 * @param {Board} board
 * @param {Board} newer
 */
export function become(board, newer) {
  const left = [...board.tiles];
  /** @type {Map<Tile, Tile>} */
  const kept = new Map();
  for (const alike of LIKENESSES) {
    for (const tile of newer.tiles) {
      const at = left.findIndex((each) => alike(each) === alike(tile));
      const [same] = kept.has(tile) || at < 0 ? [] : left.splice(at, 1);
      if (same) kept.set(tile, same);
    }
  }
  board.name = newer.name;
  board.tiles = newer.tiles.map((tile) => {
    const same = kept.get(tile);
    return same ? Object.assign(same, { ...tile, key: same.key }) : tile;
  });
}

/** By what a tile is known again, the surest first. @type {((tile: Tile) => string)[]} */
const LIKENESSES = [
  ({ key: _, ...rest }) => JSON.stringify(Object.entries(rest).toSorted()),
  ({ code, period }) => `${code}:${period}`,
  ({ code }) => code,
];

/** What is kept of a board. @param {Board} board */
export function plain({ id, name, tiles }) {
  return { id, name, tiles: tiles.map(({ key: _, ...rest }) => rest) };
}

/** @param {any} value @param {number} least @param {number} most @param {number} otherwise */
function whole(value, least, most, otherwise) {
  const number = Number(value);
  return Number.isInteger(number) ? Math.min(most, Math.max(least, number)) : otherwise;
}
