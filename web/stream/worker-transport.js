/**
 * Numbers through the SharedWorker, which has one stream for all tabs of a browser.
 *
 * @typedef {import('./transport.js').Change} Change
 * @typedef {import('./transport.js').ConnectionStatus} ConnectionStatus
 * @typedef {import('./transport.js').Transport} Transport
 * @typedef {import('./transport.js').TransportOwner} TransportOwner
 *
 * @typedef {{ changes: Change[] } | {
 *   connection: ConnectionStatus, clockOffsetMs: number, version: string
 * } | { board: string, version: number }} FromWorker
 *
 * @typedef {{ subscribe: string, depth: number } | { unsubscribe: string } | { retry: true }
 *   | { offline: true } | { boards: string[] } | { alive: string } | { bye: true }} ToWorker
 */

/** The worker says something twice in a heartbeat; after this many heartbeats it is gone. */
const SILENT_HEARTBEATS = 2;
const LEAST_SILENT_MS = 2_000;
/** One that has not said a word by then never will. */
const FIRST_WORD_MS = 8_000;
/** Nothing to tell of an interruption. */
const UNINTERRUPTED = { awayMs: 0, caughtUp: 0, reloaded: false };
/** When to try again with a worker that could not be loaded, and after how many tries not to. */
const RETRY_MS = 1_000;
const MOST_FAILURES = 3;

/** @implements {Transport} */
export class WorkerTransport {
  /** @param {TransportOwner} owner */
  constructor(owner) {
    this.#owner = owner;
    addEventListener('pagehide', this.#leave);
    addEventListener('pageshow', this.#comeBack);
    document.addEventListener('visibilitychange', this.#seen);
    this.#connect();
  }

  #owner;
  /** @type {MessagePort | null} */
  #port = null;
  /** Lets go of the lock that tells the worker that this page lives. @type {() => void} */
  #letGo = () => {};
  #heard = Date.now();
  #begun = Date.now();
  /** Whether any worker has said anything yet. */
  #spoken = false;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retrying;
  /** Since when nobody knows whether the numbers are live; 0 where somebody does. */
  #lostAt = 0;
  /** @type {ConnectionStatus | null} */
  #status = null;
  /** @type {string[]} */
  #boards = [];

  /** @param {string} channel */
  subscribe(channel) {
    this.#post({ subscribe: channel, depth: this.#owner.depth(channel) });
  }

  /** @param {string} channel */
  unsubscribe(channel) {
    if ([...this.#owner.channels()].length === 0) this.#lostAt = 0;
    this.#post({ unsubscribe: channel });
  }

  /** @param {string[]} slugs */
  followBoards(slugs) {
    this.#boards = slugs;
    this.#post({ boards: slugs });
  }

  retryNow() {
    this.#post({ retry: true });
  }

  suspectOffline() {
    this.#post({ offline: true });
  }

  /** Where the worker has been silent for too long, take up with it anew, or with a new one. */
  look() {
    if (!this.#spoken && Date.now() - this.#begun > FIRST_WORD_MS) {
      this.#owner.failed();
      return;
    }
    const silentMs = Math.max(LEAST_SILENT_MS, SILENT_HEARTBEATS * this.#owner.heartbeatMs);
    if (Date.now() - this.#heard <= silentMs) return;
    if (this.#status?.state === 'live') {
      // Nobody knows whether the numbers are, until the worker or a new one says so.
      this.#lostAt = this.#heard;
      this.#tell({ ...this.#status, state: 'reconnecting', since: this.#heard });
    }
    // Also after a laptop's sleep: then it is the same worker, and only says all again.
    this.#reconnect();
  }

  close() {
    clearTimeout(this.#retrying);
    removeEventListener('pagehide', this.#leave);
    removeEventListener('pageshow', this.#comeBack);
    document.removeEventListener('visibilitychange', this.#seen);
    this.#leave();
    this.#letGo();
    this.#port?.close();
    this.#port = null;
  }

  #connect() {
    const url = new URL('../worker.js', import.meta.url);
    try {
      const worker = new SharedWorker(url, { type: 'module', name: 'kpi-stream' });
      worker.onerror = () => this.#fail();
      this.#port = worker.port;
    } catch {
      // Refused by a policy or a setting of the browser.
      this.#fail(MOST_FAILURES);
      return;
    }
    this.#port.onmessage = ({ data }) => this.#receive(data);
    this.#promiseLife(this.#port);
  }

  /** Try again with the worker, or do without it. @param {number} [weight] */
  #fail(weight = 1) {
    this.#failures += weight;
    clearTimeout(this.#retrying);
    this.#retrying = setTimeout(
      () => (this.#failures < MOST_FAILURES ? this.#reconnect() : this.#owner.failed()),
      this.#failures < MOST_FAILURES ? RETRY_MS : 0,
    );
  }

  /** Hold a lock for as long as this page lives, so that the worker knows when it is gone. */
  #promiseLife(/** @type {MessagePort} */ port) {
    this.#letGo();
    const name = `kpi-stream page ${Math.random().toString(36).slice(2)}`;
    const held = new Promise((resolve) => {
      this.#letGo = () => resolve(undefined);
    });
    navigator.locks
      ?.request(name, () => {
        port.postMessage({ alive: name });
        return held;
      })
      .catch(() => {
        // Without locks the worker learns of the page's end by its last message.
      });
  }

  /** @param {ToWorker} message */
  #post(message) {
    this.#port?.postMessage(message);
  }

  /** @param {FromWorker} message */
  #receive(message) {
    this.#heard = Date.now();
    this.#spoken = true;
    this.#failures = 0;
    if ('connection' in message) {
      this.#owner.clock(message.clockOffsetMs);
      if (message.version) this.#owner.released(message.version);
      this.#takeConnection(message.connection);
    } else if ('board' in message) {
      this.#owner.boardChanged(message.board, message.version);
    } else {
      for (const change of message.changes) this.#owner.take(change);
    }
  }

  /** @param {ConnectionStatus} said */
  #takeConnection(said) {
    // Not every browser tells its workers that there is no network.
    const away = said.state === 'reconnecting' && !navigator.onLine;
    const connection = { ...said, state: away ? 'offline' : said.state };
    const { state, since } = connection;
    if (state === this.#status?.state && since === this.#status.since) return;
    if (state === 'live' && this.#lostAt > 0) {
      // What an old worker tells of an interruption before was said then.
      if (since <= this.#lostAt) Object.assign(connection, UNINTERRUPTED);
      else if (said.awayMs === 0) connection.awayMs = Date.now() - this.#lostAt;
      this.#lostAt = 0;
    }
    this.#tell(connection);
  }

  /** @param {ConnectionStatus} status */
  #tell(status) {
    this.#status = status;
    this.#owner.connected(status);
  }

  #reconnect() {
    this.#heard = Date.now();
    this.#leave();
    this.#port?.close();
    this.#connect();
    this.#subscribeAll();
  }

  #subscribeAll() {
    for (const channel of this.#owner.channels()) this.subscribe(channel);
    if (this.#boards.length > 0) this.followBoards(this.#boards);
  }

  #leave = () => this.#post({ bye: true });

  /** @param {PageTransitionEvent} event */
  #comeBack = (event) => {
    if (event.persisted) this.#subscribeAll();
  };

  #seen = () => {
    if (!document.hidden) this.retryNow();
  };
}
