/**
 * One EventSource over many channels: watched, rebuilt when it is dead, resumed where it stood.
 *
 * @typedef {import('./phases.js').Phase} Phase
 * @typedef {import('./phases.js').Happening} Happening
 *
 * @typedef {'idle' | 'connecting' | 'live' | 'reconnecting' | 'offline'} ConnectionState What is
 *   told: connecting until the server was heard once, and reconnecting from when a stream is lost
 *   until the next one speaks.
 *
 * @typedef {object} Connected What the owner of a connection hears.
 * @property {(kind: string, data: any) => number} event Returns how many new buckets it brought.
 * @property {() => void} state
 * @property {() => Promise<void>} prepare Awaited before an attempt; rejects where it is in vain.
 * @property {() => string} options Further parameters of the address.
 */

import { backoffMs } from './backoff.js';
import { LOSSES, NEXT } from './phases.js';
import {
  CAREFUL_URL_BYTES,
  channelBytes,
  MOST_CHANNELS,
  MOST_URL_BYTES,
  streamUrl,
} from './stream-url.js';
import { ticketFor, usesTickets } from './tickets.js';

const KINDS = [
  'snapshot',
  'value',
  'correction',
  'gap',
  'partial',
  'board',
  'status',
  'reset',
  'end',
  'ping',
];
const DEBOUNCE_MS = 25;
/** So often a long address is refused before a shorter one is tried. */
const LONG_ADDRESS_TRIES = 2;

export class Connection {
  /**
   * @param {string} base Where the server is, with a slash at its end.
   * @param {Connected} owner
   */
  constructor(base, owner) {
    this.#base = base;
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
  }

  #base;
  #owner;
  /** @type {Phase} */
  #phase = 'idle';
  #heard = false;
  #lost = false;
  /** Whether the browser says that there is no network, and no event has proved it wrong. */
  #cut = false;
  /** @type {Set<string>} */
  #channels = new Set();
  #bytes = 0;
  /** What stands for all channels of the present stream. */
  #cursor = '';
  /** Cursors of snapshots that were loaded beside the stream, by channel. */
  #loaded = /** @type {Map<string, string>} */ (new Map());
  /** The channels of the present stream. @type {Set<string>} */
  #streamed = new Set();
  /** @type {EventSource | null} */
  #source = null;
  /** What opens the next stream. */
  #ticket = '';
  #lastSeen = 0;
  #attempt = 0;
  #refusals = 0;
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

  /** What its channels and cursors need in the address. */
  get bytes() {
    return this.#bytes;
  }

  /** @param {string} channel @param {boolean} careful Whether the address should stay short. */
  fits(channel, careful) {
    const most = careful ? CAREFUL_URL_BYTES : MOST_URL_BYTES - this.#base.length;
    return !this.full && this.#bytes + channelBytes(channel) <= most;
  }

  /** Whether the server takes no more channels on it. */
  get full() {
    return this.#channels.size >= MOST_CHANNELS;
  }

  /** @param {string} channel @param {string} [cursor] Of the snapshot that was loaded for it. */
  add(channel, cursor) {
    if (cursor && !this.#streamed.has(channel)) this.#loaded.set(channel, cursor);
    this.#channels.add(channel);
    this.#bytes += channelBytes(channel);
    this.#on('changed');
  }

  /** @param {string} channel */
  remove(channel) {
    if (!this.#channels.delete(channel)) return;
    this.#bytes -= channelBytes(channel);
    this.#loaded.delete(channel);
    this.#on(this.size === 0 ? 'emptied' : 'changed');
  }

  /** Open the stream anew, since its options have changed. */
  reopen() {
    if (this.size > 0) this.#on('changed');
  }

  /** Look whether the stream is still heard of; call this about every second. */
  watch() {
    if (this.#source && this.#silent) this.#on('silent');
  }

  /** Stop waiting and try at once, unless all is well. */
  retryNow() {
    if (this.#source && this.#silent) this.#on('silent');
    else if (this.#phase !== 'live') {
      this.#cut = false;
      this.#on('retry');
    }
  }

  /** Take the browser's word that there is no network, until an event proves it wrong. */
  suspectOffline() {
    if (this.size === 0) return;
    this.#cut = true;
    this.#tell();
  }

  close() {
    this.#channels.clear();
    this.#on('emptied');
  }

  /** @param {Happening} happening */
  #on(happening) {
    const next = NEXT[this.#phase][happening];
    if (!next) return;
    const lostAt = this.#silent && this.#phase === 'live' ? this.#lastSeen : Date.now();
    // The server was there, so it is the address that it or a proxy does not take.
    if (this.#phase === 'opening' && happening === 'closed') this.#refusals += 1;
    if (LOSSES.has(happening)) {
      this.#lost = true;
      this.#cut = false;
    }
    if (happening === 'greeted') {
      this.#heard = true;
      this.#lost = this.#cut = false;
    }
    this.#phase = next;
    this.#tell(lostAt);
    this.#enter(happening);
  }

  /** Do what the phase that has begun is for. @param {Happening} happening */
  #enter(happening) {
    const calm = happening === 'changed' && !this.#lost;
    if (this.#phase === 'waiting' && happening === 'changed' && this.#lost && this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#phase === 'waiting') {
      // One that is only about to change its channels speaks on until then.
      if (!calm) this.#stop();
      const delayMs = calm ? DEBOUNCE_MS : backoffMs(this.#attempt);
      if (!calm) this.#attempt += 1;
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#on('due');
      }, delayMs);
    } else if (this.#phase === 'preparing') {
      this.#stop();
      void this.#prepare(this.#generation);
    } else if (this.#phase === 'opening') {
      this.#open();
    } else if (this.#phase === 'idle') {
      this.#stop();
      this.#lost = false;
    } else if (this.#phase === 'live') {
      this.#attempt = this.#refusals = 0;
    }
  }

  #stop() {
    this.#generation += 1;
    this.#source?.close();
    this.#source = null;
  }

  /** @param {number} generation */
  async #prepare(generation) {
    /** @type {Happening} */
    let happening = 'prepared';
    try {
      await this.#owner.prepare();
      this.#ticket = await ticketFor(this.#base);
    } catch {
      happening = 'unprepared';
    }
    if (generation === this.#generation) this.#on(happening);
  }

  #open() {
    const source = new EventSource(this.#url());
    this.#source = source;
    this.#streamed = new Set(this.#channels);
    this.#lastSeen = Date.now();
    let greeted = false;
    let resumed = 0;
    let reloaded = false;
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (source !== this.#source) return;
        if (this.state === 'live' && this.#silent) {
          // After a laptop's sleep: what waited here is old, and who sent it may be gone.
          this.#on('silent');
          return;
        }
        this.#lastSeen = Date.now();
        const added = this.#owner.event(kind, JSON.parse(event.data));
        if (!greeted) {
          reloaded ||= kind === 'reset';
          // What is loaded anew was not caught up with.
          if (!reloaded || kind !== 'snapshot') resumed += added;
        }
        // Only the last event of a burst carries an id, which then stands for all before it.
        if (event.lastEventId && event.lastEventId !== this.#cursor) {
          this.#cursor = event.lastEventId;
          for (const channel of this.#streamed) this.#loaded.delete(channel);
        }
        if (greeted || !(event.lastEventId || kind === 'ping')) return;
        greeted = true;
        this.caughtUp = resumed;
        this.reloaded = reloaded;
        this.#on('greeted');
      });
    }
    source.onerror = () => {
      if (source !== this.#source) return;
      greeted = reloaded = false;
      resumed = 0;
      if (source.readyState === EventSource.CLOSED) this.#on('closed');
      else this.#on(usesTickets(this.#base) ? 'dropped' : 'interrupted');
    };
  }

  #url() {
    const cursors = [this.#cursor, ...this.#loaded.values()].filter(Boolean);
    const options = [this.#owner.options(), this.#ticket].filter(Boolean).join('&');
    const url = streamUrl(this.#base, this.#channels, options, cursors);
    if (this.#refusals < LONG_ADDRESS_TRIES || url.length <= CAREFUL_URL_BYTES) return url;
    return streamUrl(this.#base, this.#channels, options, []);
  }

  /** @returns {ConnectionState} */
  #now() {
    if (this.#phase === 'idle') return 'idle';
    if (this.#cut || (this.#lost && globalThis.navigator?.onLine === false)) return 'offline';
    if (!this.#heard) return 'connecting';
    return this.#lost ? 'reconnecting' : 'live';
  }

  /** Tell the owner where the state is another than before. @param {number} [at] Since when. */
  #tell(at = Date.now()) {
    const state = this.#now();
    if (state === this.state) return;
    // Not since this was noticed: timers stand still while a laptop sleeps.
    this.since = at;
    this.state = state;
    this.#owner.state();
  }
}
