/**
 * The page's end of the SharedWorker: the same as a KpiStream, over the one stream of all tabs.
 *
 * @typedef {import('./status.js').ConnectionStatus} ConnectionStatus
 * @typedef {import('./catalogue.js').Catalogue} Catalogue
 * @typedef {import('./listeners.js').Entry} Entry
 * @typedef {import('./listeners.js').Listener} Listener
 * @typedef {import('./listeners.js').Update} Update
 * @typedef {import('./series.js').Health} Health
 * @typedef {import('./series.js').Point} Point
 *
 * @typedef {object} Change What the worker says of a channel; all the points with a snapshot.
 * @property {string} channel
 * @property {Update['kind']} kind
 * @property {Health} health
 * @property {Point} [point]
 * @property {Point[]} [points]
 *
 * @typedef {{ changes: Change[] } | { connection: ConnectionStatus, clockOffsetMs: number }} FromWorker
 *
 * @typedef {{ subscribe: string, depth: number } | { unsubscribe: string } | { retry: true }
 *   | { offline: true } | { alive: string } | { bye: true }} ToWorker
 */

import { DEFAULT_DEPTH } from '../kpi-stream.js';
import { getCatalogue } from './catalogue.js';
import { newEntry, tell } from './listeners.js';
import { newStatus } from './status.js';

/** Tabs of different releases meet only where they speak the same: count up with each change. */
const PROTOCOL = 'kpi-stream 1';
/** The worker says something twice in a heartbeat; after this many heartbeats it is gone. */
const SILENT_HEARTBEATS = 2;
/** Nothing to tell of an interruption. */
const SAID = { awayMs: 0, caughtUp: 0, reloaded: false };
/** When to try again with a worker that could not be loaded. */
const RETRY_MS = 2_000;

export class SharedStream extends EventTarget {
  /** @param {string} base */
  constructor(base) {
    super();
    this.base = base;
    this.#port = this.#connect();
    this.#watching = setInterval(() => this.#watch(), 1_000);
    addEventListener('pagehide', this.#leave);
    addEventListener('pageshow', this.#comeBack);
    document.addEventListener('visibilitychange', this.#look);
    addEventListener('online', this.#online);
    addEventListener('offline', this.#offline);
  }

  #port;
  #watching;
  #heard = Date.now();
  #silentMs = 30_000;
  /** Since when nobody knows whether the numbers are live; 0 where somebody does. */
  #lostAt = 0;
  #clockOffsetMs = 0;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Promise<Catalogue> | null} */
  #catalogue = null;
  /** @type {ConnectionStatus} */
  connection = newStatus();

  now() {
    return Date.now() + this.#clockOffsetMs;
  }

  /** @param {{ fresh?: boolean }} [options] @returns {Promise<Catalogue>} */
  catalogue({ fresh = false } = {}) {
    if (fresh || !this.#catalogue) this.#catalogue = this.#askCatalogue();
    return this.#catalogue;
  }

  async #askCatalogue() {
    try {
      const catalogue = await getCatalogue(this.base);
      this.#silentMs = SILENT_HEARTBEATS * Math.max(1_000, catalogue.heartbeat_seconds * 1_000);
      this.dispatchEvent(new Event('catalogue'));
      return catalogue;
    } catch (error) {
      this.#catalogue = null;
      throw error;
    }
  }

  /** @param {string} channel */
  series(channel) {
    return this.#entries.get(channel)?.series;
  }

  /**
   * @param {string} channel
   * @param {Listener} listener
   * @param {{ depth?: number }} [options]
   */
  subscribe(channel, listener, { depth = DEFAULT_DEPTH } = {}) {
    let entry = this.#entries.get(channel);
    if (!entry) {
      entry = newEntry(0);
      this.#entries.set(channel, entry);
    }
    const held = entry;
    held.listeners.add(listener);
    if (held.series.loaded) listener({ channel, kind: 'snapshot', series: held.series });
    if (held.unknown) listener({ channel, kind: 'unknown', series: held.series });
    if (depth > held.series.limit) {
      held.series.limit = depth;
      this.#say({ subscribe: channel, depth });
    }
    return () => {
      held.listeners.delete(listener);
      if (held.listeners.size > 0 || this.#entries.get(channel) !== held) return;
      this.#entries.delete(channel);
      if (this.#entries.size === 0) this.#lostAt = 0;
      this.#say({ unsubscribe: channel });
    };
  }

  retryNow() {
    this.#say({ retry: true });
  }

  close() {
    clearInterval(this.#watching);
    removeEventListener('pagehide', this.#leave);
    removeEventListener('pageshow', this.#comeBack);
    document.removeEventListener('visibilitychange', this.#look);
    removeEventListener('online', this.#online);
    removeEventListener('offline', this.#offline);
    this.#leave();
  }

  #connect() {
    const url = new URL('../worker.js', import.meta.url);
    const worker = new SharedWorker(url, { type: 'module', name: PROTOCOL });
    worker.onerror = () => setTimeout(() => this.#reconnect(), RETRY_MS);
    const { port } = worker;
    port.onmessage = ({ data }) => this.#receive(data);
    this.#promiseLife(port);
    return port;
  }

  /** Hold a lock for as long as this page lives, so that the worker knows when it is gone. */
  #promiseLife(/** @type {MessagePort} */ port) {
    const name = `kpi-stream page ${Math.random().toString(36).slice(2)}`;
    void navigator.locks?.request(name, () => {
      port.postMessage({ alive: name });
      return new Promise(() => {});
    });
  }

  /** @param {ToWorker} message */
  #say(message) {
    this.#port.postMessage(message);
  }

  /** @param {FromWorker} message */
  #receive(message) {
    this.#heard = Date.now();
    if ('connection' in message) {
      this.#clockOffsetMs = message.clockOffsetMs;
      this.#takeConnection(message.connection);
    } else {
      for (const change of message.changes) this.#take(change);
    }
  }

  /** @param {ConnectionStatus} said */
  #takeConnection(said) {
    // Not every browser tells its workers that there is no network.
    const away = said.state === 'reconnecting' && !navigator.onLine;
    const connection = { ...said, state: away ? 'offline' : said.state };
    const { state, since } = connection;
    if (state === this.connection.state && since === this.connection.since) return;
    if (state === 'live' && this.#lostAt > 0) {
      // What an old worker tells of an interruption before was said then.
      if (since <= this.#lostAt) Object.assign(connection, SAID);
      else if (said.awayMs === 0) connection.awayMs = Date.now() - this.#lostAt;
      this.#lostAt = 0;
    }
    this.connection = connection;
    this.dispatchEvent(new Event('connection'));
  }

  /** @param {Change} change */
  #take({ channel, kind, health, point, points }) {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    const { series } = entry;
    entry.unknown = kind === 'unknown';
    series.health = health;
    if (points) series.replace(points);
    if (point) series.put(point);
    tell(entry, { channel, kind, series, ...(point && { point }) });
  }

  #watch() {
    if (Date.now() - this.#heard <= this.#silentMs || this.#entries.size === 0) return;
    if (this.connection.state === 'live') {
      // Nobody knows whether the numbers are, until the worker or a new one says so.
      this.#lostAt = this.#heard;
      this.connection = { ...this.connection, state: 'reconnecting', since: this.#heard };
      this.dispatchEvent(new Event('connection'));
    }
    // Also after a laptop's sleep: then it is the same worker, and only says all again.
    this.#reconnect();
  }

  #reconnect() {
    this.#heard = Date.now();
    this.#leave();
    this.#port.close();
    this.#port = this.#connect();
    this.#subscribeAll();
  }

  #subscribeAll() {
    for (const [channel, { series }] of this.#entries) {
      this.#say({ subscribe: channel, depth: series.limit });
    }
  }

  #leave = () => this.#say({ bye: true });

  /** @param {PageTransitionEvent} event */
  #comeBack = (event) => {
    if (event.persisted) this.#subscribeAll();
  };

  #online = () => this.retryNow();

  #offline = () => this.#say({ offline: true });

  #look = () => {
    if (!document.hidden) this.retryNow();
  };
}
