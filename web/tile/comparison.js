/**
 * An earlier time beside the present one. What is over is read once by REST and holds; a correction
 * to it is seen at the next reading.
 *
 * Minutes and hours are compared with what the clocks of the business showed a day or a week before.
 * Days, weeks and months are counted by date, so that no clock change moves them: a day with the same
 * weekday 1 or 52 weeks before, a week with the one 52 weeks before, a month with the same month of
 * the year before, however long each was. `before` is what lies as many buckets back as are shown.
 *
 * @typedef {import('../stream/catalogue.js').Period} Period
 * @typedef {import('./view.js').Point} Point
 * @typedef {import('./view.js').Compared} Compared
 * @typedef {'day' | 'week' | 'year' | 'before'} Earlier
 *
 * @typedef {object} Wanted
 * @property {string} base Where the server is.
 * @property {string} code
 * @property {Period} period
 * @property {string} zone
 * @property {Earlier} earlier
 * @property {Point[]} points Those of now.
 * @property {number} depth
 */

import { backoffMs } from '../stream/backoff.js';
import { getJson } from '../stream/catalogue.js';
import { toPoint } from '../stream/series.js';
import { dateOf, daysBefore, isCalendar, monthsBefore, PERIOD_MS } from './time.js';

/** The bucket before the newest. */
export const LAST_ONE = {
  minute: 'the minute before',
  '5min': 'the last 5 min',
  '15min': 'the last 15 min',
  hour: 'the hour before',
  day: 'the day before',
  week: 'the week before',
  month: 'the month before',
};

/** @type {Record<Earlier, string>} */
export const EARLIER_NAMES = {
  day: 'yesterday',
  week: 'last week',
  year: 'last year',
  before: 'before',
};
const MOST_BUCKETS = 1_440;
const FRESH_MS = 3_600_000;
const DAY_MS = PERIOD_MS.day;
const WEEK_DAYS = 7;
/** So many whole weeks have the same weekdays, about a year before. */
const YEAR_WEEKS = 52;
const YEAR_MONTHS = 12;

export class Comparison {
  /** @param {() => void} changed Called when the earlier time has come. */
  constructor(changed) {
    this.#changed = changed;
  }

  #changed;
  /** By their places. @type {Map<number, Point>} */
  #points = new Map();
  /** What was read: which channel, and up to which place. */
  #key = '';
  #until = 0;
  #readAt = 0;
  #reading = false;
  #failures = 0;
  #notBefore = 0;

  /** What belongs to the buckets of now, as far as it has come; asks for what is missing. @param {Wanted} wanted @returns {Compared} */
  of(wanted) {
    const { code, period, earlier, points, depth } = wanted;
    const key = [wanted.base, code, period, earlier, depth].join(' ');
    if (key !== this.#key) {
      this.#key = key;
      this.#points = new Map();
      this.#until = this.#failures = this.#notBefore = 0;
    }
    const last = points.at(-1);
    if (last) {
      const needed = earlierPlace(last, wanted) >= this.#until;
      const old = Date.now() - this.#readAt > FRESH_MS;
      const asked = !this.#reading && Date.now() >= this.#notBefore;
      if (asked && (needed || old)) void this.#read(wanted, last);
    }
    const all = this.#points;
    return {
      name: EARLIER_NAMES[earlier],
      before: (point) => all.get(earlierPlace(point, wanted)),
    };
  }

  /** @param {Wanted} wanted @param {Point} last */
  async #read(wanted, last) {
    const { base, code, period } = wanted;
    const key = this.#key;
    this.#reading = true;
    try {
      const { end, buckets } = reach(last, wanted);
      const query = new URLSearchParams({
        period,
        history: String(Math.min(MOST_BUCKETS, buckets)),
        end: new Date(end).toISOString().replace('.000Z', 'Z'),
      });
      const { history } = await getJson(`${base}kpi/${encodeURIComponent(code)}?${query}`);
      if (key !== this.#key) return;
      this.#points = new Map(
        history.map((/** @type {any} */ wire) => {
          const point = toPoint(wire);
          return [placeOf(point, wanted), point];
        }),
      );
      this.#until = placeOf({ start: end }, wanted);
      this.#readAt = Date.now();
      this.#failures = 0;
      this.#changed();
    } catch {
      this.#notBefore = Date.now() + backoffMs(this.#failures);
      this.#failures += 1;
    } finally {
      this.#reading = false;
    }
  }
}

/**
 * By what a bucket is known: the days before it since 1970 where it begins at a midnight of the
 * business, else its first instant.
 *
 * @param {Pick<Point, 'start'>} point
 * @param {Wanted} wanted
 */
const placeOf = ({ start }, { period, zone }) => (isCalendar(period) ? dateOf(start, zone) : start);

/** The place of the bucket that belongs to one of now. @param {Point} point @param {Wanted} wanted */
function earlierPlace(point, wanted) {
  const { earlier, zone, period, depth } = wanted;
  const place = placeOf(point, wanted);
  const year = earlier === 'year';
  if (period === 'month') return monthsBefore(place, year ? YEAR_MONTHS : depth);
  if (period === 'week') return place - WEEK_DAYS * (year ? YEAR_WEEKS : depth);
  if (period === 'day') {
    return place - (earlier === 'before' ? depth : WEEK_DAYS * (year ? YEAR_WEEKS : 1));
  }
  if (earlier === 'before') return place - depth * PERIOD_MS[period];
  const at = daysBefore(place, earlier === 'week' ? WEEK_DAYS : 1, zone);
  // Where clocks are changed by half an hour, an hour belongs to the one that was running.
  return at - (at % PERIOD_MS[period]);
}

/**
 * Up to where to read, and how many buckets.
 *
 * @param {Point} last The newest bucket of now.
 * @param {Wanted} wanted
 */
function reach(last, wanted) {
  const { period, points, depth } = wanted;
  const place = earlierPlace(last, wanted);
  const spare = depth + 1;
  if (isCalendar(period)) {
    // Such buckets are not all equally long, so it ends where a known one begins.
    const after = points.find((point) => placeOf(point, wanted) > place) ?? last;
    const days = placeOf(after, wanted) - place;
    return { end: after.start, buckets: spare + Math.ceil((days * DAY_MS) / PERIOD_MS[period]) };
  }
  // Ahead of what is needed now, up to what is complete: one reading holds for a while.
  const length = PERIOD_MS[period];
  const ahead = Math.max(0, Math.min(depth, Math.floor((last.start - place) / length) - 1));
  return { end: place + (1 + ahead) * length, buckets: spare + ahead };
}

/** What a period can be compared with, beside the bucket before. @param {Period} period @returns {Earlier[]} */
export function earlierOf(period) {
  if (period === 'month' || period === 'week') return ['year', 'before'];
  return period === 'day' ? ['week', 'year', 'before'] : ['day', 'week', 'before'];
}
