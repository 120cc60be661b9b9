/** The board of a first visit: full, and showing what tiles can do. */

import { CODE } from '../stream/catalogue.js';
import { newTile } from './board.js';

/** @typedef {import('../stream/catalogue.js').Kpi} Kpi */

const MOST = 8;
/** @type {Partial<import('./board.js').Tile>[]} */
const PLACES = [
  {},
  {},
  {},
  { view: 'gauge' },
  { view: 'line', width: 2, height: 2, depth: 120 },
  {},
  {},
  { view: 'bars', width: 2 },
];

/**
 * Take KPIs in turn from the business and from the machine; those with a target come first, since
 * they can say whether all is well.
 *
 * @param {Kpi[]} kpis
 * @returns {import('./board.js').Tile[]}
 */
export function firstTiles(kpis) {
  const told = kpis.filter(({ code }) => CODE.test(code)).sort((a, b) => rank(a) - rank(b));
  const simulated = told.filter((kpi) => kpi.simulated);
  const real = told.filter((kpi) => !kpi.simulated);
  /** @type {Kpi[]} */
  const chosen = [];
  while (chosen.length < MOST && simulated.length + real.length > 0) {
    for (const list of [simulated, real]) {
      const kpi = list.shift();
      if (kpi && chosen.length < MOST) chosen.push(kpi);
    }
  }
  return chosen.map((kpi, index) => newTile({ code: kpi.code, ...PLACES[index] }));
}

/** @param {Kpi} kpi */
const rank = ({ target, direction }) => (target === null ? 1 : 0) + (direction === null ? 1 : 0);
