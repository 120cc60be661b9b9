/**
 * How fresh a number is, told by what is known for certain: never "live" when it may not be. While
 * all is well nothing is said.
 *
 * @typedef {'live' | 'waiting' | 'gap' | 'late' | 'stale' | 'reconnecting' | 'offline' | 'unknown'
 *   | 'broken'} State broken: this tile cannot be drawn.
 *
 * @typedef {object} Freshness
 * @property {State} state
 * @property {string} text Few words.
 * @property {string} why A sentence.
 */

import { calmMs } from '../stream/status.js';
import { formatAge, formatClock, formatClockSeconds, isCalendar, PERIOD_MS } from './time.js';

/** A day of summer time's end has 25 hours, a month up to 31 days. */
const LONGEST_MS = { ...PERIOD_MS, day: 90_000_000, week: 608_400_000, month: 2_682_000_000 };
/** Bucket and grace are long over by then; the contract says two seconds, a slow refresh may add. */
const LATE_MS = 30_000;

/**
 * @param {object} known
 * @param {import('../stream/series.js').Series} known.series
 * @param {boolean} known.unknown Whether the server has no such KPI.
 * @param {import('../stream/status.js').ConnectionStatus} known.connection
 * @param {import('../stream/catalogue.js').Period} known.period
 * @param {number} known.now The server's time, in milliseconds since 1970.
 * @returns {Freshness}
 */
export function freshness({ series, unknown, connection, period, now }) {
  const { latest, current, health } = series;
  const age = latest ? formatAge(Math.max(0, now - latest.end)) : '';
  /** @param {State} state @param {string} word @param {string} why @returns {Freshness} */
  const say = (state, word, why) => ({
    state,
    text: [word, age].filter(Boolean).join(' · '),
    why,
  });
  if (unknown) return { state: 'unknown', text: 'unknown KPI', why: 'The server has no such KPI.' };
  if (connection.state === 'offline') return say('offline', 'offline', 'There is no network.');
  if (connection.state !== 'live' && calmMs(connection) === 0) {
    return say('reconnecting', latest ? '' : 'no answer', 'The server does not answer.');
  }
  if (!series.loaded || connection.state === 'connecting' || connection.state === 'idle') {
    return { state: 'waiting', text: '', why: 'Loading.' };
  }
  if (!latest)
    return { state: 'waiting', text: firstAt(period, now), why: 'No data has come yet.' };
  if (health.state === 'stale') {
    const since = health.since ? `since ${formatClockSeconds(Date.parse(health.since))}` : '';
    return say('stale', 'stale', `${sentence(health.reason ?? 'no new data')} ${since}`.trim());
  }
  if (current && now - current.end > LONGEST_MS[period] + LATE_MS) {
    return say('late', 'late', 'The next number should have come by now.');
  }
  if (current?.value === null) {
    return say('gap', 'no data', `No rows since ${formatClockSeconds(latest.end)}.`);
  }
  return { state: 'live', text: '', why: `Complete at ${formatClockSeconds(latest.end)}.` };
}

/** When a number can be expected. @param {import('../stream/catalogue.js').Period} period @param {number} now */
function firstAt(period, now) {
  if (isCalendar(period)) return `the first ${period} is not complete yet`;
  const end = (Math.floor(now / PERIOD_MS[period]) + 1) * PERIOD_MS[period];
  return period === 'minute' ? 'no data yet' : `first number at ${formatClock(end)}`;
}

/** @param {string} text */
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
