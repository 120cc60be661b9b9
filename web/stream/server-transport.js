/** Numbers from the server itself: a snapshot of each channel by REST, then one stream for all. */

import { backoffMs } from './backoff.js';
import { getJson, isChannel, splitChannel } from './catalogue.js';
import { ServerClock } from './clock.js';
import { ConnectionPool } from './connection-pool.js';
import { newHeld } from './held.js';
import { KnownChannels } from './known-channels.js';
import { untilReached } from './probe.js';
import { toPoint } from './series.js';
import { StatusKeeper } from './status.js';
import { STREAM_DEPTH } from './transport.js';

/** More new channels than this at once come faster as snapshots of the stream itself. */
const MOST_LOADED_AT_ONCE = 24;
/** How long the stream waits for snapshots; it brings those that have not come by then itself. */
const PATIENCE_MS = 1_000;
const UNKNOWN_RETRY_MS = 60_000;

/**
 * @typedef {import('./transport.js').Transport} Transport
 * @typedef {import('./transport.js').TransportOwner} TransportOwner
 * @typedef {import('./held.js').Held} Held
 */

/** @implements {Transport} */
export class ServerTransport {
  /** @param {TransportOwner} owner */
  constructor(owner) {
    this.#owner = owner;
    this.#pool = new ConnectionPool({
      base: owner.base,
      heartbeatMs: () => owner.heartbeatMs,
      event: (kind, data) => this.#receive(kind, data),
      state: () => this.#summarise(),
      prepare: (channels, away) => this.#prepare(channels, away),
      options: streamOptions,
    });
  }

  #owner;
  #pool;
  /** @type {Map<string, Held>} */
  #channels = new Map();
  /** @type {Set<string>} */
  #fresh = new Set();
  #known = new KnownChannels();
  #askedAt = 0;
  #clock = new ServerClock();
  #status = new StatusKeeper();

  /** @param {string} channel */
  subscribe(channel) {
    const held = this.#channels.get(channel);
    if (held) {
      if (held.loaded || held.journal) void this.#load(channel, held);
      return;
    }
    this.#channels.set(channel, newHeld());
    if (this.#fresh.size === 0) setTimeout(() => void this.#introduce(), 0);
    this.#fresh.add(channel);
    this.#summarise();
  }

  /** @param {string} channel */
  unsubscribe(channel) {
    const held = this.#channels.get(channel);
    if (!held) return;
    this.#channels.delete(channel);
    clearTimeout(held.retrying);
    this.#pool.remove(channel);
    this.#summarise();
  }

  /** @param {string[]} slugs Boards of the server of which a change is told. */
  followBoards(slugs) {
    this.#pool.followBoards(slugs);
  }

  retryNow() {
    this.#pool.each((connection) => connection.retryNow());
  }

  look() {
    this.#pool.each((connection) => connection.watch());
    this.#lookForUnknown();
  }

  suspectOffline() {
    this.#pool.each((connection) => connection.suspectOffline());
  }

  close() {
    for (const { retrying } of this.#channels.values()) clearTimeout(retrying);
    this.#channels.clear();
    this.#fresh.clear();
    this.#pool.close();
  }

  /** Load what is new by REST, then stream from there. */
  async #introduce() {
    const fresh = [...this.#fresh].filter((channel) => this.#channels.has(channel));
    this.#fresh.clear();
    if (fresh.length <= MOST_LOADED_AT_ONCE) {
      const loads = fresh.map((channel) => this.#load(channel, this.#held(channel)));
      // One slow answer must not keep the others from flowing.
      const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
      await Promise.race([Promise.all(loads), patience]);
    }
    for (const channel of fresh) this.#stream(channel);
  }

  /** @param {string} channel @returns {Held} */
  #held(channel) {
    return /** @type {Held} */ (this.#channels.get(channel));
  }

  /** Stream it, unless the server would refuse them all. @param {string} channel */
  #stream(channel) {
    const held = this.#channels.get(channel);
    if (held && !held.unknown) this.#pool.add(channel, held.cursor);
  }

  /** Make sure that the server is there and knows all channels. @param {string[]} channels @param {boolean} away */
  async #prepare(channels, away) {
    if (away) await untilReached(this.#owner.base);
    // A KPI may be newer than what is known of the catalogue.
    const fresh = away || channels.some((channel) => !this.#known.has(channel));
    this.#known.learn(await this.#owner.catalogue({ fresh }));
    for (const channel of channels) {
      const held = this.#channels.get(channel);
      if (held && !this.#known.has(channel)) this.#refuse(channel, held);
    }
  }

  /** @param {string} channel @param {Held} held */
  #refuse(channel, held) {
    held.unknown = true;
    this.#owner.take({ channel, kind: 'unknown' });
    this.#pool.remove(channel);
    this.#summarise();
  }

  /**
   * Load a channel's snapshot. What the stream says meanwhile is put on top of it.
   *
   * @param {string} channel
   * @param {Held} held
   */
  async #load(channel, held) {
    if (!this.#known.has(channel)) {
      this.#refuse(channel, held);
      return;
    }
    clearTimeout(held.retrying);
    const [code, period] = splitChannel(channel);
    const query = `period=${period}&history=${this.#owner.depth(channel)}`;
    /** @type {[string, any][]} */
    const journal = [];
    held.journal = journal;
    try {
      const url = `${this.#owner.base}kpi/${encodeURIComponent(code)}?${query}`;
      const snapshot = await getJson(url, this.#clock.guess);
      if (held.journal !== journal || this.#channels.get(channel) !== held) return;
      held.journal = null;
      held.failures = 0;
      held.cursor = snapshot.cursor;
      this.#takeSnapshot(channel, held, snapshot, true);
      for (const [kind, data] of journal) this.#take(channel, held, kind, data);
      this.#owner.clock(this.#clock.offsetMs);
    } catch (error) {
      if (held.journal !== journal || this.#channels.get(channel) !== held) return;
      held.journal = null;
      if (/** @type {{ status?: number }} */ (error).status === 404) {
        this.#refuse(channel, held);
      } else {
        // The stream brings the newest; the rest of the range only this can.
        const delayMs = backoffMs(held.failures);
        held.failures += 1;
        held.retrying = setTimeout(() => void this.#load(channel, held), delayMs);
      }
    }
  }

  /** @param {string} kind @param {any} data @returns {number} How many buckets are new. */
  #receive(kind, data) {
    if (kind === 'ping') {
      this.#clock.set(Date.parse(data.time));
      this.#owner.clock(this.#clock.offsetMs);
      if (data.version) this.#owner.released(data.version);
      return 0;
    }
    if (kind === 'board') {
      this.#owner.boardChanged(data.slug, data.version);
      return 0;
    }
    const channel = `${data.kpi}:${data.period}`;
    const held = this.#channels.get(channel);
    if (!held) return 0;
    held.journal?.push([kind, data]);
    return this.#take(channel, held, kind, data);
  }

  /**
   * @param {string} channel
   * @param {Held} held
   * @param {string} kind
   * @param {any} data
   * @returns {number} How many buckets are new.
   */
  #take(channel, held, kind, data) {
    const take = this.#owner.take;
    if (kind === 'snapshot') return this.#takeSnapshot(channel, held, data, false);
    if (kind === 'reset') {
      take({ channel, kind });
    } else if (!held.loaded) {
      // The stream was resumed from where an earlier listener of this channel stood.
      if (!held.journal && !held.retrying) void this.#load(channel, held);
    } else if (kind === 'status') {
      take({
        channel,
        kind,
        health: { state: data.state, reason: data.reason, since: data.since },
      });
    } else if (kind === 'partial') {
      // A stream has them for all its channels; of a minute it would be noise.
      if (data.period !== 'minute') take({ channel, kind, point: toPoint(data) });
    } else if (kind === 'value' || kind === 'gap' || kind === 'correction') {
      const point = toPoint(data, kind === 'correction');
      const { added, incomplete } = take({ channel, kind, point });
      if (incomplete && !held.journal) void this.#load(channel, held);
      return kind === 'correction' ? 0 : added;
    }
    return 0;
  }

  /**
   * @param {string} channel
   * @param {Held} held
   * @param {any} snapshot
   * @param {boolean} whole Whether it reaches back over all that is wanted.
   */
  #takeSnapshot(channel, held, snapshot, whole) {
    held.unknown = false;
    held.loaded = true;
    const points = snapshot.history.map((/** @type {import('./series.js').WireBucket} */ bucket) =>
      toPoint(bucket),
    );
    const { added, incomplete } = this.#owner.take({
      channel,
      kind: 'snapshot',
      health: snapshot.state,
      points,
      whole,
      ...(snapshot.partial && { point: toPoint(snapshot.partial) }),
    });
    if (incomplete && !held.journal && !held.retrying) void this.#load(channel, held);
    return added;
  }

  /** A KPI may be new, or back: ask again now and then. */
  #lookForUnknown() {
    const missing = [...this.#channels].filter(
      ([channel, held]) => held.unknown && isChannel(channel),
    );
    if (missing.length === 0 || Date.now() - this.#askedAt < UNKNOWN_RETRY_MS) return;
    this.#askedAt = Date.now();
    this.#owner.catalogue({ fresh: true }).then(
      (catalogue) => {
        this.#known.learn(catalogue);
        for (const [channel, held] of missing) {
          if (!this.#known.has(channel) || this.#channels.get(channel) !== held) continue;
          held.unknown = false;
          this.#stream(channel);
        }
      },
      () => {},
    );
  }

  #summarise() {
    const wanted = [...this.#channels.values()].some(({ unknown }) => !unknown);
    if (this.#status.update(this.#pool.connections, wanted))
      this.#owner.connected(this.#status.status);
  }
}

/** What a stream's address says besides its channels. @param {string[]} channels */
function streamOptions(channels) {
  const long = channels.some((channel) => splitChannel(channel)[1] !== 'minute');
  return `history=${STREAM_DEPTH}${long ? '&partial=1' : ''}`;
}
