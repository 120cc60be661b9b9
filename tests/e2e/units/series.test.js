import assert from 'node:assert/strict';
import test from 'node:test';
import { Series, toPoint } from '../../../web/stream/series.js';

/** @param {number} minute @param {number | null} value */
const point = (minute, value, corrected = false) => ({
  start: minute * 60_000,
  end: (minute + 1) * 60_000,
  value,
  points: value === null ? 0 : 1,
  min: value,
  max: value,
  corrected,
});

/** @param {Series} series */
const shown = (series) => series.points.map(({ start, value }) => [start / 60_000, value]);

test('values and gaps follow the snapshot in order', () => {
  const series = new Series(10);
  series.merge([point(1, 5), point(2, 6)]);
  assert.ok(series.put(point(3, null)));
  assert.ok(series.put(point(4, 8)));
  assert.deepEqual(shown(series), [
    [1, 5],
    [2, 6],
    [3, null],
    [4, 8],
  ]);
  assert.equal(series.current?.value, 8);
  assert.equal(series.delta, null, 'nothing to compare with in a gap');
});

test('what comes twice or late takes its one place', () => {
  const series = new Series(10);
  series.merge([point(1, 5), point(2, 6), point(4, 8)]);
  series.put(point(4, 8));
  series.put(point(3, 7));
  series.put(point(2, 60));
  assert.deepEqual(shown(series), [
    [1, 5],
    [2, 60],
    [3, 7],
    [4, 8],
  ]);
  assert.equal(series.delta, 1);
});

test('a corrected bucket stays marked when it comes again, and after a snapshot', () => {
  const series = new Series(10);
  series.merge([point(1, 5), point(2, 6)]);
  series.put(point(1, 50, true));
  series.put(point(1, 50));
  assert.equal(series.points[0]?.corrected, true);
  series.merge([point(1, 50), point(2, 6)]);
  assert.deepEqual(
    series.points.map(({ corrected }) => corrected),
    [true, false],
  );
});

test('a snapshot in the middle of a stream replaces what it covers and marks what it changed', () => {
  const series = new Series(10);
  series.merge([point(1, 5), point(2, 6), point(3, 7), point(4, 8)]);
  const merged = series.merge([point(3, 7), point(4, null), point(5, 9)]);
  assert.deepEqual(
    series.points.map(({ start, value, corrected }) => [start / 60_000, value, corrected]),
    [
      [1, 5, false],
      [2, 6, false],
      [3, 7, false],
      [4, null, true],
      [5, 9, false],
    ],
  );
  assert.deepEqual(merged, { added: 1, kept: 2, hole: false });
});

test('a snapshot that does not reach back to what is held is known to leave a hole', () => {
  const series = new Series(10);
  series.merge([point(1, 5), point(2, 6)]);
  const { hole, kept } = series.merge([point(7, 1), point(8, 2)]);
  assert.deepEqual([hole, kept], [true, 2]);
  series.merge([point(2, 6), point(3, 1), point(7, 1)], true);
  assert.deepEqual(shown(series), [
    [2, 6],
    [3, 1],
    [7, 1],
    [8, 2],
  ]);
  series.merge([], true);
  assert.deepEqual(shown(series), []);
});

test('a bucket is compared with the one right before it alone', () => {
  const series = new Series(10);
  series.merge([point(1, 5), point(7, 9)]);
  assert.equal(series.delta, null);
  series.put(point(8, 10));
  assert.equal(series.delta, 1);
});

test('the open bucket is no bucket of the series, and gone once it is complete', () => {
  const series = new Series(10);
  series.merge([point(1, 5)]);
  series.putPartial({ ...point(2, 3), until: 150_000 });
  assert.equal(series.partial?.value, 3);
  assert.equal(series.current?.value, 5);
  series.put(point(2, 6));
  assert.equal(series.partial, null);
  series.putPartial(point(1, 1));
  assert.equal(series.partial, null, 'one that is complete already');
});

test('a bucket from before the series is refused: only a snapshot knows what lies between', () => {
  const series = new Series(10);
  series.merge([point(5, 1)]);
  assert.equal(series.put(point(2, 9, true)), false);
  assert.deepEqual(shown(series), [[5, 1]]);
});

test('a series is no longer than its limit and begins with a value', () => {
  const series = new Series(3);
  series.merge([point(1, 1), point(2, null), point(3, null), point(4, 4)]);
  assert.deepEqual(shown(series), [[4, 4]]);
  for (let minute = 5; minute < 500; minute += 1) series.put(point(minute, minute));
  assert.equal(series.points.length, 3);
});

test('the newest value outlives the gaps after it', () => {
  const series = new Series(5);
  series.merge([point(1, 1)]);
  series.put(point(2, null));
  assert.equal(series.latest?.value, 1);
  assert.equal(series.current?.value, null);
});

test('a bucket of the wire keeps its numbers', () => {
  const wire = {
    kpi: 'a',
    period: 'hour',
    bucket: '2026-05-04T11:00:00Z',
    end: '2026-05-04T12:00:00Z',
    value: 0.1,
    points: 3,
    min: -1,
    max: 2,
  };
  assert.deepEqual(toPoint(wire), {
    start: Date.UTC(2026, 4, 4, 11),
    end: Date.UTC(2026, 4, 4, 12),
    value: 0.1,
    points: 3,
    min: -1,
    max: 2,
    corrected: false,
  });
});
