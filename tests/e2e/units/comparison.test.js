import assert from 'node:assert/strict';
import test from 'node:test';
import { Comparison } from '../../../web/tile/comparison.js';

const LONDON = 'Europe/London';
const CAIRO = 'Africa/Cairo';

/** @param {string} start @param {string} end */
const wire = (start, end, value = 1) => ({
  bucket: start,
  end,
  value,
  points: 1,
  min: value,
  max: value,
});

/**
 * What a newest bucket is compared with, and what was asked for it.
 *
 * @param {object} given
 * @param {any[]} given.history What the server has.
 * @param {any[]} given.now Buckets of now.
 * @param {any} given.wanted
 */
async function compare({ history, now, wanted }) {
  const asked = /** @type {URL[]} */ ([]);
  globalThis.fetch = async (url) => {
    asked.push(new URL(String(url)));
    return Response.json({ history });
  };
  const points = now.map(([start, end]) => ({
    ...{ start: Date.parse(start), end: Date.parse(end), value: 1, points: 1, min: 1, max: 1 },
    corrected: false,
  }));
  const all = { base: 'http://server/', code: 'orders', depth: 12, points, ...wanted };
  /** @type {() => void} */
  let read = () => {};
  const reading = new Promise((resolve) => {
    read = () => resolve(undefined);
  });
  const comparison = new Comparison(() => read());
  comparison.of(all);
  await reading;
  const { before } = comparison.of(all);
  return { asked, value: before(points.at(-1))?.value };
}

test('a month is compared with the same month of the year before, also in a leap year', async () => {
  const { asked, value } = await compare({
    history: [
      wire('2027-01-01T00:00:00Z', '2027-02-01T00:00:00Z', 10),
      wire('2027-02-01T00:00:00Z', '2027-03-01T00:00:00Z', 28),
      wire('2027-03-01T00:00:00Z', '2027-03-31T23:00:00Z', 31),
    ],
    now: [
      ['2028-01-01T00:00:00Z', '2028-02-01T00:00:00Z'],
      ['2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
    ],
    wanted: { period: 'month', earlier: 'year', zone: LONDON },
  });
  assert.equal(value, 28);
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.searchParams.get('end'), '2028-01-01T00:00:00Z');
});

test('months are counted by date through a clock change and from a month of 31 days', async () => {
  // July begins in summer time, January did in winter time.
  const { value } = await compare({
    history: [
      wire('2025-12-01T00:00:00Z', '2026-01-01T00:00:00Z', 12),
      wire('2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', 1),
    ],
    now: [['2026-06-30T23:00:00Z', '2026-07-31T23:00:00Z']],
    wanted: { period: 'month', earlier: 'before', depth: 6, zone: LONDON },
  });
  assert.equal(value, 1);
});

test('a week is compared with the one 52 weeks before, which begins on a Monday too', async () => {
  // 30 March 2026 is a Monday in summer time, 31 March 2025 was one, too: both begin at 23:00 UTC.
  const { value } = await compare({
    history: [
      wire('2025-03-24T00:00:00Z', '2025-03-30T23:00:00Z', 13),
      wire('2025-03-30T23:00:00Z', '2025-04-06T23:00:00Z', 14),
    ],
    now: [['2026-03-29T23:00:00Z', '2026-04-05T23:00:00Z']],
    wanted: { period: 'week', earlier: 'year', zone: LONDON },
  });
  assert.equal(value, 14);
});

test('a day is compared with the same weekday where a day begins at one in the morning', async () => {
  // In Cairo 24 April 2026 has no midnight: clocks go from 23:59 to 01:00.
  const { value } = await compare({
    history: [
      wire('2026-04-22T22:00:00Z', '2026-04-23T22:00:00Z', 23),
      wire('2026-04-23T22:00:00Z', '2026-04-24T21:00:00Z', 24),
      wire('2026-04-24T21:00:00Z', '2026-04-25T21:00:00Z', 25),
    ],
    now: [['2026-04-30T21:00:00Z', '2026-05-01T21:00:00Z']],
    wanted: { period: 'day', earlier: 'week', zone: CAIRO },
  });
  assert.equal(value, 24);
});

test('a day is compared with the same weekday of the year before', async () => {
  const { value } = await compare({
    history: [
      wire('2027-03-01T00:00:00Z', '2027-03-02T00:00:00Z', 1),
      wire('2027-03-02T00:00:00Z', '2027-03-03T00:00:00Z', 2),
    ],
    now: [['2028-02-29T00:00:00Z', '2028-03-01T00:00:00Z']],
    wanted: { period: 'day', earlier: 'year', zone: 'UTC' },
  });
  assert.equal(value, 2, '29 February 2028 and 2 March 2027 are Tuesdays');
});

test('an hour is compared with what the clocks showed, across their change', async () => {
  const { value, asked } = await compare({
    history: [
      wire('2026-03-28T10:00:00Z', '2026-03-28T11:00:00Z', 10),
      wire('2026-03-28T11:00:00Z', '2026-03-28T12:00:00Z', 11),
    ],
    now: [['2026-03-29T10:00:00Z', '2026-03-29T11:00:00Z']],
    wanted: { period: 'hour', earlier: 'day', zone: LONDON },
  });
  assert.equal(value, 11, '11:00 in summer time, and 11:00 in winter time');
  assert.match(asked[0]?.searchParams.get('end') ?? '', /:00:00Z$/);
});
