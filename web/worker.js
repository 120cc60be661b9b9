/** The SharedWorker: one KpiStream for all tabs of a browser. */

import { KpiStream } from './kpi-stream.js';

/**
 * @typedef {import('./stream/shared.js').Change} Change
 * @typedef {import('./stream/shared.js').FromWorker} FromWorker
 * @typedef {import('./stream/shared.js').ToWorker} ToWorker
 */

const stream = new KpiStream();

/** One tab. */
class Tab {
  /** @param {MessagePort} port */
  constructor(port) {
    this.#port = port;
    port.onmessage = ({ data }) => this.#receive(data);
    port.addEventListener('close', () => this.leave());
    stream.look();
    this.sayConnection();
  }

  #port;
  /** What is to be said, gathered: a minute's burst becomes one message. @type {Change[]} */
  #changes = [];
  /** @type {Map<string, () => void>} */
  #subscriptions = new Map();

  sayConnection() {
    this.#say({ connection: stream.connection, clockOffsetMs: stream.clockOffsetMs });
  }

  leave() {
    for (const stop of this.#subscriptions.values()) stop();
    this.#subscriptions.clear();
    tabs.delete(this);
  }

  /** @param {ToWorker} message */
  #receive(message) {
    if ('subscribe' in message) {
      this.#subscribe(message.subscribe, message.depth);
    } else if ('unsubscribe' in message) {
      this.#subscriptions.get(message.unsubscribe)?.();
      this.#subscriptions.delete(message.unsubscribe);
    } else if ('retry' in message) {
      stream.retryNow();
    } else if ('offline' in message) {
      stream.suspectOffline();
    } else if ('alive' in message) {
      // Granted when the page is gone, whatever it was that ended it.
      void navigator.locks.request(message.alive, () => this.leave());
    } else {
      this.leave();
    }
  }

  /** @param {string} channel @param {number} depth */
  #subscribe(channel, depth) {
    tabs.add(this);
    const before = this.#subscriptions.get(channel);
    const stop = stream.subscribe(
      channel,
      ({ kind, series, point }) => {
        const { health, points } = series;
        const more = kind === 'snapshot' ? { points: [...points] } : point && { point };
        if (this.#changes.push({ channel, kind, health, ...more }) === 1) {
          setTimeout(() => this.#flush(), 0);
        }
      },
      { depth },
    );
    this.#subscriptions.set(channel, stop);
    before?.();
  }

  #flush() {
    const changes = this.#changes;
    this.#changes = [];
    this.#say({ changes });
  }

  /** @param {FromWorker} message */
  #say(message) {
    this.#port.postMessage(message);
  }
}

/** @type {Set<Tab>} */
const tabs = new Set();

const sayConnection = () => {
  for (const tab of tabs) tab.sayConnection();
};
stream.addEventListener('connection', sayConnection);
stream.addEventListener('ping', sayConnection);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let beating;

/** Tell the tabs that this worker lives, also where the server says nothing. */
function beat() {
  clearTimeout(beating);
  beating = setTimeout(beat, stream.heartbeatMs / 2);
  stream.look();
  sayConnection();
}
stream.addEventListener('catalogue', beat);
beat();

globalThis.addEventListener('connect', (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  if (port) tabs.add(new Tab(port));
});
