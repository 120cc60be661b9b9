/**
 * How fresh a number is, told by what is known for certain: never "live" when it may not be.
 *
 * @typedef {'live' | 'waiting' | 'gap' | 'late' | 'stale' | 'reconnecting' | 'offline' | 'unknown'} State
 *
 * @typedef {object} Freshness
 * @property {State} state
 * @property {string} text Few words.
 * @property {string} why A sentence.
 */

import { formatAge, formatTime } from './format.js';

const PERIOD_MS = { minute: 60_000, hour: 3_600_000, day: 90_000_000 };
/** Bucket and grace are long over by then; the contract says two seconds, a slow refresh may add. */
const LATE_MS = 30_000;

/**
 * @param {object} known
 * @param {import('../stream/series.js').Series} known.series
 * @param {boolean} known.unknown Whether the server has no such KPI.
 * @param {import('../stream/connection.js').ConnectionState} known.connection
 * @param {import('./format.js').Period} known.period
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
  if (connection === 'offline') return say('offline', 'offline', 'There is no network.');
  if (connection === 'reconnecting') {
    return say('reconnecting', 'reconnecting', 'The server does not answer; trying again.');
  }
  if (!series.loaded || connection !== 'live') {
    return latest ? say('reconnecting', 'connecting', 'Not connected yet.') : loading();
  }
  if (health.state === 'stale') {
    const since = health.since ? `since ${clock(Date.parse(health.since))}` : '';
    return say('stale', 'stale', `${sentence(health.reason ?? 'no new data')} ${since}`.trim());
  }
  if (!latest) return { state: 'waiting', text: 'waiting', why: 'No data has come yet.' };
  if (current && now - current.end > PERIOD_MS[period] + LATE_MS) {
    return say('late', 'late', 'The next number should have come by now.');
  }
  if (current?.value === null) {
    return say('gap', 'no data', `No rows since ${clock(latest.end)}.`);
  }
  return { state: 'live', text: age, why: `Complete at ${clock(latest.end)}.` };
}

/** @returns {Freshness} */
const loading = () => ({ state: 'waiting', text: 'loading', why: 'Loading.' });

/** @param {number} at */
const clock = (at) => formatTime(at, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** @param {string} text */
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
