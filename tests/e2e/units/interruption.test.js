import assert from 'node:assert/strict';
import test from 'node:test';
import { KpiStream } from '../../../web/kpi-stream.js';
import {
  begin,
  bucket,
  FakeSource,
  HEARTBEAT_MS,
  pass,
  rest,
  settle,
  sleep,
  snapshot,
} from './fakes.js';

const NIGHT_MS = 9 * 3_600_000;
const CHANNEL = 'orders:minute';

/** A stream that is live, and how to end its subscription. */
async function live() {
  begin();
  const stream = new KpiStream('https://host/');
  const stop = stream.subscribe(CHANNEL, () => {});
  await open();
  assert.equal(stream.connection.state, 'live');
  assert.equal(stream.connection.awayMs, 0);
  return { stream, stop };
}

/** Let the next stream be opened, and answer. */
async function open() {
  await pass(0);
  await pass(100);
  FakeSource.last.ping();
}

test('after a sleep it tells how long it slept, not how long it took to wake up', async () => {
  const { stream } = await live();
  const heard = Date.now();
  sleep(NIGHT_MS);
  await pass(1_000);
  assert.equal(stream.connection.state, 'reconnecting');
  assert.equal(stream.connection.since, heard);
  await pass(100);
  assert.equal(FakeSource.all.length, 2);
  for (const minute of [0, 1, 2]) FakeSource.last.say('value', bucket(minute, 5));
  FakeSource.last.ping();
  const { state, awayMs, caughtUp, reloaded } = stream.connection;
  assert.deepEqual([state, caughtUp, reloaded], ['live', 3, false]);
  assert.ok(awayMs >= NIGHT_MS && awayMs < NIGHT_MS + 5_000, String(awayMs));
});

test('what waited in the socket while the laptop slept is not taken for live', async () => {
  const { stream } = await live();
  const [before] = FakeSource.all;
  sleep(NIGHT_MS);
  before?.ping();
  assert.equal(stream.connection.state, 'reconnecting');
  before?.end();
  await pass(100);
  FakeSource.last.ping();
  assert.ok(stream.connection.awayMs >= NIGHT_MS);
});

test('a sleep too long to catch up with is told of as well', async () => {
  const { stream } = await live();
  sleep(NIGHT_MS);
  await pass(1_000);
  await pass(100);
  FakeSource.last.say('reset', { kpi: 'orders', period: 'minute', reason: 'too old' });
  FakeSource.last.say('snapshot', snapshot([bucket(500, 7)]), 'c2');
  const { state, caughtUp, reloaded } = stream.connection;
  assert.deepEqual([state, caughtUp, reloaded], ['live', 0, true]);
  assert.equal(stream.series(CHANNEL)?.current?.value, 7);
});

test('a stream that ends counts from its end', async () => {
  const { stream } = await live();
  await pass(10_000);
  FakeSource.last.end();
  assert.equal(stream.connection.since, Date.now());
  await pass(3_000);
  FakeSource.last.readyState = 1;
  FakeSource.last.ping();
  assert.equal(stream.connection.awayMs, 3_000);
});

test('a missed ping starts a reconnect within two heartbeats', async () => {
  const { stream } = await live();
  await pass(2 * HEARTBEAT_MS);
  assert.equal(stream.connection.state, 'live');
  await pass(1_000);
  assert.equal(stream.connection.state, 'reconnecting');
});

test('where nothing was listened to, nothing was missed', async () => {
  const { stream, stop } = await live();
  FakeSource.last.end();
  assert.equal(stream.connection.state, 'reconnecting');
  stop();
  await pass(6_000);
  assert.equal(stream.connection.state, 'idle');
  await pass(20 * 60_000);
  stream.subscribe(CHANNEL, () => {});
  await open();
  assert.equal(stream.connection.state, 'live');
  assert.equal(stream.connection.awayMs, 0);
});

test('what the stream says while a longer history is loaded is put on top of it', async () => {
  const { stream } = await live();
  /** @type {(said: any) => void} */
  let answer = () => {};
  rest.snapshot = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  /** @type {string[]} */
  const heard = [];
  stream.subscribe(CHANNEL, ({ kind }) => heard.push(kind), { depth: 360 });
  await settle();
  FakeSource.last.say('value', bucket(0, 3), 'c2');
  FakeSource.last.say('correction', bucket(-1, 20), 'c3');
  // Read by the server before either.
  answer(snapshot([bucket(-3, 0), bucket(-2, 1), bucket(-1, 2)]));
  await settle();
  const points = stream.series(CHANNEL)?.points ?? [];
  assert.deepEqual(
    points.map(({ value, corrected }) => [value, corrected]),
    [
      [0, false],
      [1, false],
      [20, true],
      [3, false],
    ],
  );
  assert.deepEqual(heard, ['snapshot', 'value', 'correction', 'snapshot', 'value', 'correction']);
});
