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
 * @typedef {import('./stream/series.js').Point} Point
 * @typedef {import('./stream/listeners.js').Listener} Listener
 * @typedef {import('./stream/listeners.js').Update} Update
 * @typedef {import('./stream/catalogue.js').Catalogue} Catalogue
 * @typedef {import('./stream/status.js').ConnectionStatus} ConnectionStatus
 */

import { getCatalogue, getJson } from './stream/catalogue.js';
import { ServerClock } from './stream/clock.js';
import { Connection } from './stream/connection.js';
import { newEntry, tell } from './stream/listeners.js';
import { toPoint } from './stream/series.js';
import { StatusKeeper } from './stream/status.js';

/** Buckets of a series; the server answers as many from memory. */
export const DEFAULT_DEPTH = 120;
/** A browser opens six to a host over HTTP/1.1; other requests need some of them. */
const MOST_CONNECTIONS = 4;
/** More new channels than this at once come faster as snapshots of the stream itself. */
const MAX_LOADED_AT_ONCE = 24;
const PERIODS = new Set(['minute', 'hour', 'day']);
/** How long a channel that nobody listens to is kept: switching to and fro costs nothing. */
const LINGER_MS = 5_000;
const WATCH_MS = 1_000;
const MIN_WATCH_MS = 100;
const UNKNOWN_RETRY_MS = 60_000;

/**
 * @typedef {import('./stream/listeners.js').Entry & {
 *   journal: [string, any][] | null,
 *   cursor: string,
 *   connection: Connection | null,
 *   leaving: ReturnType<typeof setTimeout> | undefined,
 * }} Held
 */

export class KpiStream extends EventTarget {
  /** @param {string | URL} [base] Where the server is; default: where this module came from. */
  constructor(base = new URL('../', import.meta.url)) {
    super();
    this.base = new URL(base, globalThis.location?.href).href;
    globalThis.addEventListener?.('online', this.#online);
    globalThis.addEventListener?.('offline', this.#offline);
  }

  /** @type {Map<string, Held>} */
  #channels = new Map();
  /** @type {Connection[]} */
  #connections = [];
  /** @type {Set<string>} */
  #fresh = new Set();
  /** @type {Promise<Catalogue> | null} */
  #catalogue = null;
  #catalogueAt = 0;
  /** @type {Set<string> | null} */
  #codes = null;
  #heartbeatMs = 15_000;
  #clock = new ServerClock();
  #status = new StatusKeeper();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watching;

  /** How the connection is; `connection` is fired when its state changes. @returns {ConnectionStatus} */
  get connection() {
    return this.#status.status;
  }

  /** The server's time, in milliseconds since 1970; the visitor's clock may be wrong. */
  now() {
    return this.#clock.now();
  }

  /** How far the visitor's clock is behind the server's. */
  get clockOffsetMs() {
    return this.#clock.offsetMs;
  }

  /** After how long the server says something even where nothing is new. */
  get heartbeatMs() {
    return this.#heartbeatMs;
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
    return this.#channels.get(channel)?.series;
  }

  /**
   * Listen to a channel, written `code:period`; what is known already is told at once.
   *
   * @param {string} channel
   * @param {Listener} listener
   * @param {{ depth?: number }} [options] `depth`: how many buckets to keep at least.
   * @returns {() => void} Listens no more.
   */
  subscribe(channel, listener, { depth = DEFAULT_DEPTH } = {}) {
    const held = this.#channels.get(channel) ?? this.#begin(channel);
    clearTimeout(held.leaving);
    held.listeners.add(listener);
    if (held.series.loaded) listener({ channel, kind: 'snapshot', series: held.series });
    if (held.unknown) listener({ channel, kind: 'unknown', series: held.series });
    if (depth > held.series.limit) {
      held.series.limit = depth;
      if (held.series.loaded) void this.#load(channel, held);
    }
    return () => {
      held.listeners.delete(listener);
      if (held.listeners.size > 0) return;
      clearTimeout(held.leaving);
      held.leaving = setTimeout(() => this.#end(channel, held), LINGER_MS);
    };
  }

  /** Try to reach the server now instead of when the next attempt is due. */
  retryNow() {
    for (const connection of this.#connections) connection.retryNow();
  }

  /** See whether the server is still heard of. Done each second, but not while a laptop sleeps. */
  look() {
    for (const connection of this.#connections) connection.watch();
  }

  /** Take somebody's word that there is no network, until an event proves it wrong. */
  suspectOffline() {
    for (const connection of this.#connections) connection.suspectOffline();
  }

  close() {
    clearInterval(this.#watching);
    this.#watching = undefined;
    globalThis.removeEventListener?.('online', this.#online);
    globalThis.removeEventListener?.('offline', this.#offline);
    for (const held of this.#channels.values()) {
      clearTimeout(held.leaving);
      held.listeners.clear();
    }
    for (const connection of this.#connections) connection.close();
    this.#channels.clear();
    this.#connections = [];
  }

  #online = () => this.retryNow();

  #offline = () => this.suspectOffline();

  /** @param {string} channel */
  #begin(channel) {
    /** @type {Held} */
    const held = {
      ...newEntry(DEFAULT_DEPTH),
      journal: null,
      cursor: '',
      connection: null,
      leaving: undefined,
    };
    this.#channels.set(channel, held);
    if (this.#fresh.size === 0) setTimeout(() => void this.#introduce(), 0);
    this.#fresh.add(channel);
    this.#watch();
    this.#summarise();
    return held;
  }

  /** @param {string} channel @param {Held} held */
  #end(channel, held) {
    if (this.#channels.get(channel) !== held) return;
    this.#channels.delete(channel);
    held.connection?.remove(channel);
    this.#connections = this.#connections.filter((connection) => connection.size > 0);
    if (this.#channels.size === 0) {
      clearInterval(this.#watching);
      this.#watching = undefined;
    }
    this.#summarise();
  }

  /** Load what is new by REST, then stream from there. */
  async #introduce() {
    const fresh = [...this.#fresh].filter((channel) => this.#channels.has(channel));
    this.#fresh.clear();
    if (fresh.length <= MAX_LOADED_AT_ONCE) {
      await Promise.all(fresh.map((channel) => this.#load(channel, this.#held(channel))));
    }
    for (const channel of fresh) this.#stream(channel);
  }

  /** @param {string} channel @returns {Held} */
  #held(channel) {
    return /** @type {Held} */ (this.#channels.get(channel));
  }

  /** Put it on a connection, unless the server would refuse them all. @param {string} channel */
  #stream(channel) {
    const held = this.#channels.get(channel);
    if (!held || held.connection || held.unknown) return;
    let connection = this.#roomFor(channel);
    if (!connection) {
      const made = new Connection(this.base, DEFAULT_DEPTH, {
        event: (kind, data) => this.#receive(kind, data),
        state: () => this.#summarise(),
        prepare: () => this.#prepare(made),
      });
      made.heartbeatMs = this.#heartbeatMs;
      connection = made;
      this.#connections.push(made);
    }
    held.connection = connection;
    connection.add(channel);
    if (held.cursor) connection.resumeFrom(channel, held.cursor);
  }

  /**
   * Find a connection for a channel. Where there are many already, better a URL that some proxy may
   * not take than one more stream, which the browser would let wait for ever.
   *
   * @param {string} channel
   */
  #roomFor(channel) {
    const fitting = this.#connections.find((each) => each.fits(channel));
    if (fitting || this.#connections.length < MOST_CONNECTIONS) return fitting;
    return this.#connections.toSorted((a, b) => a.size - b.size).find((each) => !each.full);
  }

  /** Make sure that the server is there and knows all channels, before a stream is opened. */
  async #prepare(/** @type {Connection} */ connection) {
    const away = connection.state !== 'connecting' && connection.state !== 'live';
    const carried = [...this.#channels].filter(([, held]) => held.connection === connection);
    // A KPI may be newer than what is known of the catalogue.
    const fresh = away || carried.some(([channel]) => !this.#isKnown(channel));
    await this.catalogue({ fresh });
    for (const [channel, held] of carried) {
      if (!this.#isKnown(channel)) this.#refuse(channel, held);
    }
  }

  /** @param {string} channel */
  #isKnown(channel) {
    const [, code, period] = /^(.*):(.*)$/.exec(channel) ?? [];
    return PERIODS.has(period ?? '') && (this.#codes?.has(code ?? '') ?? true);
  }

  /** @param {string} channel @param {Held} held */
  #refuse(channel, held) {
    held.connection?.remove(channel);
    held.connection = null;
    held.unknown = true;
    tell(held, { channel, kind: 'unknown', series: held.series });
  }

  async #askCatalogue() {
    this.#catalogueAt = Date.now();
    try {
      const catalogue = await getCatalogue(this.base, this.#clock.guess);
      this.#codes = new Set(catalogue.kpis.map((kpi) => kpi.code));
      this.#heartbeatMs = catalogue.heartbeat_seconds * 1000;
      for (const connection of this.#connections) connection.heartbeatMs = this.#heartbeatMs;
      this.#watch();
      this.dispatchEvent(new Event('catalogue'));
      return catalogue;
    } catch (error) {
      this.#catalogue = null;
      throw error;
    }
  }

  /**
   * Load a channel's snapshot. What the stream says meanwhile is put on top of it.
   *
   * @param {string} channel
   * @param {Held} held
   */
  async #load(channel, held) {
    const at = channel.lastIndexOf(':');
    const code = encodeURIComponent(channel.slice(0, at));
    const query = `period=${channel.slice(at + 1)}&history=${held.series.limit}`;
    /** @type {[string, any][]} */
    const journal = [];
    held.journal = journal;
    try {
      const snapshot = await getJson(`${this.base}kpi/${code}?${query}`, this.#clock.guess);
      if (held.journal !== journal) return;
      held.journal = null;
      held.cursor = snapshot.cursor;
      this.#takeSnapshot(channel, held, snapshot);
      for (const [kind, data] of journal) this.#take(channel, held, kind, data);
    } catch (error) {
      if (held.journal === journal) held.journal = null;
      const status = /** @type {{ status?: number }} */ (error).status;
      if (status === 404 || status === 400 || status === 422) this.#refuse(channel, held);
      // Otherwise the stream brings it when the server is back.
    }
  }

  /** @param {string} kind @param {any} data */
  #receive(kind, data) {
    if (kind === 'ping') {
      this.#clock.set(Date.parse(data.time));
      this.dispatchEvent(new Event('ping'));
      return;
    }
    const channel = `${data.kpi}:${data.period}`;
    const held = this.#channels.get(channel);
    if (!held) return;
    held.journal?.push([kind, data]);
    this.#take(channel, held, kind, data);
  }

  /** @param {string} channel @param {Held} held @param {string} kind @param {any} data */
  #take(channel, held, kind, data) {
    const { series } = held;
    if (kind === 'snapshot') {
      this.#takeSnapshot(channel, held, data);
      if (series.limit > DEFAULT_DEPTH) void this.#load(channel, held);
    } else if (kind !== 'reset' && !series.loaded) {
      // The stream was resumed from where an earlier listener of this channel stood.
      if (!held.journal) void this.#load(channel, held);
    } else if (kind === 'status') {
      series.health = { state: data.state, reason: data.reason, since: data.since };
      tell(held, { channel, kind, series });
    } else if (kind === 'reset') {
      tell(held, { channel, kind, series });
    } else if (kind === 'value' || kind === 'gap' || kind === 'correction') {
      const point = toPoint(data, kind === 'correction');
      // Only a snapshot tells what lies between a bucket from long ago and the others.
      if (series.put(point)) tell(held, { channel, kind, series, point });
      else if (!held.journal) void this.#load(channel, held);
    }
  }

  /** @param {string} channel @param {Held} held @param {any} snapshot */
  #takeSnapshot(channel, held, snapshot) {
    const { series } = held;
    held.unknown = false;
    series.health = snapshot.state;
    series.replace(
      snapshot.history.map((/** @type {import('./stream/series.js').WireBucket} */ b) =>
        toPoint(b),
      ),
    );
    tell(held, { channel, kind: 'snapshot', series });
  }

  #watch() {
    clearInterval(this.#watching);
    if (this.#channels.size === 0) return;
    const everyMs = Math.max(MIN_WATCH_MS, Math.min(WATCH_MS, this.#heartbeatMs / 2));
    this.#watching = setInterval(() => {
      this.look();
      this.#lookForUnknown();
    }, everyMs);
  }

  /** A KPI may be new, or back: ask again now and then. */
  #lookForUnknown() {
    const missing = [...this.#channels].filter(([, held]) => held.unknown);
    if (missing.length === 0 || Date.now() - this.#catalogueAt < UNKNOWN_RETRY_MS) return;
    this.catalogue({ fresh: true }).then(
      () => {
        for (const [channel, held] of missing) {
          if (!this.#isKnown(channel)) continue;
          held.unknown = false;
          this.#stream(channel);
        }
      },
      () => {},
    );
  }

  #summarise() {
    const changed = this.#status.update(this.#connections, this.#channels.size > 0);
    if (changed) this.dispatchEvent(new Event('connection'));
  }
}
