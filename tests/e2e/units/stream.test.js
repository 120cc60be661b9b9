import assert from 'node:assert/strict';
import test from 'node:test';
import { backoffMs } from '../../../web/stream/backoff.js';
import { Series } from '../../../web/stream/series.js';
import { newStatus } from '../../../web/stream/status.js';
import { freshness } from '../../../web/tile/freshness.js';

test('waiting grows, is bounded, and is never the same for all', () => {
  const least = Array.from({ length: 12 }, (_, attempt) => backoffMs(attempt, () => 0));
  const most = Array.from({ length: 12 }, (_, attempt) => backoffMs(attempt, () => 1));
  assert.deepEqual(least.slice(0, 3), [250, 500, 1000]);
  assert.deepEqual(most.slice(0, 3), [500, 1000, 2000]);
  assert.ok(most.every((ms, at) => ms <= 15_000 && ms === 2 * (least[at] ?? 0)));
  assert.equal(
    backoffMs(1e9, () => 1),
    15_000,
  );
});

const NOW = Date.UTC(2026, 4, 4, 12, 0, 30);

/** @param {(number | null)[]} values The last of them in the minute before noon. */
function minutes(values) {
  const series = new Series(100);
  const first = Date.UTC(2026, 4, 4, 12) - values.length * 60_000;
  series.merge(
    values.map((value, at) => ({
      start: first + at * 60_000,
      end: first + (at + 1) * 60_000,
      value,
      points: 1,
      min: value,
      max: value,
      corrected: false,
    })),
  );
  return series;
}

/** @param {object} more */
const judge = ({ connection = 'live', since = NOW - 60_000, ...more } = {}) =>
  freshness({
    series: minutes([1, 2]),
    unknown: false,
    connection: { ...newStatus(), state: connection, since },
    period: 'minute',
    now: NOW,
    ...more,
  });

test('a number is live only when connection, server and clock say so', () => {
  assert.equal(judge({}).state, 'live');
  assert.equal(judge({ connection: 'reconnecting' }).state, 'reconnecting');
  assert.equal(judge({ connection: 'offline' }).state, 'offline');
  assert.equal(judge({ connection: 'connecting' }).state, 'reconnecting');
  assert.equal(judge({ series: minutes([1, null]) }).state, 'gap');
  assert.equal(judge({ now: NOW + 90_000 }).state, 'late');
  assert.equal(judge({ unknown: true }).state, 'unknown');
  assert.equal(judge({ series: new Series(3) }).state, 'waiting');
  const silent = minutes([1, 2]);
  silent.health = { state: 'stale', reason: 'no new rows', since: '2026-05-04T11:58:00Z' };
  assert.equal(judge({ series: silent }).state, 'stale');
  assert.match(judge({ series: silent }).why, /^No new rows since /);
});

test('an interruption of a few seconds and a first load look like no alarm', () => {
  assert.equal(judge({ connection: 'reconnecting', since: Date.now() - 4_000 }).state, 'live');
  assert.equal(
    judge({ connection: 'reconnecting', since: Date.now() - 5_001 }).state,
    'reconnecting',
  );
  assert.equal(judge({ connection: 'connecting', since: Date.now() }).state, 'waiting');
  assert.equal(judge({ connection: 'connecting', since: Date.now() }).text, '');
});

test('while all is well nothing is said, and else in words how old the number is', () => {
  assert.equal(judge({}).text, '');
  assert.match(judge({}).why, /^Complete at /);
  assert.equal(judge({ connection: 'offline' }).text, 'offline · 30 s old');
  assert.equal(judge({ connection: 'reconnecting' }).text, '30 s old');
  assert.equal(judge({ series: minutes([1, null]) }).text, 'no data · 1 min old');
});

test('a first hour or day that is not over yet is waited for, whatever the server calls it', () => {
  const empty = new Series(3);
  empty.merge([], true);
  empty.health = { state: 'stale', reason: 'no data yet', since: null };
  assert.equal(judge({ series: empty, period: 'hour' }).state, 'waiting');
  assert.match(judge({ series: empty, period: 'hour' }).text, /^first number at \d\d:00$/);
  assert.equal(judge({ series: empty, period: 'day' }).state, 'waiting');
});
