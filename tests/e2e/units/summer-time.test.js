import assert from 'node:assert/strict';
import test from 'node:test';
import { formatBucket, formatTick } from '../../../web/tile/time.js';

process.env.TZ = 'Europe/Berlin';

/** @param {string} start */
function hour(start) {
  const at = Date.parse(start);
  return formatBucket({ start: at, end: at + 3_600_000 }, 'hour', 'UTC');
}

test('the hour that comes twice when the clocks are put back names its zone', () => {
  const before = hour('2026-10-25T00:00Z');
  const after = hour('2026-10-25T01:00Z');
  assert.match(before, /02:00 (CEST|GMT\+2)–02:00 (CET|GMT\+1)$/);
  assert.match(after, /02:00 (CET|GMT\+1)–03:00 (CET|GMT\+1)$/);
  const ticks = ['2026-10-25T00:00Z', '2026-10-25T01:00Z'].map((at) =>
    formatTick(Date.parse(at), 'hour', 'UTC'),
  );
  assert.notEqual(ticks[0], ticks[1]);
});

test('no other hour does', () => {
  for (const start of ['2026-10-24T00:00Z', '2026-10-25T02:00Z', '2026-10-25T12:00Z']) {
    assert.match(hour(start), /\d\d:00–\d\d:00$/);
  }
  assert.match(hour('2026-03-29T00:00Z'), /01:00–03:00$/, 'put forward: nothing comes twice');
});
