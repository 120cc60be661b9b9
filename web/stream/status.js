/**
 * How the connection to the server is; of several, how the worst is.
 *
 * @typedef {import('./connection.js').Connection} Connection
 *
 * @typedef {object} ConnectionStatus
 * @property {import('./connection.js').ConnectionState} state
 * @property {number} since When it began, in milliseconds since 1970.
 * @property {number} caughtUp How many buckets came late, with the last resume.
 * @property {number} awayMs How long the last interruption was.
 * @property {boolean} reloaded Whether it was too long to catch up with, and all was loaded anew.
 */

/** @type {ConnectionStatus['state'][]} */
const WORST_FIRST = ['offline', 'reconnecting', 'connecting', 'live'];

/**
 * How long an interruption is no alarm: once an hour the server lets a stream go, and it is taken
 * up again after the time that the server says, four seconds at most. Numbers that change once a
 * minute are no older for it.
 */
export const CALM_MS = 5_000;
/** A first answer may take longer before anybody has to know. */
const FIRST_CALM_MS = 10_000;

/** @returns {ConnectionStatus} */
export const newStatus = () => ({
  state: 'idle',
  since: Date.now(),
  caughtUp: 0,
  awayMs: 0,
  reloaded: false,
});

/**
 * How many milliseconds are left until a state is worth an alarm; 0 where it is one, and null where
 * it never becomes one.
 *
 * @param {ConnectionStatus} connection
 * @param {number} [now]
 */
export function calmMs({ state, since }, now = Date.now()) {
  if (state === 'offline') return 0;
  if (state === 'reconnecting') return Math.max(0, since + CALM_MS - now);
  if (state === 'connecting') return Math.max(0, since + FIRST_CALM_MS - now);
  return null;
}

export class StatusKeeper {
  /** @type {ConnectionStatus} */
  status = newStatus();
  /** When the interruption began that is not over yet. */
  #interruptedAt = 0;

  /**
   * @param {Connection[]} connections
   * @param {boolean} wanted Whether anything is listened to.
   * @returns {boolean} Whether the state is another now.
   */
  update(connections, wanted) {
    const { state: before } = this.status;
    const used = connections.filter(({ size }) => size > 0);
    const [worst] = used.sort(
      (a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state),
    );
    const state = worst?.state ?? (wanted ? 'connecting' : 'idle');
    if (state === before) return false;
    const since = worst?.since ?? Date.now();
    const interrupted = state === 'reconnecting' || state === 'offline';
    if (interrupted && before === 'live') this.#interruptedAt = since;
    // Where nothing is listened to, nothing is missed.
    if (state === 'idle') this.#interruptedAt = 0;
    const from = this.#interruptedAt;
    const back = state === 'live' && from > 0 ? used.filter((c) => c.since >= from) : [];
    this.status = {
      state,
      since,
      caughtUp: back.reduce((sum, each) => sum + each.caughtUp, 0),
      awayMs: back.length > 0 ? Date.now() - from : 0,
      reloaded: back.some((each) => each.reloaded),
    };
    if (state === 'live') this.#interruptedAt = 0;
    return true;
  }
}
