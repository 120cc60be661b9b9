/**
 * A board: which tiles, in which order, each with what view and size.
 *
 * @typedef {object} Tile
 * @property {string} key Tells tiles of one page apart; not kept.
 * @property {string} code Of the KPI; of a group's tile a pattern such as `plant1.*`; else empty.
 * @property {Period} period
 * @property {ViewName} view
 * @property {number} width In columns.
 * @property {number} height In rows.
 * @property {number} depth How many buckets it shows.
 * @property {Partial<Record<Period, number>>} depths What was chosen at other periods.
 * @property {string} title In place of the KPI's name; the words of a heading or a text.
 * @property {Earlier | ''} earlier What it is compared with.
 * @property {string[]} more Codes of further KPIs in the same chart.
 * @property {boolean} alert Whether a change of its status is announced.
 *
 * @typedef {object} Board
 * @property {string} id Stays when the name changes.
 * @property {string} name
 * @property {Tile[]} tiles
 * @property {Shared} [shared] Where the server keeps it, for all.
 *
 * @typedef {object} Shared
 * @property {string} slug
 * @property {number} version That the server had when it was read or written here last.
 * @property {boolean} [unwritten] Whether it was changed here since; also after the page was loaded anew.
 *
 * @typedef {import('../stream/catalogue.js').Period} Period
 * @typedef {import('../tile/comparison.js').Earlier} Earlier
 * @typedef {'number' | 'line' | 'bars' | 'gauge' | 'table' | 'rank' | 'status' | 'heading' | 'text'
 *   } ViewName
 */

import { CODE, PERIODS } from '../stream/catalogue.js';
import { MOST_DEPTH, TILE_DEPTH } from '../stream/transport.js';

export { PERIODS };

/** Views of one KPI. @type {ViewName[]} */
export const KPI_VIEWS = ['number', 'line', 'bars', 'gauge', 'table'];
/** Views of all KPIs that a pattern names. @type {ViewName[]} */
export const GROUP_VIEWS = ['rank', 'status'];
/** Words alone. @type {ViewName[]} */
export const TEXT_VIEWS = ['heading', 'text'];
export const VIEWS = [...KPI_VIEWS, ...GROUP_VIEWS, ...TEXT_VIEWS];
export const MAX_WIDTH = 4;
export const MAX_HEIGHT = 4;
export const MOST_MORE = 3;
const MOST_NAME_LETTERS = 60;
const MOST_TITLE_LETTERS = 400;
/** What a period is called on a tile, and in a list of choices. */
export const PERIOD_WORDS = {
  minute: '1 min',
  '5min': '5 min',
  '15min': '15 min',
  hour: '1 h',
  day: '1 day',
  week: '1 week',
  month: '1 month',
};
/**
 * How far back a tile can look, by period: buckets, and what they are to a person.
 *
 * @type {Record<Period, Record<number, string>>}
 */
export const DEPTHS = {
  minute: { 60: '1 h', 120: '2 h', 360: '6 h', 1440: '24 h' },
  '5min': { 60: '5 h', 144: '12 h', 288: '24 h', 1440: '5 d' },
  '15min': { 60: '15 h', 96: '24 h', 288: '3 d', 672: '7 d' },
  hour: { 24: '1 d', 60: '2½ d', 168: '7 d', 720: '30 d' },
  day: { 30: '30 d', 60: '60 d', 180: '½ y', 365: '1 y' },
  week: { 12: '12 w', 26: '½ y', 60: '60 w', 104: '2 y' },
  month: { 12: '1 y', 24: '2 y', 60: '5 y', 120: '10 y' },
};

const PATTERN = /^[A-Za-z0-9_.*-]{1,64}$/;
const EARLIER = /** @type {Earlier[]} */ (['day', 'week', 'year', 'before']);

let keys = 0;

/**
 * @param {Partial<Tile>} given
 * @returns {Tile}
 */
export function newTile(given) {
  keys += 1;
  return {
    code: '',
    period: 'minute',
    view: 'number',
    width: 1,
    height: 1,
    depth: TILE_DEPTH,
    depths: {},
    title: '',
    earlier: '',
    more: [],
    alert: false,
    ...given,
    key: `tile-${keys}`,
  };
}

/** @param {string} name @param {Tile[]} [tiles] @returns {Board} */
export const newBoard = (name, tiles = []) => ({ id: newId(), name, tiles });

export const newId = () => Math.random().toString(36).slice(2, 8);

/** Show another period; each has the range that was chosen for it. @param {Tile} tile @param {Period} period */
export function setPeriod(tile, period) {
  if (period === tile.period) return;
  tile.depths = { ...tile.depths, [tile.period]: tile.depth };
  tile.depth = tile.depths[period] ?? TILE_DEPTH;
  tile.period = period;
}

/**
 * Read a tile from what anybody may have written; null where it shows nothing.
 *
 * @param {any} raw
 * @returns {Tile | null}
 */
export function readTile(raw) {
  const view = VIEWS.find((each) => each === raw?.view) ?? 'number';
  const code = typeof raw?.code === 'string' ? raw.code : '';
  const words = TEXT_VIEWS.includes(view);
  if (!words && !(GROUP_VIEWS.includes(view) ? PATTERN : CODE).test(code)) return null;
  const more = Array.isArray(raw.more) ? raw.more : [];
  return newTile({
    code: words ? '' : code,
    period: PERIODS.find((each) => each === raw.period) ?? 'minute',
    view,
    width: whole(raw.width, 1, MAX_WIDTH, 1),
    height: whole(raw.height, 1, MAX_HEIGHT, 1),
    depth: whole(raw.depth, 2, MOST_DEPTH, TILE_DEPTH),
    depths: readDepths(raw.depths),
    title: typeof raw.title === 'string' ? raw.title.slice(0, MOST_TITLE_LETTERS) : '',
    earlier: EARLIER.find((each) => each === raw.earlier) ?? '',
    more: more.filter((/** @type {unknown} */ each) => CODE.test(String(each))).slice(0, MOST_MORE),
    alert: raw.alert === true,
  });
}

/** @param {any} raw @returns {Partial<Record<Period, number>>} */
function readDepths(raw) {
  const known = PERIODS.filter((period) => Number.isInteger(raw?.[period]));
  return Object.fromEntries(
    known.map((period) => [period, whole(raw[period], 2, MOST_DEPTH, TILE_DEPTH)]),
  );
}

/** @param {any} raw @returns {Board | null} */
export function readBoard(raw) {
  if (!Array.isArray(raw?.tiles)) return null;
  const tiles = raw.tiles.map(readTile).filter((/** @type {Tile | null} */ tile) => tile !== null);
  const id = typeof raw.id === 'string' && /^[a-z0-9]{1,16}$/.test(raw.id) ? raw.id : newId();
  const said = typeof raw.name === 'string' ? raw.name : '';
  const name = said.trim().slice(0, MOST_NAME_LETTERS) || 'Board';
  const slug = raw.shared?.slug;
  const version = raw.shared?.version;
  if (!isSlug(slug) || !Number.isInteger(version)) return { id, name, tiles };
  const unwritten = raw.shared.unwritten === true;
  return { id, name, tiles, shared: { slug, version, ...(unwritten && { unwritten }) } };
}

/** Whether it can name a board at the server. @param {unknown} slug @returns {slug is string} */
export const isSlug = (slug) => typeof slug === 'string' && /^[a-z0-9][a-z0-9-]{0,59}$/.test(slug);

/**
 * Make a board what a newer version of it says. Tiles that are in both stay the same objects, so
 * that nothing of what is shown of them has to be built anew.
 *
 * @param {Board} board
 * @param {Board} newer
 */
export function mergeInto(board, newer) {
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
  if (newer.shared) board.shared = newer.shared;
  else delete board.shared;
  board.tiles = newer.tiles.map((tile) => {
    const same = kept.get(tile);
    return same ? Object.assign(same, { ...tile, key: same.key }) : tile;
  });
}

/** By what a tile is known again, the surest first. @type {((tile: Tile) => string)[]} */
const LIKENESSES = [
  ({ key: _, ...rest }) => JSON.stringify(Object.entries(rest).sort()),
  ({ code, period, title }) => `${code}:${period} ${title}`,
  ({ code, period }) => `${code}:${period}`,
  ({ code }) => code,
];

/** What is kept of a board: what is as usual is left out. @param {Board} board */
export function toStored({ id, name, tiles, shared }) {
  return { id, name, tiles: tiles.map(toStoredTile), ...(shared && { shared }) };
}

/** @param {Tile} tile */
function toStoredTile({ key: _, depths, title, earlier, more, alert, ...rest }) {
  return {
    ...rest,
    ...(Object.keys(depths).length > 0 && { depths }),
    ...(title && { title }),
    ...(earlier && { earlier }),
    ...(more.length > 0 && { more }),
    ...(alert && { alert }),
  };
}

/** @param {any} value @param {number} least @param {number} most @param {number} otherwise */
function whole(value, least, most, otherwise) {
  const number = Number(value);
  return Number.isInteger(number) ? Math.min(most, Math.max(least, number)) : otherwise;
}
