import assert from 'node:assert/strict';
import test from 'node:test';
import {
  againstTarget,
  formatAge,
  formatBucket,
  formatNumber,
  formatValue,
  trend,
} from '../../../web/tile/format.js';
import { shape } from '../../../web/tile/sparkline.js';
import { scale } from '../../../web/tile/view-gauge.js';

const kpi = {
  code: 'a',
  name: 'A',
  unit: '%',
  decimals: 1,
  direction: /** @type {const} */ ('up'),
  target: 95,
  simulated: false,
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
  assert.match(formatNumber(123_456_789, 2), /^123\.46m$/i);
  assert.equal(formatValue(null, kpi), '–');
  assert.equal(formatValue(94.25, kpi).replaceAll('\u202f', ' '), '94.3 %');
});

test('the colour of a change follows what is better, not its sign', () => {
  assert.deepEqual(trend(0.3, kpi), { way: 'up', tone: 'good', text: '0.3' });
  assert.deepEqual(trend(-0.3, kpi), { way: 'down', tone: 'bad', text: '0.3' });
  assert.equal(trend(-0.3, { ...kpi, direction: 'down' })?.tone, 'good');
  assert.equal(trend(0.3, { ...kpi, direction: null })?.tone, 'neutral');
  assert.equal(trend(0.04, kpi)?.way, 'flat', 'what is not seen has not moved');
  assert.equal(trend(null, kpi), null);
});

test('a target is met from the better side', () => {
  assert.equal(againstTarget(95, kpi), 'met');
  assert.equal(againstTarget(94.9, kpi), 'missed');
  assert.equal(againstTarget(94.9, { ...kpi, direction: 'down' }), 'met');
  assert.equal(againstTarget(94.9, { ...kpi, direction: null }), null);
  assert.equal(againstTarget(null, kpi), null);
});

test('ages are told in calm steps', () => {
  assert.equal(formatAge(0), 'just now');
  assert.equal(formatAge(9_999), 'just now');
  assert.equal(formatAge(59_999), formatAge(50_000));
  assert.notEqual(formatAge(60_000), formatAge(59_999));
  assert.match(formatAge(3_600_000), /1.*h/);
  assert.match(formatAge(3 * 86_400_000), /3.*d/);
});

test('a day is the one of the business, wherever the reader is', () => {
  const start = Date.parse('2026-05-03T18:30:00Z'); // midnight of 4 May in Kolkata
  const day = { start, end: start + 86_400_000 };
  assert.match(formatBucket(day, 'day', 'Asia/Kolkata'), /\b4\b/);
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

test('a gauge of a share ends at 100, another at a round number above all', () => {
  /** @param {object} more @param {number[]} values */
  const of = (more, values) =>
    scale(/** @type {any} */ ({ kpi: { ...kpi, ...more }, points: points(values) }));
  assert.deepEqual(of({}, [40, 60]), [0, 100]);
  assert.deepEqual(of({ unit: 'h', target: 24 }, [21, 25]), [0, 30]);
  assert.deepEqual(of({ unit: '', target: null }, [-3, 4]), [-3, 5]);
  assert.deepEqual(of({ target: null }, []), [0, 1]);
});
