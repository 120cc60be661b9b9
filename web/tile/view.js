/**
 * What a tile can show. Each view is made for one channel and thrown away with it.
 *
 * @typedef {import('../stream/catalogue.js').Kpi} Kpi
 * @typedef {import('../stream/catalogue.js').Period} Period
 * @typedef {import('../stream/series.js').Point} Point
 *
 * @typedef {object} Compared An earlier time, beside the present one.
 * @property {string} name What it is, after "vs".
 * @property {(point: Point) => Point | undefined} before The bucket that belongs to one of now.
 *
 * @typedef {object} Other A further KPI in the same chart.
 * @property {Kpi} kpi
 * @property {Point[]} points
 *
 * @typedef {object} Shown
 * @property {Kpi} kpi
 * @property {Period} period
 * @property {string} zone The business's time zone.
 * @property {import('../stream/series.js').Series} series
 * @property {Point[]} points The newest of the series that are shown.
 * @property {number} depth How many buckets there is room for.
 * @property {import('../stream/series.js').Status | null} status Of the newest value.
 * @property {Compared | null} compared
 * @property {Other[]} others
 *
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {(shown: Shown) => void} update
 * @property {() => void} [resize]
 * @property {() => void} [recolour] The colours have changed.
 * @property {() => void} [destroy]
 *
 * @typedef {(tip: import('./tooltip.js').Tooltip) => View} MakeView
 */

import { formatValue } from './format.js';

/** What a screen reader hears of a picture. @param {Shown} shown @param {string} kind */
export function describe({ kpi, points, others }, kind) {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const names = [kpi, ...others.map((other) => other.kpi)].map(({ name }) => name).join(', ');
  if (values.length === 0) return `${names}: ${kind} without data`;
  const low = formatValue(Math.min(...values), kpi);
  const high = formatValue(Math.max(...values), kpi);
  const counted = points.length === 1 ? '1 bucket' : `${points.length} buckets`;
  return `${names}: ${kind} of ${counted}, from ${low} to ${high}`;
}
