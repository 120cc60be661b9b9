/**
 * A value against its target: the one place where the page decides what is good.
 *
 * @typedef {import('../stream/catalogue.js').Kpi} Kpi
 * @typedef {import('../stream/series.js').Status} Status
 */

import { ARROWS, formatShort, rounded } from './format.js';

export const STATUS_WORDS = { good: 'on target', warning: 'near the limit', bad: 'off target' };

/**
 * The status of a bucket: the server's word, or where it has none what target, warning and direction
 * say of the value as it is shown.
 *
 * @param {{ value: number | null, status?: Status | null } | null | undefined} point
 * @param {Kpi} kpi
 * @returns {Status | null} Null where there is nothing to judge.
 */
export function judge(point, { target, warning, direction, decimals }) {
  if (!point || point.value === null) return null;
  if (point.status !== undefined) return point.status;
  if (target === null || direction === null) return null;
  const value = rounded(point.value, decimals);
  /** @param {number} limit */
  const reaches = (limit) => {
    const shown = rounded(limit, decimals);
    return direction === 'up' ? value >= shown : value <= shown;
  };
  if (reaches(target)) return 'good';
  return warning !== null && reaches(warning) ? 'warning' : 'bad';
}

/**
 * How a number moved. It has a tone only where the number is not good and has become worse: what is
 * on target may move as it likes, and nothing is praised that is still off target.
 *
 * @typedef {object} Trend
 * @property {'up' | 'down' | 'flat'} way
 * @property {'worse' | 'neutral'} tone
 * @property {string} text
 *
 * @param {number | null} delta
 * @param {Kpi} kpi
 * @param {Status | null} status
 * @returns {Trend | null}
 */
export function trend(delta, kpi, status) {
  if (delta === null) return null;
  const text = formatShort(Math.abs(delta), kpi.decimals);
  if (rounded(delta, kpi.decimals) === 0) return { way: 'flat', tone: 'neutral', text };
  const way = delta > 0 ? 'up' : 'down';
  const worse = kpi.direction !== null && kpi.direction !== way;
  const matters = worse && (status === 'bad' || status === 'warning');
  return { way, tone: matters ? 'worse' : 'neutral', text };
}

/** @param {Trend} moved */
export const trendText = ({ way, text }) => `${ARROWS[way]} ${text}`;
