/** Numbers in the reader's own way of writing them. */

/** @typedef {import('../stream/catalogue.js').Kpi} Kpi */
/** @typedef {import('../stream/catalogue.js').Period} Period */

const NARROW_SPACE = '\u202f';
export const ARROWS = { up: '▲', down: '▼', flat: '±' };
/** From here on a number that is to be seen from afar is shortened. */
const COMPACT_FROM = 1e7;
const FINE_DIGITS = 4;
const WHOLE_FROM = 1_000;

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/**
 * All digits that the catalogue gives a number.
 *
 * @param {number} value
 * @param {number | null} decimals Null: as many digits as tell something.
 * @param {Intl.NumberFormatOptions} [more]
 */
export function formatNumber(value, decimals, more = {}) {
  const options = { ...digits(value, decimals), ...more };
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(undefined, options);
    formats.set(key, format);
  }
  return format.format(value);
}

/** The same, or from ten million on few of them: 12.3M. @param {number} value @param {number | null} decimals */
export function formatShort(value, decimals) {
  if (Math.abs(value) < COMPACT_FROM) return formatNumber(value, decimals);
  return formatNumber(value, null, { notation: 'compact', maximumFractionDigits: 2 });
}

/** @param {number} value @param {number | null} decimals @returns {Intl.NumberFormatOptions} */
function digits(value, decimals) {
  if (decimals !== null) {
    return { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  }
  return Math.abs(value) >= WHOLE_FROM
    ? { maximumFractionDigits: 0 }
    : { maximumSignificantDigits: FINE_DIGITS };
}

/**
 * A value as it is shown: two that look the same are the same.
 *
 * @param {number} value
 * @param {number | null} decimals
 */
export function rounded(value, decimals) {
  if (decimals !== null) return Number(value.toFixed(decimals));
  return Math.abs(value) >= WHOLE_FROM
    ? Number(value.toFixed(0))
    : Number(value.toPrecision(FINE_DIGITS));
}

/** A unit as it is written after a number: `1/s` would read as a digit of it. @param {string} unit */
export function unitAfter(unit) {
  if (unit.startsWith('1/')) return unit.slice(1);
  return /^\d/.test(unit) ? `× ${unit}` : unit;
}

/** A value with its unit and all its digits. @param {number | null} value @param {Kpi} kpi */
export const formatValue = (value, kpi) =>
  value === null ? '–' : withUnit(formatNumber(value, kpi.decimals), kpi);

/** The same, to be seen from afar. @param {number | null} value @param {Kpi} kpi */
export const formatShortValue = (value, kpi) =>
  value === null ? '–' : withUnit(formatShort(value, kpi.decimals), kpi);

/** @param {string} number @param {Kpi} kpi */
const withUnit = (number, { unit }) => (unit ? number + NARROW_SPACE + unitAfter(unit) : number);
