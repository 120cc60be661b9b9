/** Numbers and times in the reader's own way of writing them. */

/** @typedef {import('../stream/catalogue.js').Kpi} Kpi */
/** @typedef {'minute' | 'hour' | 'day'} Period */

const NARROW_SPACE = '\u202f';
export const ARROWS = { up: '▲', down: '▼', flat: '±' };
const COMPACT_FROM = 1e7;
const FINE_DIGITS = 4;

/** @type {Map<string, Intl.NumberFormat>} */
const numberFormats = new Map();
/** @type {Map<string, Intl.DateTimeFormat>} */
const dateFormats = new Map();

/**
 * @param {number} value
 * @param {number | null} decimals Null: as many digits as tell something.
 * @param {Intl.NumberFormatOptions} [more]
 */
export function formatNumber(value, decimals, more = {}) {
  const options = { ...digits(value, decimals), ...more };
  const key = JSON.stringify(options);
  let format = numberFormats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(undefined, options);
    numberFormats.set(key, format);
  }
  return format.format(value);
}

/** @param {number} value @param {number | null} decimals @returns {Intl.NumberFormatOptions} */
function digits(value, decimals) {
  const size = Math.abs(value);
  if (size >= COMPACT_FROM) return { notation: 'compact', maximumFractionDigits: 2 };
  if (decimals !== null) {
    return { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  }
  return size >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: FINE_DIGITS };
}

/** @param {number | null} value @param {Kpi} kpi */
export function formatValue(value, kpi) {
  if (value === null) return '–';
  const number = formatNumber(value, kpi.decimals);
  return kpi.unit ? number + NARROW_SPACE + kpi.unit : number;
}

/**
 * How a number moved, and whether that is good.
 *
 * @typedef {object} Trend
 * @property {'up' | 'down' | 'flat'} way
 * @property {'good' | 'bad' | 'neutral'} tone
 * @property {string} text
 *
 * @param {number | null} delta
 * @param {Kpi} kpi
 * @returns {Trend | null}
 */
export function trend(delta, kpi) {
  if (delta === null) return null;
  const text = formatNumber(Math.abs(delta), kpi.decimals);
  if (!/[1-9]/.test(formatNumber(Math.abs(delta), kpi.decimals, { numberingSystem: 'latn' }))) {
    return { way: 'flat', tone: 'neutral', text };
  }
  const way = delta > 0 ? 'up' : 'down';
  if (kpi.direction === null) return { way, tone: 'neutral', text };
  return { way, tone: kpi.direction === way ? 'good' : 'bad', text };
}

/**
 * @param {number | null | undefined} value
 * @param {Kpi} kpi
 * @returns {'met' | 'missed' | null} Null where there is nothing to compare.
 */
export function againstTarget(value, { target, direction }) {
  if (value === null || value === undefined || target === null || direction === null) return null;
  const met = direction === 'up' ? value >= target : value <= target;
  return met ? 'met' : 'missed';
}

/**
 * @param {number} at Milliseconds since 1970.
 * @param {Intl.DateTimeFormatOptions} options
 */
export function formatTime(at, options) {
  const key = JSON.stringify(options);
  let format = dateFormats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(undefined, options);
    dateFormats.set(key, format);
  }
  return format.format(at);
}

/** @type {Intl.DateTimeFormatOptions} */
const CLOCK = { hour: '2-digit', minute: '2-digit' };
/** @type {Intl.DateTimeFormatOptions} */
const CLOCK_IN_ZONE = { ...CLOCK, timeZoneName: 'short' };
const DAY_MS = 86_400_000;
/** @type {Intl.DateTimeFormatOptions} */
const DATE = { weekday: 'short', day: 'numeric', month: 'short' };

/**
 * The bounds of a bucket; minutes and hours in the reader's time zone, days in the business's.
 *
 * @param {{ start: number, end: number }} point
 * @param {Period} period
 * @param {string} zone
 */
export function formatBucket({ start, end }, period, zone) {
  if (period === 'day') return formatTime(start, { ...DATE, year: 'numeric', timeZone: zone });
  const clock = isTwice(start) || isTwice(end) ? CLOCK_IN_ZONE : CLOCK;
  return `${formatTime(start, { ...DATE, ...clock })}–${formatTime(end, clock)}`;
}

/** What an axis says at an instant. @param {number} at @param {Period} period @param {string} zone */
export function formatTick(at, period, zone) {
  if (period === 'day') return formatTime(at, { day: 'numeric', month: 'short', timeZone: zone });
  const midnight = new Date(at).getHours() === 0 && new Date(at).getMinutes() === 0;
  if (midnight) return formatTime(at, { day: 'numeric', month: 'short' });
  return formatTime(at, isTwice(at) ? CLOCK_IN_ZONE : CLOCK);
}

/** Whether the clocks show this time twice, since they are put back. @param {number} at */
function isTwice(at) {
  const zone = (/** @type {number} */ time) => new Date(time).getTimezoneOffset();
  const back = Math.max(zone(at + DAY_MS) - zone(at), zone(at) - zone(at - DAY_MS)) * 60_000;
  return back > 0 && (zone(at + back) > zone(at) || zone(at - back) < zone(at));
}

const UNITS = [
  { unit: 'day', ms: 86_400_000, from: 172_800_000 },
  { unit: 'hour', ms: 3_600_000, from: 3_600_000 },
  { unit: 'minute', ms: 60_000, from: 60_000 },
  { unit: 'second', ms: 1_000, from: 0 },
];
const CALM_SECONDS = 10;
const agoFormat = new Intl.RelativeTimeFormat(undefined, { style: 'narrow' });

/** How old something is, in steps coarse enough to be calm. @param {number} ms */
export function formatAge(ms) {
  const { unit, count } = inUnits(ms);
  if (unit !== 'second') return agoFormat.format(-count, unit);
  const calm = Math.floor(count / CALM_SECONDS) * CALM_SECONDS;
  return calm === 0 ? 'just now' : agoFormat.format(-calm, unit);
}

/** A length of time in its largest unit. @param {number} ms */
export function formatDuration(ms) {
  const { unit, count } = inUnits(ms);
  return formatNumber(count, 0, { style: 'unit', unit, unitDisplay: 'long' });
}

/** @param {number} ms @returns {{ unit: Intl.RelativeTimeFormatUnit, count: number }} */
function inUnits(ms) {
  const { unit, ms: each } = UNITS.find(({ from }) => ms >= from) ?? { unit: 'second', ms: 1_000 };
  const count = Math.max(0, Math.floor(ms / each));
  return { unit: /** @type {Intl.RelativeTimeFormatUnit} */ (unit), count };
}
