/**
 * What a tile can show. Each view is made for one channel and thrown away with it.
 *
 * @typedef {object} Shown
 * @property {import('../stream/catalogue.js').Kpi} kpi
 * @property {import('./format.js').Period} period
 * @property {string} zone The business's time zone.
 * @property {import('../stream/series.js').Series} series
 * @property {import('../stream/series.js').Point[]} points The newest of the series that are shown.
 *
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {(shown: Shown) => void} update
 * @property {() => void} [resize]
 * @property {() => void} [destroy]
 *
 * @typedef {(tip: import('./tooltip.js').Tooltip) => View} MakeView
 */

/** What a screen reader hears of a picture. @param {Shown} shown @param {string} kind */
export function describe({ kpi, points }, kind) {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  if (values.length === 0) return `${kpi.name}: ${kind} without data`;
  const low = formatValue(Math.min(...values), kpi);
  const high = formatValue(Math.max(...values), kpi);
  return `${kpi.name}: ${kind} of ${points.length} buckets, from ${low} to ${high}`;
}

import { formatValue } from './format.js';
