/**
 * How many columns a board has, how high its rows are, and how large its letters. A board that has
 * room in the window fills it; one that has none is scrolled, with tiles of the usual size.
 */

import { rowsOf } from './packing.js';

/**
 * @typedef {Pick<import('./board.js').Tile, 'view' | 'width' | 'height'>} Sized
 *
 * @typedef {object} Room All in pixels, and with letters of the usual size.
 * @property {number} width Of the grid.
 * @property {number} height Of the grid, so that nothing has to be scrolled.
 * @property {number} gap
 * @property {number} around How much of the window's height is taken by what is not the grid.
 * @property {number} letters The usual size.
 * @property {number} mostLetters The size on the wall.
 *
 * @typedef {object} Layout
 * @property {number} columns
 * @property {number} row The least height of a row, in pixels.
 * @property {boolean} fits Whether its rows may grow until the window is filled.
 * @property {number} letters In pixels.
 */

/** From how many rem on there are so many columns; even numbers leave fewer holes. */
const COLUMNS = [
  { from: 180, columns: 8 },
  { from: 130, columns: 6 },
  { from: 72, columns: 4 },
  { from: 54, columns: 3 },
  { from: 34, columns: 2 },
  { from: 0, columns: 1 },
];
const LEAST_ROW_REM = 12;
const MOST_ROW_REM = 17;
/** What a tile looks best at: so much wider than high. */
const BEST_SHAPE = 1.55;

/**
 * A board in a window. No tile is smaller than usual; where there is more room, rows grow first,
 * and once they are as high as they are at most else, letters grow with them, up to the wall's.
 *
 * @param {Sized[]} tiles
 * @param {Room} room
 * @returns {Layout}
 */
export function layOut(tiles, { width, height, gap, around, letters, mostLetters }) {
  const usual = COLUMNS.find(({ from }) => width / letters >= from)?.columns ?? 1;
  const column = (width - gap * (usual - 1)) / usual;
  const row = bound(column / BEST_SHAPE, LEAST_ROW_REM * letters, MOST_ROW_REM * letters);
  /** @param {number} rows */
  const fits = (rows) => rows * (row + gap) - gap <= height;
  const found = bestColumns(tiles, width, height, usual, fits);
  if (!found) return { columns: usual, row, fits: false, letters };
  const rows = rowsOf(tiles, found);
  const grown = (height + around) / (rows * MOST_ROW_REM + around / letters);
  return { columns: found, row, fits: true, letters: bound(grown, letters, mostLetters) };
}

/** A board on the wall, where everything has to be seen. @param {Sized[]} tiles @param {number} width @param {number} height */
export function wallColumns(tiles, width, height) {
  const most = tiles.reduce((sum, tile) => sum + (tile.view === 'heading' ? 0 : tile.width), 0);
  return bestColumns(tiles, width, height, most, () => true) ?? 1;
}

/**
 * So many columns that the tiles are large and well shaped; null where no number fits.
 *
 * @param {Sized[]} tiles
 * @param {number} width
 * @param {number} height
 * @param {number} most
 * @param {(rows: number) => boolean} fits
 */
function bestColumns(tiles, width, height, most, fits) {
  const sized = tiles.filter(({ view }) => view !== 'heading');
  const widest = Math.max(1, ...sized.map((tile) => tile.width));
  const area = sized.reduce((sum, tile) => sum + tile.width * tile.height, 0);
  let best = null;
  let largest = -1;
  for (let columns = Math.min(widest, most); columns <= most; columns += 1) {
    const rows = rowsOf(tiles, columns);
    if (!fits(rows)) continue;
    const size = Math.min(width / columns / BEST_SHAPE, height / rows);
    // Of two that make tiles about as large, the one that leaves less of the screen empty.
    const worth = (size * area) / (rows * columns);
    if (worth > largest) [best, largest] = [columns, worth];
  }
  return best;
}

/** @param {number} value @param {number} least @param {number} most */
const bound = (value, least, most) => Math.max(least, Math.min(most, value));
