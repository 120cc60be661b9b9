/**
 * Watches the status of all channels whose tiles ask for alerts, on every board of this browser,
 * whichever of them is shown: their channels are listened to as long as the page is open.
 *
 * @typedef {import('../stream/catalogue.js').Kpi} Kpi
 * @typedef {import('../stream/catalogue.js').Period} Period
 * @typedef {import('../stream/series.js').Status} Status
 *
 * @typedef {object} StatusChange
 * @property {string} channel
 * @property {string} name The tile's title, or the KPI's name.
 * @property {Kpi} kpi
 * @property {number} start Of the bucket that changed it.
 * @property {number} value
 * @property {Status} from
 * @property {Status} to
 *
 * @typedef {object} Watched
 * @property {Kpi} kpi
 * @property {string} name
 * @property {() => void} stop
 */

import { splitChannel, unnamed } from '../stream/catalogue.js';
import { matching } from '../stream/pattern.js';
import { freshness } from '../tile/freshness.js';
import { judge } from '../tile/judge.js';
import { kindOf } from './frame.js';

/** The newest bucket and the one before it. */
const DEPTH = 2;
const LOOK_MS = 1_000;
/** How long a page may be away, as while it is loaded anew, and still tell what changed meanwhile. */
const MOST_AWAY_MS = 600_000;

/**
 * The channels whose status is to be announced, and what each is called.
 *
 * @param {import('./board.js').Board[]} boards
 * @param {Kpi[]} kpis
 * @returns {Map<string, { kpi: Kpi, name: string }>}
 */
export function announced(boards, kpis) {
  /** @type {Map<string, { kpi: Kpi, name: string }>} */
  const wanted = new Map();
  for (const tile of boards.flatMap(({ tiles }) => tiles)) {
    const kind = kindOf(tile);
    if (!tile.alert || kind === 'text') continue;
    const own = kpis.find(({ code }) => code === tile.code) ?? unnamed(tile.code);
    for (const kpi of kind === 'group' ? matching(kpis, tile.code) : [own]) {
      const channel = `${kpi.code}:${tile.period}`;
      const name = (kind === 'kpi' && tile.title) || kpi.name;
      if (!wanted.has(channel)) wanted.set(channel, { kpi, name });
    }
  }
  return wanted;
}

export class StatusWatch {
  /**
   * @param {import('./boards.js').Boards} boards
   * @param {import('../stream/open.js').Stream} stream
   * @param {string} path Of the dashboard, for what is kept while the page is loaded anew.
   * @param {(change: StatusChange) => void} changed
   */
  constructor(boards, stream, path, changed) {
    this.#boards = boards;
    this.#stream = stream;
    this.#key = `kpi-stream statuses ${path}`;
    this.#changed = changed;
    this.#known = this.#recall();
    boards.addEventListener('change', () => void this.#follow());
    stream.addEventListener('catalogue', () => void this.#follow());
    stream.addEventListener('connection', () => this.#lookAtAll());
    addEventListener('pagehide', () => this.#remember());
    // Whether a number is that of now depends on the clock, too.
    setInterval(() => this.#lookAtAll(), LOOK_MS);
    void this.#follow();
  }

  #boards;
  #stream;
  #key;
  #changed;
  /** By channel. @type {Map<string, Watched>} */
  #watched = new Map();
  /** The last status of each channel that is known. @type {Map<string, Status>} */
  #known;
  #turn = 0;

  /** Listen to what is to be announced by now, and to nothing else. */
  async #follow() {
    this.#turn += 1;
    const turn = this.#turn;
    const catalogue = await this.#stream.catalogue().catch(() => null);
    // Without a catalogue there are no targets; `catalogue` is fired as soon as there is one.
    if (!catalogue || turn !== this.#turn) return;
    const wanted = announced(this.#boards.all, catalogue.kpis);
    for (const [channel, { stop }] of this.#watched) {
      if (wanted.has(channel)) continue;
      stop();
      this.#watched.delete(channel);
      this.#known.delete(channel);
    }
    for (const [channel, { kpi, name }] of wanted) {
      const before = this.#watched.get(channel);
      if (before) Object.assign(before, { kpi, name });
      else {
        this.#watched.set(channel, { kpi, name, stop: () => {} });
        const stop = this.#stream.subscribe(channel, () => this.#look(channel), { depth: DEPTH });
        Object.assign(/** @type {Watched} */ (this.#watched.get(channel)), { stop });
      }
    }
    this.#lookAtAll();
  }

  #lookAtAll() {
    for (const channel of this.#watched.keys()) this.#look(channel);
  }

  /** @param {string} channel */
  #look(channel) {
    const watched = this.#watched.get(channel);
    const series = this.#stream.series(channel);
    const latest = series?.latest;
    if (!watched || !series || !latest || latest.value === null) return;
    const { kpi, name } = watched;
    const { connection } = this.#stream;
    const period = /** @type {Period} */ (splitChannel(channel)[1]);
    const now = this.#stream.now();
    const { state } = freshness({ series, unknown: false, connection, period, now });
    const to = judge(latest, kpi);
    const from = this.#known.get(channel);
    // The first is what the next one is a change from. Where the number is not that of now, its
    // status has not changed; nobody knows it.
    if (to === null || (from !== undefined && state !== 'live')) return;
    this.#known.set(channel, to);
    if (from === undefined || from === to) return;
    const { start, value } = latest;
    this.#changed({ channel, name, kpi, start, value, from, to });
  }

  #remember() {
    try {
      const kept = { at: Date.now(), known: [...this.#known] };
      sessionStorage.setItem(this.#key, JSON.stringify(kept));
    } catch {
      // Then the page begins anew, and the next change is the first that it tells.
    }
  }

  /** @returns {Map<string, Status>} */
  #recall() {
    try {
      const { at, known } = JSON.parse(sessionStorage.getItem(this.#key) ?? '{}');
      return new Map(Date.now() - at < MOST_AWAY_MS ? known : []);
    } catch {
      return new Map();
    }
  }
}
