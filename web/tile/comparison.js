/**
 * An earlier time beside the present one: yesterday, last week, or as many buckets before. What is
 * over is read once by REST and holds; a correction to it is seen at the next reading.
 *
 * @typedef {import('../stream/catalogue.js').Period} Period
 * @typedef {import('./view.js').Point} Point
 * @typedef {import('./view.js').Compared} Compared
 * @typedef {'day' | 'week' | 'before'} Earlier
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
import { daysBefore, isCalendar, PERIOD_MS } from './time.js';

/** @type {Record<Earlier, string>} */
export const EARLIER_NAMES = { day: 'yesterday', week: 'last week', before: 'before' };
const MOST_BUCKETS = 1_440;
const FRESH_MS = 3_600_000;

export class Comparison {
  /** @param {() => void} changed Called when the earlier time has come. */
  constructor(changed) {
    this.#changed = changed;
  }

  #changed;
  /** @type {Map<number, Point>} */
  #points = new Map();
  /** What was read: which channel, and up to when. */
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
    /** @param {number} at */
    const shift = (at) => shifted(at, wanted);
    const last = points.at(-1);
    if (last) {
      const needed = shift(last.start) >= this.#until || Date.now() - this.#readAt > FRESH_MS;
      if (needed && !this.#reading && Date.now() >= this.#notBefore) void this.#read(wanted, last);
    }
    const all = this.#points;
    return {
      name: EARLIER_NAMES[earlier],
      before: (point) => all.get(shift(point.start)),
    };
  }

  /** @param {Wanted} wanted @param {Point} last */
  async #read(wanted, last) {
    const { base, code, period, depth } = wanted;
    const key = this.#key;
    this.#reading = true;
    try {
      // Ahead of what is needed now, up to what is complete: one reading holds for a while.
      const needed = shifted(last.end, wanted);
      const ahead = Math.min(depth, Math.floor((last.start - needed) / PERIOD_MS[period]));
      // Days and weeks are not all equally long, so those end where a known one begins.
      const end = isCalendar(period) ? last.start : needed + Math.max(0, ahead) * PERIOD_MS[period];
      const buckets = depth + Math.ceil((end - needed) / PERIOD_MS[period]) + 1;
      const query = new URLSearchParams({
        period,
        history: String(Math.min(MOST_BUCKETS, buckets)),
        end: new Date(end).toISOString().replace('.000Z', 'Z'),
      });
      const { history } = await getJson(`${base}kpi/${encodeURIComponent(code)}?${query}`);
      if (key !== this.#key) return;
      this.#points = new Map(
        history.map((/** @type {any} */ wire) => [Date.parse(wire.bucket), toPoint(wire)]),
      );
      // What lay beyond the end when it was read may come later; asked for again when it is needed.
      this.#until = Math.max(end, shifted(last.end, wanted));
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

/** @param {number} at @param {Wanted} wanted @returns {number} The instant that belongs to it. */
function shifted(at, { earlier, zone, period, depth }) {
  if (earlier === 'week') return daysBefore(at, 7, zone);
  if (earlier === 'day') return daysBefore(at, 1, zone);
  if (isCalendar(period)) return daysBefore(at, depth * (period === 'week' ? 7 : 1), zone);
  return at - depth * PERIOD_MS[period];
}

/** What a period can be compared with. @param {Period} period @returns {Earlier[]} */
export function earlierOf(period) {
  if (period === 'month') return [];
  if (period === 'week') return ['before'];
  return period === 'day' ? ['week', 'before'] : ['day', 'week', 'before'];
}
