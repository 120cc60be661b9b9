/** Times and ages: minutes and hours in the reader's time zone, days in the business's. */

/** @typedef {import('../stream/catalogue.js').Period} Period */

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();
/** @type {Map<string, string>} */
const zones = new Map();

/** How long a bucket is, about. @type {Record<Period, number>} */
export const PERIOD_MS = {
  minute: 60_000,
  '5min': 300_000,
  '15min': 900_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  month: 2_629_800_000,
};

/** Whether a bucket begins at a midnight of the business. @param {Period} period */
export const isCalendar = (period) => PERIOD_MS[period] >= PERIOD_MS.day;

/**
 * A zone's name where this browser knows it, else UTC: it may be younger than the browser.
 *
 * @param {string} zone
 */
export function knownZone(zone) {
  let known = zones.get(zone);
  if (known === undefined) {
    try {
      new Intl.DateTimeFormat(undefined, { timeZone: zone });
      known = zone;
    } catch {
      known = 'UTC';
    }
    zones.set(zone, known);
  }
  return known;
}

/**
 * @param {number} at Milliseconds since 1970.
 * @param {Intl.DateTimeFormatOptions} options
 */
export function formatTime(at, options) {
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(undefined, options);
    formats.set(key, format);
  }
  return format.format(at);
}

/** @type {Intl.DateTimeFormatOptions} */
const CLOCK = { hour: '2-digit', minute: '2-digit' };
/** @type {Intl.DateTimeFormatOptions} */
const CLOCK_IN_ZONE = { ...CLOCK, timeZoneName: 'short' };
const DAY_MS = 86_400_000;
const HALF_DAY_MS = DAY_MS / 2;
/** @type {Intl.DateTimeFormatOptions} */
const DATE = { weekday: 'short', day: 'numeric', month: 'short' };

/** @param {number} at */
export const formatClock = (at) => formatTime(at, isTwice(at) ? CLOCK_IN_ZONE : CLOCK);

/** @param {number} at */
export const formatClockSeconds = (at) => formatTime(at, { ...CLOCK, second: '2-digit' });

/**
 * The bounds of a bucket.
 *
 * @param {{ start: number, end: number }} point
 * @param {Period} period
 * @param {string} zone
 */
export function formatBucket({ start, end }, period, zone) {
  if (isCalendar(period)) {
    const first = formatDate(
      start,
      { ...(period === 'month' ? MONTH : DATE), year: 'numeric' },
      zone,
    );
    if (period !== 'week') return first;
    return `${formatDate(start, DATE, zone)} – ${formatDate(end - DAY_MS, { ...DATE, year: 'numeric' }, zone)}`;
  }
  const clock = isTwice(start) || isTwice(end) ? CLOCK_IN_ZONE : CLOCK;
  return `${formatTime(start, { ...DATE, ...clock })}–${formatTime(end, clock)}`;
}

/** @type {Intl.DateTimeFormatOptions} */
const MONTH = { month: 'long' };

/** What an axis says at an instant. @param {number} at @param {Period} period @param {string} zone */
export function formatTick(at, period, zone) {
  if (period === 'month') return formatDate(at, { month: 'short', year: '2-digit' }, zone);
  if (isCalendar(period)) return formatDate(at, { day: 'numeric', month: 'short' }, zone);
  const midnight = new Date(at).getHours() === 0 && new Date(at).getMinutes() === 0;
  if (midnight) return formatTime(at, { day: 'numeric', month: 'short' });
  return formatClock(at);
}

/**
 * When a bucket began, in the fewest words: what a change is compared with.
 *
 * @param {{ start: number, end: number }} point
 * @param {Period} period
 * @param {string} zone
 */
export function formatStart({ start }, period, zone) {
  if (period === 'month') return formatDate(start, { month: 'short' }, zone);
  if (isCalendar(period)) return formatDate(start, { day: 'numeric', month: 'short' }, zone);
  return formatClock(start);
}

/**
 * The date of a business's midnight. In a zone that this browser does not know, the noon after it
 * has the same date nearly everywhere.
 *
 * @param {number} midnight
 * @param {Intl.DateTimeFormatOptions} options
 * @param {string} zone
 */
function formatDate(midnight, options, zone) {
  const timeZone = knownZone(zone);
  return formatTime(timeZone === zone ? midnight : midnight + HALF_DAY_MS, {
    ...options,
    timeZone,
  });
}

/** @type {Map<string, number>} */
const offsets = new Map();
const HOUR_MS = 3_600_000;
const MOST_OFFSETS = 5_000;

/** How far a zone's clocks are ahead of UTC. @param {number} at @param {string} zone */
function offsetMs(at, zone) {
  const hour = Math.floor(at / HOUR_MS) * HOUR_MS;
  const key = `${hour} ${zone}`;
  let offset = offsets.get(key);
  if (offset === undefined) {
    if (offsets.size > MOST_OFFSETS) offsets.clear();
    const text = formatIn('sv-SE', hour, knownZone(zone));
    offset = Date.parse(`${text.replace(' ', 'T')}Z`) - hour;
    offsets.set(key, offset);
  }
  return offset;
}

/** @param {string} locale @param {number} at @param {string} timeZone */
const formatIn = (locale, at, timeZone) => new Date(at).toLocaleString(locale, { timeZone });

/**
 * The instant at which the clocks of a zone showed the same so many days before.
 *
 * @param {number} at
 * @param {number} days
 * @param {string} zone
 */
export function daysBefore(at, days, zone) {
  const before = at - days * DAY_MS;
  return before + offsetMs(at, zone) - offsetMs(before, zone);
}

/**
 * The date of a business's midnight, in days since 1970. Where clocks go forward at midnight the day
 * begins at one o'clock; by noon it is the same date also in a zone that this browser does not know.
 *
 * @param {number} midnight
 * @param {string} zone
 */
export function dateOf(midnight, zone) {
  const noon = midnight + HALF_DAY_MS;
  return Math.floor((noon + offsetMs(noon, zone)) / DAY_MS);
}

/** The first of a month, so many months before. @param {number} date In days since 1970. @param {number} months */
export function monthsBefore(date, months) {
  const day = new Date(date * DAY_MS);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() - months, 1) / DAY_MS;
}

/** Whether the clocks show this time twice, since they are put back. @param {number} at */
function isTwice(at) {
  const zone = (/** @type {number} */ time) => new Date(time).getTimezoneOffset();
  const back = Math.max(zone(at + DAY_MS) - zone(at), zone(at) - zone(at - DAY_MS)) * 60_000;
  return back > 0 && (zone(at + back) > zone(at) || zone(at - back) < zone(at));
}

const UNITS = [
  { unit: 'day', short: 'd', ms: DAY_MS, from: 2 * DAY_MS },
  { unit: 'hour', short: 'h', ms: 3_600_000, from: 3_600_000 },
  { unit: 'minute', short: 'min', ms: 60_000, from: 60_000 },
  { unit: 'second', short: 's', ms: 1_000, from: 0 },
];
const CALM_SECONDS = 10;

/** How old something is, in steps coarse enough to be calm. @param {number} ms */
export function formatAge(ms) {
  const { unit, short, count } = inUnits(ms);
  const calm = unit === 'second' ? Math.floor(count / CALM_SECONDS) * CALM_SECONDS : count;
  return calm === 0 ? 'just now' : `${calm} ${short} old`;
}

/** A length of time in its largest unit. @param {number} ms */
export function formatDuration(ms) {
  const { unit, count } = inUnits(ms);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** @param {number} ms */
function inUnits(ms) {
  const largest = UNITS.find(({ from }) => ms >= from) ?? { unit: 'second', short: 's', ms: 1_000 };
  return { ...largest, count: Math.max(0, Math.floor(ms / largest.ms)) };
}
