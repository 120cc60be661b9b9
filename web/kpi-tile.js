/**
 * `<kpi-tile channel="code:minute" view="line">`: one KPI on any page.
 *
 *     <script type="module" src="https://host/web/kpi-tile.js"></script>
 *     <kpi-tile channel="orders_packed:minute" view="number" style="width: 280px; height: 180px"></kpi-tile>
 *
 * Attributes: `channel`; `view` (number, line, bars, gauge, table); `depth`, how many buckets to
 * show (60); `base`, where the server is (where this module came from). Colours are taken from the
 * page's `color-scheme` and can be set as `--kpi-ink`, `--kpi-surface`, `--kpi-line` and others.
 */

import { unnamed } from './stream/catalogue.js';
import { openStream } from './stream/open.js';
import { Series } from './stream/series.js';
import { h, write } from './tile/dom.js';
import { ARROWS, formatValue, trend } from './tile/format.js';
import { freshness } from './tile/freshness.js';
import { requestPaint, setVisible } from './tile/paint.js';
import { tileStyle } from './tile/tile-style.js';
import { Tooltip } from './tile/tooltip.js';
import { barsView, lineView } from './tile/view-chart.js';
import { gaugeView } from './tile/view-gauge.js';
import { numberView } from './tile/view-number.js';
import { tableView } from './tile/view-table.js';

/**
 * @typedef {import('./tile/format.js').Period} Period
 * @typedef {import('./stream/open.js').Stream} Stream
 */

/** @type {Record<string, import('./tile/view.js').MakeView>} */
const VIEWS = {
  number: numberView,
  line: lineView,
  bars: barsView,
  gauge: gaugeView,
  table: tableView,
};
const DEFAULT_DEPTH = 60;
const CATALOGUE_RETRY_MS = 3_000;

export class KpiTile extends HTMLElement {
  static observedAttributes = ['channel', 'view', 'depth', 'base'];

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [tileStyle];
    this.#tip = new Tooltip();
    this.#name = h('h2', { class: 'name' });
    this.#tag = h(
      'span',
      { class: 'tag', hidden: true, title: 'simulated' },
      'sim',
      h('i', {}, 'ulated'),
    );
    this.#now = h('span', { class: 'now' });
    this.#age = h('span');
    this.#fresh = h('span', { class: 'fresh' }, h('i', { class: 'dot' }), this.#age);
    this.#body = h('div', { class: 'body' });
    this.#tile = h(
      'article',
      { class: 'tile', 'data-state': 'waiting' },
      h(
        'header',
        {},
        this.#name,
        this.#tag,
        this.#now,
        h('slot', { name: 'controls', class: 'controls' }),
      ),
      this.#body,
      h('footer', {}, h('slot', { name: 'periods' }), this.#fresh),
    );
    root.append(this.#tile);
    this.#resized = new ResizeObserver(() => this.#view?.resize?.());
    this.#sight = new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1)?.isIntersecting ?? true;
      setVisible(this, this.#visible);
      if (this.#visible) requestPaint(this);
    });
  }

  #tile;
  #name;
  #tag;
  #now;
  #age;
  #fresh;
  #body;
  #tip;
  #resized;
  #sight;
  #visible = false;
  /** Whether it is in a page, and listens. */
  #placed = false;
  #kpi = unnamed('');
  #zone = 'UTC';
  #series = new Series(0);
  #unknown = false;
  /** @type {Stream | null} */
  #stream = null;
  /** @type {(() => void) | null} */
  #stop = null;
  /** @type {import('./tile/view.js').View | null} */
  #view = null;
  /** Counts the subscriptions, so that what was asked for an earlier one is not taken. */
  #turn = 0;

  get channel() {
    return this.getAttribute('channel') ?? '';
  }

  get code() {
    return this.channel.slice(0, this.channel.lastIndexOf(':'));
  }

  get period() {
    return /** @type {Period} */ (this.channel.slice(this.channel.lastIndexOf(':') + 1));
  }

  get view() {
    const name = this.getAttribute('view') ?? '';
    return name in VIEWS ? name : 'number';
  }

  get depth() {
    return Math.max(2, Number(this.getAttribute('depth')) || DEFAULT_DEPTH);
  }

  /** What is known of the channel. */
  get series() {
    return this.#series;
  }

  get kpi() {
    return this.#kpi;
  }

  /** The buckets that are shown, oldest first. */
  get points() {
    return this.#series.points.slice(-this.depth);
  }

  connectedCallback() {
    if (this.#placed) return; // only moved
    this.#placed = true;
    this.#resized.observe(this.#body);
    this.#sight.observe(this);
    this.#subscribe();
  }

  disconnectedCallback() {
    // One that is put elsewhere in the page is taken out first, and goes on as it was.
    queueMicrotask(() => {
      if (!this.isConnected) this.#leave();
    });
  }

  #leave() {
    this.#placed = false;
    this.#resized.disconnect();
    this.#sight.disconnect();
    setVisible(this, false);
    this.#unsubscribe();
    this.#dropView();
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (!this.#placed || before === after) return;
    if (name === 'view') {
      this.#dropView();
      requestPaint(this);
    } else {
      this.#subscribe();
    }
  }

  /** Draw what has changed; called by the painter. */
  paint() {
    if (!this.#visible || !this.isConnected) return;
    const { points } = this;
    this.#view ??= this.#makeView();
    this.#view.update({
      kpi: this.#kpi,
      period: this.period,
      zone: this.#zone,
      series: this.#series,
      points,
    });
    this.#writeNow();
    this.tick();
  }

  /** Beside a picture of history, the number itself. */
  #writeNow() {
    const { latest, delta } = this.#series;
    const told = !latest || this.view === 'number' || this.view === 'gauge';
    const moved = told ? null : trend(delta, this.#kpi);
    write(this.#now, told ? '' : formatValue(latest.value, this.#kpi));
    this.#now.dataset.trend = moved ? `${ARROWS[moved.way]} ${moved.text}` : '';
    this.#now.dataset.tone = moved?.tone ?? 'neutral';
  }

  /** Say how old the number is. */
  tick() {
    if (!this.#stream) return;
    const { state, text, why } = freshness({
      series: this.#series,
      unknown: this.#unknown,
      connection: this.#stream.connection.state,
      period: this.period,
      now: this.#stream.now(),
    });
    if (this.#tile.dataset.state !== state) this.#tile.dataset.state = state;
    write(this.#age, text);
    if (this.#fresh.title !== why) this.#fresh.title = why;
  }

  #makeView() {
    const make = /** @type {import('./tile/view.js').MakeView} */ (VIEWS[this.view]);
    const view = make(this.#tip);
    this.#body.replaceChildren(view.element, this.#tip.element);
    return view;
  }

  #dropView() {
    this.#tip.hide();
    this.#view?.destroy?.();
    this.#view = null;
    this.#body.replaceChildren();
  }

  #subscribe() {
    const before = this.#stop;
    this.#turn += 1;
    const turn = this.#turn;
    const stream = openStream(this.getAttribute('base') ?? undefined);
    this.#listenTo(stream);
    this.#unknown = false;
    this.#series = stream.series(this.channel) ?? new Series(0);
    this.#nameAs(unnamed(this.code));
    void this.#learn(stream, turn);
    this.#dropView();
    this.#stop = stream.subscribe(
      this.channel,
      ({ series, kind }) => {
        this.#series = series;
        this.#unknown = kind === 'unknown';
        requestPaint(this);
      },
      { depth: this.depth },
    );
    before?.();
    requestPaint(this);
  }

  #unsubscribe() {
    this.#turn += 1;
    this.#stop?.();
    this.#stop = null;
    this.#stream?.removeEventListener('connection', this.#connectionChanged);
    this.#stream?.removeEventListener('catalogue', this.#catalogueChanged);
    this.#stream = null;
  }

  /** @param {Stream} stream */
  #listenTo(stream) {
    if (stream === this.#stream) return;
    this.#stream?.removeEventListener('connection', this.#connectionChanged);
    this.#stream?.removeEventListener('catalogue', this.#catalogueChanged);
    this.#stream = stream;
    stream.addEventListener('connection', this.#connectionChanged);
    stream.addEventListener('catalogue', this.#catalogueChanged);
  }

  #catalogueChanged = () => {
    if (this.#stream) void this.#learn(this.#stream, this.#turn);
  };

  #connectionChanged = () => requestPaint(this);

  /** Find name, unit and target in the catalogue, as soon as the server answers. */
  async #learn(/** @type {Stream} */ stream, /** @type {number} */ turn) {
    while (turn === this.#turn) {
      try {
        const { kpis, timezone } = await stream.catalogue();
        if (turn !== this.#turn) return;
        this.#zone = timezone;
        this.#nameAs(kpis.find(({ code }) => code === this.code) ?? unnamed(this.code));
        requestPaint(this);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, CATALOGUE_RETRY_MS));
      }
    }
  }

  /** @param {import('./stream/catalogue.js').Kpi} kpi */
  #nameAs(kpi) {
    this.#kpi = kpi;
    write(this.#name, kpi.name);
    this.#name.title = kpi.name === kpi.code ? kpi.code : `${kpi.name} · ${kpi.code}`;
    this.#tag.hidden = !kpi.simulated;
  }
}

customElements.define('kpi-tile', KpiTile);
