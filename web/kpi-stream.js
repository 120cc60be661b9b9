/**
 * Live KPIs for any page: `new KpiStream('https://host/').subscribe('code:minute', fn)`.
 *
 * Each channel has one ordered series, merged from snapshots, values, corrections and gaps. All
 * channels share one connection (more where the channels do not fit one), which is rebuilt whenever
 * it dies and resumes where it stood; it never gives up.
 *
 *     import { KpiStream } from 'https://host/web/kpi-stream.js';
 *
 *     const stream = new KpiStream('https://host/');
 *     const stop = stream.subscribe('orders_packed:minute', ({ series, kind, point }) => {
 *       console.log(kind, series.current?.value, series.points.length);
 *     });
 *     stream.addEventListener('connection', () => console.log(stream.connection.state));
 *
 * Where the server asks who is there, `useTickets` says where tickets come from.
 *
 * @typedef {import('./stream/series.js').Point} Point
 * @typedef {import('./stream/listeners.js').Listener} Listener
 * @typedef {import('./stream/listeners.js').Update} Update
 * @typedef {import('./stream/listeners.js').Entry} Entry
 * @typedef {import('./stream/catalogue.js').Catalogue} Catalogue
 * @typedef {import('./stream/status.js').ConnectionStatus} ConnectionStatus
 * @typedef {import('./stream/transport.js').Change} Change
 * @typedef {import('./stream/transport.js').MakeTransport} MakeTransport
 * @typedef {import('./stream/transport.js').Taken} Taken
 */

import { getCatalogue } from './stream/catalogue.js';
import { newEntry, tell } from './stream/listeners.js';
import { ServerTransport } from './stream/server-transport.js';
import { newStatus } from './stream/status.js';
import { MOST_DEPTH, STREAM_DEPTH } from './stream/transport.js';

/** How long a channel that nobody listens to is kept: switching to and fro costs nothing. */
const LINGER_MS = 5_000;
const WATCH_MS = 1_000;
const LEAST_WATCH_MS = 100;
const USUAL_HEARTBEAT_MS = 15_000;

/** @type {MakeTransport} */
const fromServer = (owner) => new ServerTransport(owner);

export { useTickets } from './stream/tickets.js';

export class KpiStream extends EventTarget {
  /**
   * @param {string | URL} [base] Where the server is; default: where this module came from.
   * @param {MakeTransport} [makeTransport] How the numbers come; default: from the server itself.
   */
  constructor(base = new URL('../', import.meta.url), makeTransport = fromServer) {
    super();
    this.base = asFolder(new URL(base, globalThis.location?.href));
    /** How the connection is; `connection` is fired when its state changes. @type {ConnectionStatus} */
    this.connection = newStatus();
    /** After how long the server says something even where nothing is new. */
    this.heartbeatMs = USUAL_HEARTBEAT_MS;
    /** How far the visitor's clock is behind the server's. */
    this.clockOffsetMs = 0;
    /** Of the page that the server has; `release` is fired when it changes. */
    this.version = '';
    this.#transport = this.#connect(makeTransport);
    globalThis.addEventListener?.('online', this.#online);
    globalThis.addEventListener?.('offline', this.#offline);
  }

  #transport;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Promise<Catalogue> | null} */
  #catalogue = null;
  /** @type {string[]} */
  #boards = [];
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watching;

  /** The server's time, in milliseconds since 1970; the visitor's clock may be wrong. */
  now() {
    return Date.now() + this.clockOffsetMs;
  }

  /**
   * The catalogue; asked for once and shared. Fires `catalogue` whenever it has come.
   *
   * @param {{ fresh?: boolean }} [options] `fresh`: ask again.
   * @returns {Promise<Catalogue>}
   */
  catalogue({ fresh = false } = {}) {
    if (fresh || !this.#catalogue) this.#catalogue = this.#askCatalogue();
    return this.#catalogue;
  }

  /** @param {string} channel @returns {import('./stream/series.js').Series | undefined} */
  series(channel) {
    return this.#entries.get(channel)?.series;
  }

  /**
   * Listen to a channel, written `code:period`; what is known already is told at once.
   *
   * @param {string} channel
   * @param {Listener} listener
   * @param {{ depth?: number }} [options] `depth`: how many buckets to keep at least.
   * @returns {() => void} Listens no more.
   */
  subscribe(channel, listener, { depth = STREAM_DEPTH } = {}) {
    const wanted = Math.min(MOST_DEPTH, Math.max(1, Math.floor(depth) || STREAM_DEPTH));
    const entry = this.#entries.get(channel) ?? newEntry(0);
    const { series } = entry;
    clearTimeout(entry.leaving);
    entry.listeners.add(listener);
    if (series.loaded) listener({ channel, kind: 'snapshot', series });
    if (entry.unknown) listener({ channel, kind: 'unknown', series });
    if (wanted > series.limit) {
      series.limit = Math.max(STREAM_DEPTH, wanted);
      this.#entries.set(channel, entry);
      this.#transport.subscribe(channel);
      this.#watch();
    }
    return () => {
      entry.listeners.delete(listener);
      if (entry.listeners.size > 0) return;
      clearTimeout(entry.leaving);
      entry.leaving = setTimeout(() => this.#end(channel, entry), LINGER_MS);
    };
  }

  /** Have `board` fired when one of these boards of the server is changed. @param {string[]} slugs */
  followBoards(slugs) {
    this.#boards = slugs;
    this.#transport.followBoards(slugs);
  }

  /** Try to reach the server now instead of when the next attempt is due. */
  retryNow() {
    this.#transport.retryNow();
  }

  /** See whether the server is still heard of. Done each second, but not while a laptop sleeps. */
  look() {
    this.#transport.look();
  }

  /** Take somebody's word that there is no network, until an event proves it wrong. */
  suspectOffline() {
    this.#transport.suspectOffline();
  }

  close() {
    clearInterval(this.#watching);
    this.#watching = undefined;
    globalThis.removeEventListener?.('online', this.#online);
    globalThis.removeEventListener?.('offline', this.#offline);
    for (const { leaving, listeners } of this.#entries.values()) {
      clearTimeout(leaving);
      listeners.clear();
    }
    this.#entries.clear();
    this.#transport.close();
  }

  #online = () => this.retryNow();

  #offline = () => this.suspectOffline();

  /** @param {MakeTransport} make @returns {import('./stream/transport.js').Transport} */
  #connect(make) {
    const stream = this;
    return make({
      base: this.base,
      get heartbeatMs() {
        return stream.heartbeatMs;
      },
      depth: (channel) => this.series(channel)?.limit ?? STREAM_DEPTH,
      channels: () => this.#entries.keys(),
      catalogue: (options) => this.catalogue(options),
      take: (change) => this.#take(change),
      connected: (status) => {
        this.connection = status;
        this.dispatchEvent(new Event('connection'));
      },
      clock: (offsetMs) => {
        this.clockOffsetMs = offsetMs;
        this.dispatchEvent(new Event('ping'));
      },
      released: (version) => this.#released(version),
      boardChanged: (slug, version) =>
        this.dispatchEvent(new CustomEvent('board', { detail: { slug, version } })),
      failed: () => this.#fallBack(),
    });
  }

  /** Where what all tabs share cannot be had, this page has a stream of its own. */
  #fallBack() {
    this.#transport.close();
    this.#transport = this.#connect(fromServer);
    this.#transport.followBoards(this.#boards);
    for (const channel of this.#entries.keys()) this.#transport.subscribe(channel);
  }

  /** @param {string} channel @param {Entry} entry */
  #end(channel, entry) {
    if (this.#entries.get(channel) !== entry) return;
    this.#entries.delete(channel);
    this.#transport.unsubscribe(channel);
    this.#watch();
  }

  /** @param {Change} change @returns {Taken} */
  #take({ channel, kind, health, point, points, whole }) {
    const entry = this.#entries.get(channel);
    if (!entry) return { added: 0, incomplete: false };
    const { series } = entry;
    let added = 0;
    let incomplete = false;
    entry.unknown = kind === 'unknown';
    if (health) series.health = health;
    if (points) {
      const merged = series.merge(points, whole);
      added = merged.added;
      incomplete = !whole && (merged.hole || (merged.kept === 0 && series.limit > STREAM_DEPTH));
    }
    if (point && (kind === 'partial' || kind === 'snapshot')) {
      series.putPartial(point);
    } else if (point) {
      const last = series.current;
      incomplete = !series.put(point);
      if (!incomplete && (!last || point.start > last.start)) added = 1;
    }
    // A bucket from long ago is told with the snapshot that has what lies between.
    if (!point || !incomplete) tell(entry, { channel, kind, series, ...(point && { point }) });
    return { added, incomplete };
  }

  async #askCatalogue() {
    try {
      const catalogue = await getCatalogue(this.base, (at) => {
        if (this.clockOffsetMs === 0) this.clockOffsetMs = at - Date.now();
      });
      this.heartbeatMs = catalogue.heartbeat_seconds * 1_000;
      this.#watch();
      this.#released(catalogue.version);
      this.dispatchEvent(new Event('catalogue'));
      return catalogue;
    } catch (error) {
      this.#catalogue = null;
      throw error;
    }
  }

  /** @param {string} version */
  #released(version) {
    if (!version || version === this.version) return;
    this.version = version;
    this.dispatchEvent(new Event('release'));
  }

  #watch() {
    clearInterval(this.#watching);
    this.#watching = undefined;
    if (this.#entries.size === 0) return;
    const everyMs = Math.max(LEAST_WATCH_MS, Math.min(WATCH_MS, this.heartbeatMs / 2));
    this.#watching = setInterval(() => this.look(), everyMs);
  }
}

/** The folder that a server is in, however it was written. @param {URL} url */
function asFolder(url) {
  const folder = new URL(url);
  folder.search = folder.hash = '';
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  return folder.href;
}
