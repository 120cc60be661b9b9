/**
 * `<kpi-tile channel="code:minute" view="line">`: one KPI on any page.
 *
 *     <script type="module" src="https://host/web/kpi-tile.js"></script>
 *     <kpi-tile channel="orders_packed:minute" view="number" style="width: 280px; height: 180px"></kpi-tile>
 *
 * Attributes: `channel`; `view` (number, line, bars, gauge, table); `depth`, how many buckets to
 * show (60); `earlier`, what to compare with (day, week, year, before); `more`, codes of up to three
 * further KPIs in the same chart; `label`, a title of your own; `base`, where the server is (where
 * this module came from). Colours are taken from the page's `color-scheme` and can be set as
 * `--kpi-ink`, `--kpi-surface`, `--kpi-line` and others.
 *
 * Where the server asks who is there, `useTickets` says where tickets come from:
 * see `stream/tickets.js`.
 *
 * Fires `kpi-change` whenever something of its numbers has changed.
 */

import { splitChannel } from './stream/catalogue.js';
import { MOST_DEPTH, TILE_DEPTH } from './stream/transport.js';
import { change } from './tile/change.js';
import { Comparison, earlierOf } from './tile/comparison.js';
import { write } from './tile/dom.js';
import { formatShortValue } from './tile/format.js';
import { freshness } from './tile/freshness.js';
import { judge } from './tile/judge.js';
import { paintAtOnce, requestPaint, setVisible } from './tile/paint.js';
import { TileFrame } from './tile/tile-frame.js';
import { TileSource } from './tile/tile-source.js';
import { Tooltip } from './tile/tooltip.js';
import { VIEWS } from './tile/views.js';

export { useTickets } from './stream/tickets.js';

/**
 * @typedef {import('./stream/catalogue.js').Period} Period
 * @typedef {import('./tile/view.js').Shown} Shown
 */

const MOST_MORE = 3;
/** Beside these the number stands by itself already. */
const TELLS_NUMBER = new Set(['number', 'gauge']);

export class KpiTile extends HTMLElement {
  static observedAttributes = ['channel', 'view', 'depth', 'base', 'more', 'earlier', 'label'];

  constructor() {
    super();
    this.#frame = new TileFrame(this.attachShadow({ mode: 'open' }));
    this.#resized = new ResizeObserver(() => this.#view?.resize?.());
    this.#sight = new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1)?.isIntersecting ?? true;
      setVisible(this, this.#visible);
      if (this.#visible) paintAtOnce(this);
    });
  }

  #frame;
  #resized;
  #sight;
  #tip = new Tooltip();
  #source = new TileSource(() => this.#changed());
  #comparison = new Comparison(() => requestPaint(this));
  #visible = false;
  /** Whether it is in a page, and listens. */
  #placed = false;
  #broken = false;
  /** @type {import('./tile/view.js').View | null} */
  #view = null;

  get channel() {
    return this.getAttribute('channel') ?? '';
  }

  get code() {
    return splitChannel(this.channel)[0];
  }

  get period() {
    return /** @type {Period} */ (splitChannel(this.channel)[1]);
  }

  get view() {
    const name = this.getAttribute('view') ?? '';
    return name in VIEWS ? name : 'number';
  }

  get depth() {
    const given = Math.floor(Number(this.getAttribute('depth'))) || TILE_DEPTH;
    return Math.min(MOST_DEPTH, Math.max(2, given));
  }

  /** Codes of further KPIs in the same chart. */
  get more() {
    const given = (this.getAttribute('more') ?? '').split(/\s+/).filter(Boolean);
    return given.slice(0, MOST_MORE);
  }

  /** What is known of the channel. */
  get series() {
    return this.#source.series;
  }

  get kpi() {
    return this.#source.kpi;
  }

  /** The buckets that are shown, oldest first. */
  get points() {
    return this.series.points.slice(-this.depth);
  }

  /** How fresh its number is. @returns {import('./tile/freshness.js').Freshness} */
  get freshness() {
    if (this.#broken) {
      return { state: 'broken', text: 'cannot be drawn', why: 'This view cannot show this KPI.' };
    }
    const { stream, series, unknown } = this.#source;
    if (!stream) return { state: 'waiting', text: '', why: '' };
    const { connection } = stream;
    return freshness({ series, unknown, connection, period: this.period, now: stream.now() });
  }

  /** Its number against its target; null where there is none of now. */
  get status() {
    return this.freshness.state === 'live' ? judge(this.series.latest, this.kpi) : null;
  }

  connectedCallback() {
    if (this.#placed) return; // only moved
    this.#placed = true;
    this.#resized.observe(this.#frame.body);
    this.#sight.observe(this);
    this.#subscribe();
    addEventListener('beforeprint', this.#print);
  }

  disconnectedCallback() {
    // One that is put elsewhere in the page is taken out first, and goes on as it was.
    queueMicrotask(() => {
      if (!this.isConnected) this.#leave();
    });
  }

  #leave() {
    this.#placed = false;
    removeEventListener('beforeprint', this.#print);
    this.#resized.disconnect();
    this.#sight.disconnect();
    setVisible(this, false);
    this.#source.stop();
    this.#dropView();
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (!this.#placed || before === after) return;
    this.#broken = false;
    if (name === 'view') this.#dropView();
    if (name === 'label') this.#writeName();
    if (name === 'view' || name === 'label' || name === 'earlier') requestPaint(this);
    else this.#subscribe();
  }

  /** Draw what has changed; called by the painter. */
  paint() {
    if (!this.#visible || !this.isConnected || this.#broken) return;
    this.#draw();
  }

  /** It has thrown while it was drawn: say so, rather than show what is old as if it were new. */
  failed() {
    this.#broken = true;
    this.#dropView();
    this.#frame.body.textContent = '';
    this.tick();
  }

  /** Say how old the number is, where that is worth a word. */
  tick() {
    if (!this.#source.stream) return;
    if (this.#frame.show(this.freshness, judge(this.series.latest, this.kpi))) {
      this.#view?.recolour?.();
      this.#tell();
    }
  }

  /** What is seen at paper's size, also where it was never scrolled to. */
  #print = () => {
    if (this.isConnected && !this.#broken) this.#draw();
  };

  #draw() {
    const shown = this.#shown();
    this.tick();
    this.#view ??= this.#makeView();
    this.#view.update(shown);
    this.#writeNow(shown);
  }

  /** @returns {Shown} */
  #shown() {
    const { points, period, depth, kpi } = this;
    const earlier = earlierOf(period).find((each) => each === this.getAttribute('earlier'));
    const { series, zone, others, stream } = this.#source;
    const wanted = { base: stream?.base ?? '', code: this.code, period, points, depth, zone };
    return {
      kpi,
      period,
      zone,
      series,
      points,
      depth,
      // Nothing is judged that may not be of now.
      status: this.status,
      compared: earlier ? this.#comparison.of({ ...wanted, earlier }) : null,
      others,
    };
  }

  /** Beside a picture of history, the number itself. @param {Shown} shown */
  #writeNow(shown) {
    const { latest } = this.series;
    const { now } = this.#frame;
    const told = !latest || TELLS_NUMBER.has(this.view);
    const changed = told ? null : change(shown);
    write(now, told ? '' : formatShortValue(latest.value, this.kpi));
    now.dataset.trend = changed ? `${changed.text} ${changed.than}` : '';
    now.dataset.tone = changed?.tone ?? 'neutral';
  }

  #makeView() {
    const make = /** @type {import('./tile/view.js').MakeView} */ (VIEWS[this.view]);
    const view = make(this.#tip);
    this.#frame.body.replaceChildren(view.element, this.#tip.element);
    return view;
  }

  #dropView() {
    this.#tip.hide();
    this.#view?.destroy?.();
    this.#view = null;
    this.#frame.body.replaceChildren();
  }

  #subscribe() {
    this.#dropView();
    this.#source.listen(this.getAttribute('base'), this.channel, this.more, this.depth);
    this.#writeName();
    requestPaint(this);
  }

  #changed() {
    this.#writeName();
    requestPaint(this);
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event('kpi-change', { bubbles: true, composed: true }));
  }

  #writeName() {
    const { name, code, description, simulated } = this.kpi;
    const label = this.getAttribute('label') || name;
    const parts = [...new Set([label, name, code, description])].filter(Boolean);
    this.#frame.nameAs(label, parts.join(' · '), simulated);
  }
}

customElements.define('kpi-tile', KpiTile);
