import assert from 'node:assert/strict';
import test from 'node:test';
import { KpiStream } from '../../../web/kpi-stream.js';
import { begin, bucket, FakeSource, pass, Refusal, rest, settle, snapshot } from './fakes.js';

const CHANNEL = 'orders:minute';
const TOKEN = 'x'.repeat(30);

/** Let the streams be opened, and answer. */
async function open() {
  await pass(0);
  await pass(100);
  for (const source of streams()) source.ping();
}

/** The streams that are open. */
const streams = () => FakeSource.all.filter(({ readyState }) => readyState !== FakeSource.CLOSED);

test('more of the past than the server gives is asked for up to what it gives', async () => {
  begin();
  /** @type {string[]} */
  const asked = [];
  rest.snapshot = (url) => {
    asked.push(new URL(url).searchParams.get('history') ?? '');
    return snapshot([bucket(-1, 2)]);
  };
  const stream = new KpiStream('https://host/');
  stream.subscribe(CHANNEL, () => {}, { depth: 2_000 });
  await open();
  assert.deepEqual(asked, ['1440']);
  assert.equal(stream.series(CHANNEL)?.current?.value, 2);
});

test('the address of a server may lack the slash at its end', async () => {
  begin();
  /** @type {string[]} */
  const asked = [];
  rest.snapshot = (url) => {
    asked.push(new URL(url).pathname);
    return snapshot([bucket(-1, 2)]);
  };
  const stream = new KpiStream('https://host/plant');
  stream.subscribe(CHANNEL, () => {});
  await open();
  assert.deepEqual(asked, ['/plant/kpi/orders']);
  assert.ok(streams().every(({ url }) => new URL(url).pathname === '/plant/stream'));
});

for (const status of [400, 422, 500, 503]) {
  test(`a range that is answered with ${status} makes no KPI unknown, and is asked for again`, async () => {
    begin();
    const stream = new KpiStream('https://host/');
    /** @type {string[]} */
    const heard = [];
    stream.subscribe(CHANNEL, ({ kind }) => heard.push(kind));
    await open();
    let refused = 0;
    rest.snapshot = () => {
      refused += 1;
      return refused < 3
        ? new Refusal(status)
        : snapshot([bucket(-3, 0), bucket(-2, 1), bucket(-1, 2)]);
    };
    stream.subscribe(CHANNEL, () => {}, { depth: 360 });
    for (let turn = 0; turn < 10; turn += 1) await pass(1_000);
    assert.equal(refused, 3);
    assert.equal(stream.series(CHANNEL)?.points.length, 3);
    assert.ok(!heard.includes('unknown'));
  });
}

test('a board of KPIs that the server does not know is not for ever connecting', async () => {
  begin();
  rest.snapshot = () => new Refusal(404);
  rest.codes = [];
  const stream = new KpiStream('https://host/');
  /** @type {string[]} */
  const heard = [];
  for (const code of ['gone', 'with space', 'lost']) {
    stream.subscribe(`${code}:minute`, ({ kind }) => heard.push(kind));
  }
  await open();
  assert.deepEqual(heard, ['unknown', 'unknown', 'unknown']);
  assert.equal(FakeSource.all.length, 0);
  assert.equal(stream.connection.state, 'idle');
});

test('a KPI that is deleted while the server is away leaves no connection behind', async () => {
  begin();
  const stream = new KpiStream('https://host/');
  stream.subscribe(CHANNEL, () => {});
  await open();
  rest.codes = [];
  FakeSource.last.refuse();
  assert.equal(stream.connection.state, 'reconnecting');
  await pass(1_000);
  assert.equal(stream.connection.state, 'idle');
});

test('one slow snapshot does not keep the stream of the others back', async () => {
  begin();
  rest.codes = ['orders', 'slow'];
  rest.snapshot = (url) =>
    url.includes('/slow?') ? new Promise(() => {}) : snapshot([bucket(-1, 2)]);
  const stream = new KpiStream('https://host/');
  stream.subscribe(CHANNEL, () => {});
  stream.subscribe('slow:minute', () => {});
  await pass(0);
  await pass(1_000);
  await pass(100);
  assert.match(FakeSource.last.url, /channel=orders:minute&channel=slow:minute/);
  FakeSource.last.say('snapshot', { ...snapshot([bucket(-1, 7)]), kpi: 'slow' }, 'c2');
  assert.equal(stream.series('slow:minute')?.current?.value, 7);
  assert.equal(stream.connection.state, 'live');
});

for (const base of ['https://host/kpi', 'https://host/kpi/', 'https://host/kpi?x=1#y']) {
  test(`a server at ${base} is asked in its folder`, async () => {
    begin();
    /** @type {string[]} */
    const asked = [];
    rest.snapshot = (url) => {
      asked.push(url.split('?')[0] ?? '');
      return snapshot([bucket(-1, 2)]);
    };
    new KpiStream(base).subscribe(CHANNEL, () => {});
    await open();
    assert.deepEqual(asked, ['https://host/kpi/kpi/orders']);
    assert.match(FakeSource.last.url, /^https:\/\/host\/kpi\/stream\?/);
  });
}

test('256 channels are resumed, through proxies that take a request line of 8 KB', async () => {
  for (const [letters, most] of /** @type {const} */ ([
    [24, 5_000],
    [64, 7_800],
  ])) {
    begin();
    rest.codes = Array.from({ length: 256 }, (_, at) => `${at}.`.padEnd(letters, 'k'));
    const stream = new KpiStream('https://kpi.example/dashboards/');
    for (const code of rest.codes) stream.subscribe(`${code}:minute`, () => {});
    await open();
    const first = streams();
    assert.ok(first.length <= 4, `${first.length} streams`);
    for (const source of first) {
      const count = new URL(source.url).searchParams.getAll('channel').length;
      source.say('ping', { time: new Date().toISOString() }, TOKEN.repeat(count));
    }
    assert.equal(stream.connection.state, 'live');
    for (const source of first) source.refuse();
    await pass(1_000);
    await pass(1_000);
    const again = streams();
    assert.equal(again.length, first.length);
    let resumed = 0;
    for (const { url } of again) {
      assert.ok(url.length <= most, `${url.length} characters`);
      const channels = new URL(url).searchParams.getAll('channel');
      const cursor = new URL(url).searchParams.get('cursor') ?? '';
      assert.equal(cursor.length, TOKEN.length * channels.length);
      resumed += channels.length;
    }
    assert.equal(resumed, 256);
    stream.close();
  }
});

test('where a proxy refuses a long address, the stream is opened by a shorter one', async () => {
  begin();
  rest.codes = Array.from({ length: 250 }, (_, at) => `${at}.`.padEnd(24, 'k'));
  const stream = new KpiStream('https://host/');
  for (const code of rest.codes) stream.subscribe(`${code}:minute`, () => {});
  await open();
  for (const source of streams()) {
    const count = new URL(source.url).searchParams.getAll('channel').length;
    source.say('ping', { time: new Date().toISOString() }, TOKEN.repeat(count));
    source.refuse();
  }
  for (let turn = 0; turn < 20; turn += 1) {
    await pass(1_000);
    for (const source of streams()) if (source.url.length > 4_096) source.refuse();
  }
  assert.ok(streams().length > 0);
  for (const source of streams()) {
    assert.ok(source.url.length <= 4_096, `${source.url.length} characters`);
    source.ping();
  }
  assert.equal(stream.connection.state, 'live');
  stream.close();
});

test('a snapshot in the middle of a stream keeps what is older and marks what it corrects', async () => {
  begin();
  const stream = new KpiStream('https://host/');
  /** @type {string[]} */
  const heard = [];
  stream.subscribe(CHANNEL, ({ kind }) => heard.push(kind));
  await open();
  FakeSource.last.say('value', bucket(0, 3), 'c2');
  FakeSource.last.say('snapshot', snapshot([bucket(-1, 20), bucket(0, 3), bucket(1, 4)]), 'c3');
  assert.deepEqual(
    stream.series(CHANNEL)?.points.map(({ value, corrected }) => [value, corrected]),
    [
      [1, false],
      [20, true],
      [3, false],
      [4, false],
    ],
  );
  assert.deepEqual(heard, ['snapshot', 'value', 'snapshot']);
});

test('what a snapshot brought after an interruption is counted as caught up with', async () => {
  begin();
  const stream = new KpiStream('https://host/');
  stream.subscribe(CHANNEL, () => {});
  await open();
  FakeSource.last.refuse();
  await pass(1_000);
  await pass(100);
  FakeSource.last.say('snapshot', snapshot([bucket(-1, 9), bucket(0, 3), bucket(1, 4)]), 'c3');
  assert.deepEqual([stream.connection.caughtUp, stream.connection.reloaded], [2, false]);
});

test('a hole that a snapshot leaves is filled by loading the whole range', async () => {
  begin();
  const stream = new KpiStream('https://host/');
  stream.subscribe(CHANNEL, () => {});
  await open();
  rest.snapshot = () => snapshot([-2, -1, 0, 1, 2, 3, 4].map((at) => bucket(at, at)));
  FakeSource.last.say('snapshot', snapshot([bucket(3, 3), bucket(4, 4)]), 'c3');
  await settle();
  assert.equal(stream.series(CHANNEL)?.points.length, 7);
});

test('the open bucket is asked for where a bucket is longer than a minute', async () => {
  begin();
  const stream = new KpiStream('https://host/');
  stream.subscribe(CHANNEL, () => {});
  await open();
  assert.doesNotMatch(FakeSource.last.url, /partial/);
  stream.subscribe('orders:hour', () => {});
  await open();
  assert.match(FakeSource.last.url, /&partial=1/);
});

test('the version of the page that the server has is told once', async () => {
  begin();
  const stream = new KpiStream('https://host/');
  /** @type {string[]} */
  const versions = [];
  stream.addEventListener('release', () => versions.push(stream.version));
  stream.subscribe(CHANNEL, () => {});
  await open();
  for (const version of ['a1', 'a1', 'b2']) {
    FakeSource.last.say('ping', { time: new Date().toISOString(), version });
  }
  assert.deepEqual(versions, ['a1', 'b2']);
});
