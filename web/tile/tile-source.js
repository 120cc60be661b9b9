/** What a tile knows of its KPIs: their series from the stream, their names from the catalogue. */

import { splitChannel, unnamed } from '../stream/catalogue.js';
import { openStream } from '../stream/open.js';
import { Series } from '../stream/series.js';

/**
 * @typedef {import('../stream/catalogue.js').Kpi} Kpi
 * @typedef {import('../stream/open.js').Stream} Stream
 */

const CATALOGUE_RETRY_MS = 3_000;

export class TileSource {
  /** @param {() => void} changed Called whenever anything is new. */
  constructor(changed) {
    this.#changed = changed;
  }

  #changed;
  /** @type {Stream | null} */
  stream = null;
  series = new Series(0);
  /** Whether the server has no such KPI. */
  unknown = false;
  /** The business's time zone. */
  zone = 'UTC';
  #channel = '';
  /** Its own code, and those of the other KPIs. @type {string[]} */
  #codes = [];
  /** @type {Kpi[]} */
  #kpis = [];
  /** @type {(() => void)[]} */
  #stops = [];
  /** Counts what was listened to, so that what was asked for before is not taken. */
  #turn = 0;

  get kpi() {
    return this.#kpis[0] ?? unnamed(this.#codes[0] ?? '');
  }

  /** The other KPIs, and what is known of them. @returns {import('./view.js').Other[]} */
  get others() {
    const [, period] = splitChannel(this.#channel);
    return this.#codes.slice(1).map((code, at) => ({
      kpi: this.#kpis[at + 1] ?? unnamed(code),
      points: this.stream?.series(`${code}:${period}`)?.points ?? [],
    }));
  }

  /**
   * @param {string | null} base Where the server is; null: where this module came from.
   * @param {string} channel
   * @param {string[]} more Codes of further KPIs.
   * @param {number} depth
   */
  listen(base, channel, more, depth) {
    const before = this.#stops;
    const [code, period] = splitChannel(channel);
    const stream = openStream(base ?? undefined);
    this.#turn += 1;
    this.#channel = channel;
    this.#codes = [code, ...more];
    this.#kpis = this.#codes.map(unnamed);
    this.unknown = false;
    this.series = stream.series(channel) ?? new Series(0);
    this.#attach(stream);
    void this.#learn(stream, this.#turn);
    this.#stops = [
      stream.subscribe(channel, (update) => this.#take(update), { depth }),
      ...more.map((each) => stream.subscribe(`${each}:${period}`, this.#changed, { depth })),
    ];
    // After the new ones: what both listen to goes on.
    for (const stop of before) stop();
  }

  stop() {
    this.#turn += 1;
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#attach(null);
  }

  /** @param {import('../stream/listeners.js').Update} update */
  #take({ series, kind }) {
    this.series = series;
    this.unknown = kind === 'unknown';
    this.#changed();
  }

  /** @param {Stream | null} stream */
  #attach(stream) {
    if (stream === this.stream) return;
    this.stream?.removeEventListener('connection', this.#changed);
    this.stream?.removeEventListener('catalogue', this.#catalogueChanged);
    this.stream = stream;
    stream?.addEventListener('connection', this.#changed);
    stream?.addEventListener('catalogue', this.#catalogueChanged);
  }

  #catalogueChanged = () => {
    if (this.stream) void this.#learn(this.stream, this.#turn);
  };

  /** Find names, units and targets, as soon as the server answers. @param {Stream} stream @param {number} turn */
  async #learn(stream, turn) {
    while (turn === this.#turn) {
      try {
        const { kpis, timezone } = await stream.catalogue();
        if (turn !== this.#turn) return;
        this.zone = timezone;
        this.#kpis = this.#codes.map(
          (wanted) => kpis.find(({ code }) => code === wanted) ?? unnamed(wanted),
        );
        this.#changed();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, CATALOGUE_RETRY_MS));
      }
    }
  }
}
