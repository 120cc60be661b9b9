import assert from 'node:assert/strict';
import test from 'node:test';
import { begin, HEARTBEAT_MS, pass } from './fakes.js';

/** The worker's ends of the ports that were opened. @type {FakePort[]} */
const ports = [];

class FakePort {
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {any[]} */
  said = [];

  /** @param {any} message */
  postMessage(message) {
    this.said.push(message);
  }

  close() {}

  /** What the worker says of the connection. @param {object} more */
  tell(more) {
    const connection = { since: Date.now(), caughtUp: 0, awayMs: 0, reloaded: false, ...more };
    this.onmessage?.({ data: { connection, clockOffsetMs: 0 } });
  }
}

Object.defineProperty(globalThis, 'navigator', { value: { onLine: true } });
Object.assign(globalThis, {
  addEventListener: () => {},
  document: { addEventListener: () => {} },
  SharedWorker: class {
    port = new FakePort();

    constructor() {
      ports.push(this.port);
    }
  },
});

const { SharedStream } = await import('../../../web/stream/shared.js');

/** A page whose worker says that the connection is live. */
async function live() {
  begin();
  ports.length = 0;
  const stream = new SharedStream('https://host/');
  const stop = stream.subscribe('orders:minute', () => {});
  await stream.catalogue();
  const since = Date.now();
  port().tell({ state: 'live', since });
  return { stream, stop, since };
}

const port = () => /** @type {FakePort} */ (ports.at(-1));

test('a worker that is silent for two heartbeats is not taken for live', async () => {
  const { stream, since } = await live();
  await pass(2 * HEARTBEAT_MS);
  assert.equal(stream.connection.state, 'live');
  await pass(1_000);
  assert.equal(stream.connection.state, 'reconnecting');
  assert.equal(stream.connection.since, since);
  assert.equal(ports.length, 2);
  assert.deepEqual(port().said[0], { subscribe: 'orders:minute', depth: 120 });
});

test('what a new worker could not know of an interruption is told', async () => {
  const { stream } = await live();
  await pass(2 * HEARTBEAT_MS + 1_000);
  port().tell({ state: 'idle' });
  port().tell({ state: 'connecting' });
  await pass(500);
  port().tell({ state: 'live' });
  assert.equal(stream.connection.awayMs, 2 * HEARTBEAT_MS + 1_500);
});

test('an old worker that was well tells of no interruption from before', async () => {
  const { stream, since } = await live();
  await pass(2 * HEARTBEAT_MS + 1_000);
  port().tell({ state: 'live', since, awayMs: 99_000, caughtUp: 7, reloaded: true });
  const { state, awayMs, caughtUp, reloaded } = stream.connection;
  assert.deepEqual([state, awayMs, caughtUp, reloaded], ['live', 0, 0, false]);
});

test('a page without tiles misses nothing', async () => {
  const { stream, stop } = await live();
  await pass(2 * HEARTBEAT_MS + 1_000);
  stop();
  await pass(600_000);
  stream.subscribe('orders:minute', () => {});
  port().tell({ state: 'live' });
  assert.equal(stream.connection.awayMs, 0);
});
