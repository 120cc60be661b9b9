import assert from 'node:assert/strict';
import test from 'node:test';
import { begin, FakeSource, HEARTBEAT_MS, pass } from './fakes.js';

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
    this.onmessage?.({ data: { connection, clockOffsetMs: 0, version: '' } });
  }
}

/** How many locks this page holds. */
let locks = 0;

class FakeWorker {
  /** What making one does, besides giving a port. @type {(worker: FakeWorker) => void} */
  static made = () => {};

  port = new FakePort();
  /** @type {(() => void) | null} */
  onerror = null;

  constructor() {
    FakeWorker.made(this);
    ports.push(this.port);
  }
}

Object.defineProperty(globalThis, 'navigator', {
  value: {
    onLine: true,
    locks: {
      request: async (/** @type {string} */ _, /** @type {() => Promise<void>} */ hold) => {
        locks += 1;
        await hold();
        locks -= 1;
      },
    },
  },
});
Object.assign(globalThis, {
  addEventListener: () => {},
  removeEventListener: () => {},
  document: { addEventListener: () => {}, removeEventListener: () => {}, baseURI: 'https://host/' },
  SharedWorker: FakeWorker,
});

const { KpiStream } = await import('../../../web/kpi-stream.js');
const { WorkerTransport } = await import('../../../web/stream/worker-transport.js');

function open(listener = () => {}) {
  begin();
  ports.length = 0;
  locks = 0;
  FakeWorker.made = () => {};
  return listen(listener);
}

/** @param {(update: any) => void} listener */
function listen(listener) {
  const stream = new KpiStream('https://host/', (owner) => new WorkerTransport(owner));
  const stop = stream.subscribe('orders:minute', listener);
  return { stream, stop };
}

/** A page whose worker says that the connection is live. */
async function live() {
  const { stream, stop } = open();
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
  assert.deepEqual(
    port().said.filter((each) => 'subscribe' in each),
    [{ subscribe: 'orders:minute', depth: 120 }],
  );
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

test('a page holds one lock, however often it takes up with a worker', async () => {
  await live();
  for (let turn = 0; turn < 5; turn += 1) await pass(2 * HEARTBEAT_MS + 1_000);
  assert.ok(ports.length > 4);
  assert.equal(locks, 1);
});

for (const [how, made] of /** @type {[string, (worker: FakeWorker) => void][]} */ ([
  [
    'throws',
    () => {
      throw new DOMException('no', 'SecurityError');
    },
  ],
  ['fails to load', (worker) => setTimeout(() => worker.onerror?.(), 10)],
  ['never says a word', () => {}],
])) {
  test(`where a SharedWorker ${how}, the page has a stream of its own`, async () => {
    begin();
    ports.length = 0;
    locks = 0;
    FakeWorker.made = made;
    /** @type {string[]} */
    const heard = [];
    const { stream } = listen(({ kind }) => heard.push(kind));
    for (let turn = 0; turn < 30 && FakeSource.all.length === 0; turn += 1) await pass(500);
    FakeSource.last.ping();
    assert.equal(stream.connection.state, 'live');
    assert.deepEqual(heard, ['snapshot']);
    assert.equal(locks, 0);
    const before = ports.length;
    await pass(60_000);
    assert.equal(ports.length, before, 'it still asks for the worker');
    stream.close();
  });
}
