/** A server, a browser's EventSource and a clock that do what a test says. */

import { mock } from 'node:test';

export const NOON = Date.UTC(2026, 4, 4, 12);
export const HEARTBEAT_MS = 15_000;

export class FakeSource extends EventTarget {
  static CLOSED = 2;
  /** @type {FakeSource[]} */
  static all = [];

  /** The one that was opened last. @returns {FakeSource} */
  static get last() {
    return /** @type {FakeSource} */ (FakeSource.all.at(-1));
  }

  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    this.readyState = 1;
    /** @type {(() => void) | null} */
    this.onerror = null;
    FakeSource.all.push(this);
  }

  close() {
    this.readyState = FakeSource.CLOSED;
  }

  /** @param {string} kind @param {object} data @param {string} [lastEventId] */
  say(kind, data, lastEventId = '') {
    if (this.readyState === FakeSource.CLOSED) return;
    this.dispatchEvent(Object.assign(new Event(kind), { data: JSON.stringify(data), lastEventId }));
  }

  ping() {
    this.say('ping', { time: new Date().toISOString() });
  }

  /** The server refuses the stream, and the browser gives up. */
  refuse() {
    this.readyState = FakeSource.CLOSED;
    this.onerror?.();
  }

  /** The server ends the stream; the browser is about to ask again by itself. */
  end() {
    this.readyState = 0;
    this.onerror?.();
  }
}

/** @param {number} minute Since noon. @param {number | null} value */
export const bucket = (minute, value) => ({
  kpi: 'orders',
  period: 'minute',
  bucket: new Date(NOON + minute * 60_000).toISOString(),
  end: new Date(NOON + (minute + 1) * 60_000).toISOString(),
  value,
  points: 1,
  min: value,
  max: value,
});

/** @param {object[]} history */
export const snapshot = (history) => ({
  kpi: 'orders',
  period: 'minute',
  cursor: 'c1',
  state: { state: 'live', reason: null, since: null },
  history,
});

/** What REST answers to a snapshot; a test may put another in its place. */
export const rest = {
  /** @type {(url: string) => any} */
  snapshot: () => snapshot([bucket(-2, 1), bucket(-1, 2)]),
  /** The codes of the catalogue. */
  codes: ['orders'],
};

/** What `rest.snapshot` may return in place of a snapshot: an answer with another status. */
export class Refusal {
  /** @param {number} status */
  constructor(status) {
    this.status = status;
  }
}

/** Let time stand still, and put the fakes in the place of the browser's. */
export function begin() {
  FakeSource.all = [];
  rest.snapshot = () => snapshot([bucket(-2, 1), bucket(-1, 2)]);
  rest.codes = ['orders'];
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: NOON });
  Object.assign(globalThis, {
    EventSource: FakeSource,
    fetch: async (/** @type {string} */ url) => {
      const said = url.endsWith('/kpi')
        ? catalogue()
        : url.endsWith('/livez')
          ? {}
          : await rest.snapshot(url);
      const status = said instanceof Refusal ? said.status : 200;
      return { ok: status === 200, status, headers: new Headers(), json: async () => said };
    },
  });
}

const catalogue = () => ({
  kpis: rest.codes.map((code) => ({ code })),
  timezone: 'UTC',
  heartbeat_seconds: HEARTBEAT_MS / 1_000,
});

/** Let so much time pass, and all that waits for it happen. @param {number} ms */
export async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

/** Time passes, but nothing happens: the lid of the laptop is shut. @param {number} ms */
export const sleep = (ms) => mock.timers.setTime(Date.now() + ms);

/** Until no promise waits for another. */
export async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A button as far as a question needs it. */
export class FakeButton extends EventTarget {
  text = '';
  setAttribute() {}
  append(/** @type {string} */ text) {
    this.text = text;
  }
}

/** An answer that comes when the test says so. */
export function withheld() {
  let end = () => {};
  const until = new Promise((/** @type {(_: void) => void} */ resolve) => {
    end = resolve;
  });
  return { until, end: () => end() };
}
