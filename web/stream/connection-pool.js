/**
 * The connections of a page: as few as its channels fit.
 *
 * @typedef {object} PoolOwner
 * @property {string} base Where the server is, with a slash at its end.
 * @property {() => number} heartbeatMs
 * @property {(kind: string, data: any) => number} event Returns how many new buckets it brought.
 * @property {() => void} state
 * @property {(channels: string[], away: boolean) => Promise<void>} prepare Awaited before a stream is
 *   asked for; rejects where that is in vain. `away`: the server has not been heard of.
 * @property {(channels: string[]) => string} options Further parameters of a stream's address.
 */

import { Connection } from './connection.js';

/** A browser opens six to a host over HTTP/1.1; other requests need some of them. */
const MOST_CONNECTIONS = 4;

export class ConnectionPool {
  /** @param {PoolOwner} owner */
  constructor(owner) {
    this.#owner = owner;
    /** @type {Connection[]} */
    this.connections = [];
  }

  #owner;
  /** @type {Map<string, Connection>} */
  #places = new Map();
  /** @type {string[]} */
  #boards = [];

  /** @param {string} channel @param {string} cursor Of the snapshot that was loaded for it. */
  add(channel, cursor) {
    if (this.#places.has(channel)) return;
    const connection = this.#roomFor(channel) ?? this.#open();
    connection.heartbeatMs = this.#owner.heartbeatMs();
    this.#places.set(channel, connection);
    connection.add(channel, cursor);
  }

  /** @param {string} channel */
  remove(channel) {
    this.#places.get(channel)?.remove(channel);
    this.#places.delete(channel);
    this.connections = this.connections.filter(({ size }) => size > 0);
  }

  /** @param {string[]} slugs Boards of the server of which a change is told. */
  followBoards(slugs) {
    if (slugs.join() === this.#boards.join()) return;
    this.#boards = slugs;
    this.connections[0]?.reopen();
  }

  /** @param {(connection: Connection) => void} act */
  each(act) {
    for (const connection of this.connections) act(connection);
  }

  close() {
    this.each((connection) => connection.close());
    this.connections = [];
    this.#places.clear();
  }

  /**
   * Find a connection for a channel. Where there are many already, better an address that some proxy
   * may not take than one more stream, which the browser would let wait for ever.
   *
   * @param {string} channel
   */
  #roomFor(channel) {
    const short = this.connections.find((each) => each.fits(channel, true));
    if (short || this.connections.length < MOST_CONNECTIONS) return short;
    const byLength = [...this.connections].sort((a, b) => a.bytes - b.bytes);
    return byLength.find((each) => each.fits(channel, false)) ?? byLength.find((e) => !e.full);
  }

  #open() {
    const owner = this.#owner;
    const made = new Connection(owner.base, {
      event: owner.event,
      state: owner.state,
      prepare: async () => {
        const away = made.state !== 'connecting' && made.state !== 'live';
        await owner.prepare(this.#channelsOf(made), away);
        made.heartbeatMs = owner.heartbeatMs();
      },
      options: () => {
        const boards = made === this.connections[0] ? this.#boards : [];
        const followed = boards.map((slug) => `&board=${encodeURIComponent(slug)}`).join('');
        return owner.options(this.#channelsOf(made)) + followed;
      },
    });
    this.connections.push(made);
    return made;
  }

  /** @param {Connection} connection */
  #channelsOf(connection) {
    return [...this.#places].filter(([, each]) => each === connection).map(([channel]) => channel);
  }
}
