/**
 * One EventSource over many channels: watched, rebuilt when it is dead, resumed where it stood.
 *
 * @typedef {'idle' | 'connecting' | 'live' | 'reconnecting' | 'offline'} ConnectionState
 *
 * @typedef {object} Connected What the owner of a connection hears.
 * @property {(kind: string, data: any) => void} event
 * @property {() => void} state
 * @property {() => Promise<void>} prepare Awaited before an attempt; rejects where it is in vain.
 */

import { backoffMs } from './backoff.js';

const KINDS = ['snapshot', 'value', 'correction', 'gap', 'status', 'reset', 'ping'];
const MAX_CHANNELS = 256;
/** Proxies take a request line of 8 KB unless told otherwise; one half is for the channels. */
const MAX_URL_BYTES = 7_800;
const MAX_NAMES_BYTES = 4_000;
const DEBOUNCE_MS = 25;

/** A colon may stand in a query as it is. @param {string} channel */
const parameter = (channel) => `channel=${encodeURIComponent(channel).replaceAll('%3A', ':')}&`;

export class Connection {
  /**
   * @param {string} base Where the server is, with a slash at its end.
   * @param {number} history How many buckets a snapshot of the stream has.
   * @param {Connected} owner
   */
  constructor(base, history, owner) {
    this.#base = base;
    this.#history = history;
    this.#owner = owner;
    this.heartbeatMs = 15_000;
    /** @type {ConnectionState} */
    this.state = 'connecting';
    /** When this state began. */
    this.since = Date.now();
    /** Buckets that came with the last resume. */
    this.caughtUp = 0;
    /** Whether the last resume was from too long ago, and all was loaded anew. */
    this.reloaded = false;
    /** When the last event came; null before the first. @type {number | null} */
    this.heard = null;
  }

  #base;
  #history;
  #owner;
  /** @type {Set<string>} */
  #channels = new Set();
  #namesBytes = 0;
  /** What stands for all channels of the present stream. */
  #cursor = '';
  /** Cursors of snapshots that were loaded beside the stream, by channel. */
  #loaded = /** @type {Map<string, string>} */ (new Map());
  /** The channels of the present stream. @type {Set<string>} */
  #streamed = new Set();
  /** @type {EventSource | null} */
  #source = null;
  #lastSeen = 0;
  #attempt = 0;
  #generation = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** Whether it should have been heard of long ago. */
  get #silent() {
    return Date.now() - this.#lastSeen > 2 * this.heartbeatMs;
  }

  get size() {
    return this.#channels.size;
  }

  /** @param {string} channel */
  has(channel) {
    return this.#channels.has(channel);
  }

  /** Whether the server takes no more channels on it. */
  get full() {
    return this.#channels.size >= MAX_CHANNELS;
  }

  /** @param {string} channel Whether it finds room in a URL that every proxy takes. */
  fits(channel) {
    const bytes = this.#namesBytes + parameter(channel).length;
    return !this.full && bytes <= MAX_NAMES_BYTES;
  }

  /** @param {string} channel */
  add(channel) {
    this.#channels.add(channel);
    this.#namesBytes += parameter(channel).length;
    this.#reopenSoon();
  }

  /** @param {string} channel */
  remove(channel) {
    if (!this.#channels.delete(channel)) return;
    this.#namesBytes -= parameter(channel).length;
    this.#loaded.delete(channel);
    this.#reopenSoon();
  }

  /**
   * Resume a channel from the snapshot that was loaded for it.
   *
   * @param {string} channel
   * @param {string} cursor
   */
  resumeFrom(channel, cursor) {
    if (this.#channels.has(channel) && !this.#streamed.has(channel)) {
      this.#loaded.set(channel, cursor);
    }
  }

  /** Look whether the stream is still heard of; call this about every second. */
  watch() {
    if (this.#source && this.#silent) this.retryNow();
  }

  /** Stop waiting and try at once, unless all is well. */
  retryNow() {
    if (this.size === 0 || (this.state === 'live' && !this.#silent)) return;
    this.#enter('reconnecting');
    this.#rebuild();
  }

  /** Take the browser's word that there is no network, until an event proves it wrong. */
  suspectOffline() {
    if (this.size > 0) this.#enter('offline');
  }

  close() {
    this.#channels.clear();
    this.#stop();
  }

  #reopenSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#rebuild(), DEBOUNCE_MS);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#generation += 1;
    this.#source?.close();
    this.#source = null;
  }

  async #rebuild() {
    this.#stop();
    if (this.size === 0) return;
    const generation = this.#generation;
    try {
      await this.#owner.prepare();
    } catch {
      if (generation === this.#generation) this.#fail();
      return;
    }
    if (generation === this.#generation && this.size > 0) this.#open();
  }

  #open() {
    const source = new EventSource(this.#url());
    this.#source = source;
    this.#streamed = new Set(this.#channels);
    this.#lastSeen = Date.now();
    let resumed = 0;
    let reloaded = false;
    let greeted = false;
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (this.state === 'live' && this.#silent) {
          // After a laptop's sleep: what waited here is old, and who sent it may be gone.
          this.retryNow();
          return;
        }
        this.#lastSeen = Date.now();
        this.heard = this.#lastSeen;
        if (!greeted && (kind === 'value' || kind === 'gap')) resumed += 1;
        if (!greeted && kind === 'reset') reloaded = true;
        this.#owner.event(kind, JSON.parse(event.data));
        // Only the last event of a burst carries an id, which then stands for all before it.
        if (event.lastEventId && event.lastEventId !== this.#cursor) {
          this.#cursor = event.lastEventId;
          for (const channel of this.#streamed) this.#loaded.delete(channel);
        }
        if (!greeted && (event.lastEventId || kind === 'ping')) {
          greeted = true;
          this.caughtUp = resumed;
          this.reloaded = reloaded;
        }
        if (greeted) this.#arrive();
      });
    }
    source.onerror = () => {
      if (source !== this.#source) return;
      if (source.readyState === EventSource.CLOSED) {
        this.#fail();
      } else {
        // The browser tries again by itself, with its Last-Event-ID.
        greeted = false;
        resumed = 0;
        reloaded = false;
        this.#enter('reconnecting');
      }
    };
  }

  #arrive() {
    this.#attempt = 0;
    this.#enter('live');
  }

  #fail() {
    this.#stop();
    this.#enter('reconnecting');
    this.#timer = setTimeout(() => this.#rebuild(), backoffMs(this.#attempt));
    this.#attempt += 1;
  }

  /** @param {ConnectionState} state */
  #enter(state) {
    const next = state !== 'live' && globalThis.navigator?.onLine === false ? 'offline' : state;
    const first = this.state === 'connecting' && next === 'reconnecting' && this.heard === null;
    if (next === this.state || first) return;
    // Not since this was noticed: timers stand still while a laptop sleeps.
    this.since = this.state === 'live' && this.#silent ? this.#lastSeen : Date.now();
    this.state = next;
    this.#owner.state();
  }

  #url() {
    let url = `${this.#base}stream?`;
    for (const channel of this.#channels) url += parameter(channel);
    url += `history=${this.#history}`;
    // The newest first: of two positions at the same bucket the server takes the first.
    const cursors = [this.#cursor, ...this.#loaded.values()].filter(Boolean);
    for (const cursor of cursors) {
      const more = `&cursor=${encodeURIComponent(cursor)}`;
      // A channel whose cursor finds no room gets a snapshot instead.
      if (url.length + more.length <= MAX_URL_BYTES) url += more;
    }
    return url;
  }
}
