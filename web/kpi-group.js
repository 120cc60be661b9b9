/**
 * `<kpi-group match="plant1.*" period="minute" view="rank">`: all KPIs whose code is like a pattern,
 * as a ranked list of bars or as a grid of their states. New KPIs appear by themselves.
 *
 * Attributes: `match`; `period`; `view` (rank, status); `label`, a title of your own; `base`, where
 * the server is. Fires `kpi-change` whenever something of its numbers has changed.
 */

import { openStream } from './stream/open.js';
import { matching } from './stream/pattern.js';
import { h } from './tile/dom.js';
import { freshness } from './tile/freshness.js';
import { groupView, rankOf } from './tile/group-views.js';
import { judge } from './tile/judge.js';
import { requestPaint, setVisible } from './tile/paint.js';
import { TileFrame } from './tile/tile-frame.js';

export { useTickets } from './stream/tickets.js';

/**
 * @typedef {import('./stream/catalogue.js').Kpi} Kpi
 * @typedef {import('./stream/catalogue.js').Period} Period
 * @typedef {import('./stream/open.js').Stream} Stream
 * @typedef {import('./tile/group-views.js').Member} Member
 */

/** The newest bucket and the one before it are all that is shown. */
const DEPTH = 2;

export class KpiGroup extends HTMLElement {
  static observedAttributes = ['match', 'period', 'view', 'base', 'label'];

  constructor() {
    super();
    this.#frame = new TileFrame(this.attachShadow({ mode: 'open' }));
    this.#body = h('div', { class: 'group' });
    this.#frame.body.replaceChildren(this.#body);
    this.#sight = new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1)?.isIntersecting ?? true;
      setVisible(this, this.#visible);
      if (this.#visible) requestPaint(this);
    });
  }

  #frame;
  #body;
  #sight;
  #visible = false;
  #placed = false;
  /** @type {Stream | null} */
  #stream = null;
  /** @type {Kpi[]} */
  #kpis = [];
  /** By channel. @type {Map<string, () => void>} */
  #stops = new Map();

  get period() {
    return /** @type {Period} */ (this.getAttribute('period') || 'minute');
  }

  /** The KPIs, and what is known of each; those of most need first, or the greatest. @returns {Member[]} */
  get members() {
    const stream = this.#stream;
    const { period } = this;
    const all = this.#kpis.flatMap((kpi) => {
      const series = stream?.series(`${kpi.code}:${period}`);
      if (!stream || !series) return [];
      const { connection } = stream;
      const { state } = freshness({
        series,
        unknown: false,
        connection,
        period,
        now: stream.now(),
      });
      const status = state === 'live' ? judge(series.latest, kpi) : null;
      return [{ kpi, value: series.latest?.value ?? null, state, status }];
    });
    return rankOf(all);
  }

  /** The status of each KPI of which the number is that of now. */
  get statuses() {
    return this.members.map(({ status }) => status);
  }

  connectedCallback() {
    if (this.#placed) return;
    this.#placed = true;
    this.#sight.observe(this);
    this.#listen();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#placed = false;
      this.#sight.disconnect();
      setVisible(this, false);
      for (const stop of this.#stops.values()) stop();
      this.#stops.clear();
      this.#attach(null);
    });
  }

  attributeChangedCallback() {
    if (this.#placed) this.#listen();
  }

  paint() {
    if (!this.#visible || !this.isConnected) return;
    this.#draw();
  }

  failed() {
    this.#body.replaceChildren(h('p', { class: 'message' }, 'This list cannot be drawn.'));
  }

  tick() {
    const { members } = this;
    const known = members.filter(({ value }) => value !== null);
    const old = known.filter(({ state }) => state !== 'live' && state !== 'waiting').length;
    const trouble = members.find(({ state }) => state === 'offline' || state === 'reconnecting');
    const state = trouble?.state ?? (known.length === 0 ? 'waiting' : 'live');
    const some = known.length === 0 ? 'no data yet' : old > 0 ? `${old} without new data` : '';
    const text = trouble ? 'not those of now' : some;
    this.#frame.show({ state, text, why: '' }, null);
  }

  #draw() {
    const { members } = this;
    const match = this.getAttribute('match') ?? '';
    const label = this.getAttribute('label') || match;
    this.#frame.nameAs(label, [label, match].join(' · '), false);
    const view = this.getAttribute('view') === 'status' ? 'status' : 'rank';
    groupView(this.#body, view, members, label);
    this.tick();
  }

  #listen() {
    this.#attach(openStream(this.getAttribute('base') ?? undefined));
    this.#follow();
    requestPaint(this);
  }

  /** @param {Stream | null} stream */
  #attach(stream) {
    if (stream === this.#stream) return;
    for (const name of ['connection', 'catalogue']) {
      this.#stream?.removeEventListener(name, this.#changed);
      stream?.addEventListener(name, this.#changed);
    }
    this.#stream?.removeEventListener('catalogue', this.#follow);
    stream?.addEventListener('catalogue', this.#follow);
    this.#stream = stream;
  }

  /** Listen to what the pattern names by now. */
  #follow = async () => {
    const stream = this.#stream;
    // Asked for again by whoever shows the catalogue, which fires `catalogue`.
    const { kpis } = (await stream?.catalogue().catch(() => null)) ?? { kpis: [] };
    if (!stream || stream !== this.#stream) return;
    this.#kpis = matching(kpis, this.getAttribute('match') ?? '');
    const wanted = new Set(this.#kpis.map(({ code }) => `${code}:${this.period}`));
    const before = new Map(this.#stops);
    for (const channel of wanted) {
      if (before.delete(channel)) continue;
      this.#stops.set(channel, stream.subscribe(channel, this.#changed, { depth: DEPTH }));
    }
    for (const [channel, stop] of before) {
      stop();
      this.#stops.delete(channel);
    }
    this.#changed();
  };

  #changed = () => {
    requestPaint(this);
    this.dispatchEvent(new Event('kpi-change', { bubbles: true, composed: true }));
  };
}

customElements.define('kpi-group', KpiGroup);
