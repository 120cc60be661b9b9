import assert from 'node:assert/strict';
import test from 'node:test';
import { unnamed } from '../../../web/stream/catalogue.js';
import { Series } from '../../../web/stream/series.js';
import { change } from '../../../web/tile/change.js';
import { columns, lonePlaces, valueRange } from '../../../web/tile/chart-data.js';
import { earlierOf } from '../../../web/tile/comparison.js';
import { formatNumber, formatShort, formatValue, unitAfter } from '../../../web/tile/format.js';
import { rankOf } from '../../../web/tile/group-views.js';
import { judge, trend } from '../../../web/tile/judge.js';
import { shape } from '../../../web/tile/sparkline.js';
import { daysBefore, formatAge, formatBucket, formatTick } from '../../../web/tile/time.js';
import { scale } from '../../../web/tile/view-gauge.js';

const kpi = {
  ...unnamed('a'),
  name: 'A',
  unit: '%',
  decimals: 1,
  direction: /** @type {const} */ ('up'),
  target: 95,
};

/** @param {(number | null)[]} values */
const points = (values) =>
  values.map((value, at) => ({
    start: at * 60_000,
    end: (at + 1) * 60_000,
    value,
    points: 1,
    min: value,
    max: value,
    corrected: at === 1,
  }));

test('numbers have the decimals of the catalogue, or as many as tell something', () => {
  assert.equal(formatNumber(1234.5, 2), '1,234.50');
  assert.equal(formatNumber(0.000123456, null), '0.0001235');
  assert.equal(formatNumber(98765.4321, null), '98,765');
  assert.equal(formatNumber(-0.04, 1, { signDisplay: 'negative' }), '0.0');
  assert.equal(formatValue(null, kpi), '–');
  assert.equal(formatValue(94.25, kpi).replaceAll('\u202f', ' '), '94.3 %');
});

test('only what is seen from afar is shortened', () => {
  assert.match(formatShort(123_456_789, 2), /^123\.46m$/i);
  assert.equal(formatNumber(12_345_678, 0), '12,345,678');
  assert.notEqual(formatValue(12_345_678, kpi), formatValue(12_349_999, kpi));
});

test('a unit is not read as a digit of the number', () => {
  assert.equal(unitAfter('1/s'), '/s');
  assert.equal(unitAfter('100 km'), '× 100 km');
  assert.equal(unitAfter('m/s'), 'm/s');
});

test('a status is that of the value as it is shown', () => {
  /** @param {number | null} value @param {object} [more] */
  const of = (value, more) => judge({ value }, { ...kpi, ...more });
  assert.equal(of(95), 'good');
  assert.equal(of(94.95), 'good', 'looks like 95.0');
  assert.equal(of(94.94), 'bad');
  assert.equal(of(24.04, { direction: 'down', target: 24 }), 'good');
  assert.equal(of(94.9, { warning: 90 }), 'warning');
  assert.equal(of(89.9, { warning: 90 }), 'bad');
  assert.equal(of(25, { direction: 'down', target: 24, warning: 26 }), 'warning');
  assert.equal(of(94.9, { direction: null }), null);
  assert.equal(of(null), null);
  assert.equal(of(1_234.4, { decimals: null, target: 1_234.3, direction: 'down' }), 'good');
});

test("the server's word on a status holds", () => {
  assert.equal(judge({ value: 1, status: 'good' }, kpi), 'good');
  assert.equal(judge({ value: 1, status: null }, kpi), null);
});

test('a change has a tone only where the number is not good and has become worse', () => {
  assert.deepEqual(trend(-0.3, kpi, 'bad'), { way: 'down', tone: 'worse', text: '0.3' });
  assert.equal(trend(0.3, kpi, 'bad')?.tone, 'neutral', 'no praise for what is off target');
  assert.equal(trend(-0.3, kpi, 'good')?.tone, 'neutral', 'no blame for what is on target');
  assert.equal(trend(0.3, { ...kpi, direction: 'down' }, 'warning')?.tone, 'worse');
  assert.equal(trend(0.3, { ...kpi, direction: null }, 'bad')?.tone, 'neutral');
  assert.equal(trend(0.04, kpi, 'bad')?.way, 'flat', 'what is not seen has not moved');
  assert.equal(trend(null, kpi, 'bad'), null);
});

test('ages are told in calm steps', () => {
  assert.equal(formatAge(0), 'just now');
  assert.equal(formatAge(9_999), 'just now');
  assert.equal(formatAge(59_999), formatAge(50_000));
  assert.notEqual(formatAge(60_000), formatAge(59_999));
  assert.equal(formatAge(3_600_000), '1 h old');
  assert.equal(formatAge(3 * 86_400_000), '3 d old');
});

test('a day is the one of the business, wherever the reader is', () => {
  const start = Date.parse('2026-05-03T18:30:00Z'); // midnight of 4 May in Kolkata
  const day = { start, end: start + 86_400_000 };
  assert.match(formatBucket(day, 'day', 'Asia/Kolkata'), /\b4\b/);
});

test('a zone that this browser does not know shows the same days', () => {
  const start = Date.parse('2026-05-03T22:00:00Z'); // midnight of 4 May two hours east
  const day = { start, end: start + 86_400_000 };
  assert.match(formatBucket(day, 'day', 'Europe/Nowhere'), /\b4\b/);
  assert.match(formatTick(start, 'day', 'Europe/Nowhere'), /\b4\b/);
});

test('weeks and months are named as such', () => {
  const week = { start: Date.UTC(2026, 4, 4), end: Date.UTC(2026, 4, 11) };
  assert.match(formatBucket(week, 'week', 'UTC'), /4 May.*10 May/);
  const month = { start: Date.UTC(2026, 4, 1), end: Date.UTC(2026, 5, 1) };
  assert.equal(formatBucket(month, 'month', 'UTC'), 'May 2026');
});

test('the same time days before is what the clocks showed', () => {
  // In Berlin the clocks went forward on 29 March 2026.
  assert.equal(
    daysBefore(Date.parse('2026-03-29T10:00:00Z'), 1, 'Europe/Berlin'),
    Date.parse('2026-03-28T11:00:00Z'),
  );
  assert.equal(daysBefore(Date.UTC(2026, 4, 8), 7, 'UTC'), Date.UTC(2026, 4, 1));
  assert.deepEqual(earlierOf('minute'), ['day', 'week', 'before']);
  assert.deepEqual(earlierOf('month'), ['year', 'before']);
});

/** @param {(number | null)[]} values @param {object} [more] */
function shown(values, more = {}) {
  const series = new Series(100);
  series.merge(points(values));
  return /** @type {any} */ ({
    kpi,
    period: 'minute',
    zone: 'UTC',
    series,
    points: series.points,
    depth: 60,
    status: null,
    compared: null,
    others: [],
    ...more,
  });
}

test('a change says what it compares with', () => {
  assert.match(change(shown([90, 91]))?.than ?? '', /^vs \d\d:\d\d$/);
  const compared = { name: 'yesterday', before: () => points([80])[0] };
  const changed = change(shown([90, 91], { compared }));
  assert.deepEqual([changed?.text, changed?.than], ['▲ 11.0', 'vs yesterday']);
  assert.equal(change(shown([90])), null);
  assert.equal(change(shown([90, null])), null);
});

test('a chart spans the whole of its range, also where it has little of it', () => {
  const { window, starts } = columns(shown([1, 2]), 'line');
  assert.deepEqual(window, [120 - 3_600, 120]);
  assert.deepEqual(starts, [0, 60]);
});

test('no line leads over buckets that are missing', () => {
  const far = [...points([1, 2]), { ...points([3])[0], start: 600_000, end: 660_000 }];
  const drawn = columns(shown([], { points: far }), 'line');
  assert.deepEqual(drawn.value, [1, 2, null, 3]);
  assert.deepEqual(lonePlaces(drawn.value), [3]);
});

test('a single value between gaps has a dot', () => {
  assert.deepEqual(lonePlaces([1, null, 2, null, 3, 4]), [0, 2]);
});

test('the open bucket is drawn apart from those that are complete', () => {
  const given = shown([1, 2]);
  given.series.putPartial({ ...points([7])[0], start: 120_000, end: 180_000, until: 150_000 });
  const line = columns(given, 'line');
  assert.deepEqual(
    [line.value, line.open],
    [
      [1, 2, null],
      [null, 2, 7],
    ],
  );
  assert.deepEqual(columns(given, 'bars').open, [null, null, 7]);
});

test('a band fits into the picture, or is not drawn', () => {
  const wide = points([1, 2, 3]).map((each) => ({ ...each, min: -50, max: 90 }));
  const narrow = points([1, 2, 3]).map((each) => ({ ...each, min: 0.5, max: 3.5 }));
  assert.deepEqual(columns(shown([], { points: wide }), 'line').high, [null, null, null]);
  const drawn = columns(shown([], { points: narrow }), 'line');
  const [low, high] = valueRange(drawn, null, false);
  assert.ok(low < 0.5 && high > 3.5);
});

test('a ranked list has the better end first', () => {
  /** @param {object} more */
  const names = (more) =>
    rankOf(
      [3, null, 9].map((value, at) => ({
        kpi: { ...kpi, name: `${at}`, ...more },
        value,
        state: /** @type {const} */ ('live'),
        status: null,
      })),
    ).map(({ value }) => value);
  assert.deepEqual(names({}), [9, 3, null]);
  assert.deepEqual(names({ direction: 'down' }), [3, 9, null]);
});

test('a line stops at a gap and goes on after it', () => {
  const drawn = shape(points([1, 2, null, 4, 5]), null);
  assert.equal(drawn.line.match(/M/g)?.length, 2);
  assert.equal(drawn.area.match(/Z/g)?.length, 2);
  assert.equal(drawn.marks.match(/M/g)?.length, 1);
  assert.ok(drawn.last);
  assert.equal(shape(points([1, null, 3, null]), null).line.match(/h0/g)?.length, 2, 'lone points');
  assert.equal(shape(points([1, 2, null]), null).last, '', 'no dot where nothing is current');
  assert.deepEqual(shape([], null).line, '');
});

test('a target far away does not flatten the line', () => {
  assert.equal(shape(points([1, 2, 3]), 1000).target, null);
  assert.notEqual(shape(points([1, 2, 3]), 3.5).target, null);
});

test('a gauge has its ends from the catalogue, else a scale on which values can be told apart', () => {
  /** @param {object} more @param {number[]} values */
  const of = (more, values) =>
    scale(/** @type {any} */ ({ kpi: { ...kpi, ...more }, points: points(values) }));
  assert.deepEqual(of({}, [40, 60]), [0, 100]);
  assert.deepEqual(of({ unit: '%', target: 3.5 }, [2.7]), [0, 7.5]);
  assert.deepEqual(
    of({ unit: 'h', target: 24 }, [21, 25]),
    of({ unit: 'h', target: 24 }, [20, 29]),
  );
  assert.deepEqual(of({ unit: '', target: null }, [-3, 4]), [-3, 5]);
  assert.deepEqual(of({ lower: 10, upper: 40 }, [21]), [10, 40]);
  assert.deepEqual(of({ unit: '', target: null }, []), [0, 1]);
});

test('a sparkline of few points stands at its right', () => {
  const drawn = shape(points([1, 2]), null, 60);
  assert.match(drawn.line, /^M983(\.\d)? [\d.]+L1000 /);
  assert.match(shape(points([1]), null, 60).line, /^M1000 /);
});
