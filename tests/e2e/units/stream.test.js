import assert from 'node:assert/strict';
import test from 'node:test';
import { backoffMs } from '../../../web/stream/backoff.js';
import { Series } from '../../../web/stream/series.js';
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
  series.replace(
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
const judge = (more) =>
  freshness({
    series: minutes([1, 2]),
    unknown: false,
    connection: 'live',
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

test('each tile says how old its number is, also when it is not live', () => {
  assert.match(judge({}).text, /30.*ago/);
  assert.match(judge({ connection: 'offline' }).text, /^offline · 30.*ago/);
  assert.match(judge({ series: minutes([1, null]) }).text, /^no data · 1.*ago/);
});
