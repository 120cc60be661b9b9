/** How a grid packs tiles: each in the first free place, as CSS does it with `dense`. */

/** @typedef {import('./board.js').Tile} Tile */

/** A tile's height is counted in quarters of a row: a heading is one high, and as wide as the board. */
export const QUARTERS = 4;

/**
 * How many rows tiles fill.
 *
 * @param {Pick<Tile, 'view' | 'width' | 'height'>[]} tiles
 * @param {number} columns
 * @returns {number} In whole and quarter rows; at least a quarter.
 */
export function rowsOf(tiles, columns) {
  /** By row of quarters, which columns are taken. @type {boolean[][]} */
  const taken = [];
  let rows = 1;
  for (const { view, width, height } of tiles) {
    const wide = view === 'heading' ? columns : Math.min(columns, width);
    const high = view === 'heading' ? 1 : height * QUARTERS;
    const [row, column] = firstFree(taken, columns, wide, high);
    for (let at = row; at < row + high; at += 1) {
      taken[at] ??= new Array(columns).fill(false);
      taken[at]?.fill(true, column, column + wide);
    }
    rows = Math.max(rows, row + high);
  }
  return rows / QUARTERS;
}

/**
 * @param {boolean[][]} taken
 * @param {number} columns
 * @param {number} wide
 * @param {number} high
 * @returns {[row: number, column: number]}
 */
function firstFree(taken, columns, wide, high) {
  for (let row = 0; ; row += 1) {
    for (let column = 0; column + wide <= columns; column += 1) {
      if (isFree(taken, row, column, wide, high)) return [row, column];
    }
  }
}

/** @param {boolean[][]} taken @param {number} row @param {number} column @param {number} wide @param {number} high */
function isFree(taken, row, column, wide, high) {
  for (let at = row; at < row + high; at += 1) {
    if (taken[at]?.slice(column, column + wide).includes(true)) return false;
  }
  return true;
}
