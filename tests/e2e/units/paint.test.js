import assert from 'node:assert/strict';
import test from 'node:test';

/** @type {(() => void)[]} */
const frames = [];
/** @type {unknown[]} */
const reported = [];
Object.assign(globalThis, {
  requestAnimationFrame: (/** @type {() => void} */ act) => frames.push(act),
  reportError: (/** @type {unknown} */ error) => reported.push(error),
});

const { requestPaint, setVisible } = await import('../../../web/tile/paint.js');

test('one tile that throws keeps no other from being drawn, and says so itself', () => {
  /** @type {string[]} */
  const done = [];
  const good = { paint: () => done.push('good'), tick: () => {} };
  const bad = {
    paint: () => {
      throw new RangeError('maximumFractionDigits');
    },
    tick: () => {},
    failed: () => done.push('said'),
  };
  for (const each of [bad, good]) requestPaint(each);
  for (const frame of frames.splice(0)) frame();
  assert.deepEqual(done, ['said', 'good']);
  assert.equal(reported.length, 1);
});

test('one tile that throws keeps no other from ticking', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  let ticks = 0;
  const bad = {
    paint: () => {},
    tick: () => {
      throw new Error('no');
    },
  };
  const good = {
    paint: () => {},
    tick: () => {
      ticks += 1;
    },
  };
  for (const each of [bad, good]) setVisible(each, true);
  context.mock.timers.tick(2_000);
  assert.equal(ticks, 2);
  for (const each of [bad, good]) setVisible(each, false);
});
