/** The SharedWorker: one KpiStream for all tabs of a browser. */

import { KpiStream } from './kpi-stream.js';

/**
 * @typedef {import('./stream/transport.js').Change} Change
 * @typedef {import('./stream/worker-transport.js').FromWorker} FromWorker
 * @typedef {import('./stream/worker-transport.js').ToWorker} ToWorker
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
    this.tellConnection();
  }

  #port;
  /** What is to be told, gathered: a minute's burst becomes one message. @type {Change[]} */
  #changes = [];
  /** @type {Map<string, () => void>} */
  #subscriptions = new Map();
  /** The boards of which it wants to know changes. @type {string[]} */
  boards = [];

  tellConnection() {
    const { connection, clockOffsetMs, version } = stream;
    this.#post({ connection, clockOffsetMs, version });
  }

  /** @param {string} slug @param {number} version */
  tellBoard(slug, version) {
    if (this.boards.includes(slug)) this.#post({ board: slug, version });
  }

  leave() {
    for (const stop of this.#subscriptions.values()) stop();
    this.#subscriptions.clear();
    this.boards = [];
    tabs.delete(this);
    followBoards();
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
    } else if ('boards' in message) {
      tabs.add(this);
      this.boards = message.boards;
      followBoards();
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
        const { health, points, partial } = series;
        const whole = { points: [...points], whole: true, ...(partial && { point: partial }) };
        const more = kind === 'snapshot' ? whole : point && { point };
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
    this.#post({ changes });
  }

  /** @param {FromWorker} message */
  #post(message) {
    this.#port.postMessage(message);
  }
}

/** @type {Set<Tab>} */
const tabs = new Set();

const followBoards = () =>
  stream.followBoards([...new Set([...tabs].flatMap(({ boards }) => boards))].sort());

const tellConnection = () => {
  for (const tab of tabs) tab.tellConnection();
};
stream.addEventListener('connection', tellConnection);
stream.addEventListener('ping', tellConnection);
stream.addEventListener('release', tellConnection);
stream.addEventListener('board', (event) => {
  const { slug, version } = /** @type {CustomEvent} */ (event).detail;
  for (const tab of tabs) tab.tellBoard(slug, version);
});

/** @type {ReturnType<typeof setTimeout> | undefined} */
let beating;

/** Tell the tabs that this worker lives, also where the server says nothing. */
function beat() {
  clearTimeout(beating);
  beating = setTimeout(beat, stream.heartbeatMs / 2);
  stream.look();
  tellConnection();
}
stream.addEventListener('catalogue', beat);
beat();

globalThis.addEventListener('connect', (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  if (port) tabs.add(new Tab(port));
});
