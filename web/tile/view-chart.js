/**
 * History as a line or as bars, drawn by uPlot: zoom by dragging or with + and −, back with a
 * double click or 0, step through the buckets with the arrow keys.
 */

import { columns } from './chart-data.js';
import { paintMarks } from './chart-marks.js';
import { chartData, chartOptions } from './chart-options.js';
import { h } from './dom.js';
import { formatValue } from './format.js';
import { palette } from './palette.js';
import { formatBucket } from './time.js';
import { loadUPlot } from './uplot.js';
import { describe } from './view.js';

/**
 * @typedef {import('./view.js').Shown} Shown
 * @typedef {import('./view.js').Point} Point
 * @typedef {import('./chart-options.js').ChartState} ChartState
 * @typedef {import('uplot')} UPlot
 */

const USUAL_LETTERS_PX = 16;
const ZOOM_STEP = 0.6;
const LEAST_ZOOMED_BUCKETS = 3;

class ChartView {
  /** @param {'line' | 'bars'} kind @param {import('./tooltip.js').Tooltip} tip */
  constructor(kind, tip) {
    this.#kind = kind;
    this.#tip = tip;
    this.#back = h('button', { class: 'back', type: 'button', hidden: true }, 'Whole range');
    this.#back.addEventListener('click', () => this.#zoom(null));
    this.#plot = h('div', { class: 'plot', role: 'slider', tabindex: '0', 'aria-valuenow': '0' });
    this.#plot.addEventListener('keydown', (event) => this.#key(event));
    this.#plot.addEventListener('blur', () => this.#leave());
    this.#keys = h('p', { class: 'keys', hidden: true });
    this.element = h('div', { class: 'chart' }, this.#keys, this.#plot, this.#back);
    this.#scheme.addEventListener('change', this.#newColours);
    document.addEventListener('kpi-theme', this.#newColours);
  }

  #kind;
  #tip;
  #plot;
  #back;
  #keys;
  #scheme = matchMedia('(prefers-color-scheme: dark)');
  /** @type {UPlot | null} */
  #chart = null;
  /** @type {ChartState | null} */
  #state = null;
  #scale = 1;
  /** How many KPIs the chart was made for. */
  #others = 0;
  #making = false;
  #gone = false;
  /** The range shown, in seconds; null for all. @type {[number, number] | null} */
  #zoomed = null;
  #stepped = -1;

  /** @param {Shown} shown */
  update(shown) {
    const drawn = columns(shown, this.#kind);
    this.#state = { shown, drawn, colours: this.#state?.colours ?? palette(this.element) };
    this.#plot.setAttribute('aria-label', describe(shown, this.#kind));
    this.#plot.setAttribute('aria-valuemax', String(Math.max(0, drawn.rows.length - 1)));
    this.#writeKeys(shown);
    if (this.#chart && this.#others !== shown.others.length) this.#remake();
    else if (this.#chart) this.#setData(this.#chart);
    else void this.#make();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.#plot;
    if (!this.#chart || width === 0 || height === 0) return;
    if (this.#scale === letterScale()) this.#chart.setSize({ width, height });
    else this.#remake();
  }

  recolour() {
    if (!this.#state) return;
    this.#state.colours = palette(this.element);
    this.#chart?.redraw(false, true);
  }

  destroy() {
    this.#gone = true;
    this.#chart?.destroy();
    this.#scheme.removeEventListener('change', this.#newColours);
    document.removeEventListener('kpi-theme', this.#newColours);
  }

  #newColours = () => this.recolour();

  #remake() {
    this.#chart?.destroy();
    this.#chart = null;
    void this.#make();
  }

  async #make() {
    if (this.#making) return;
    this.#making = true;
    try {
      const UPlot = await loadUPlot();
      const state = this.#state;
      if (this.#gone || !state) return;
      this.#scale = letterScale();
      this.#others = state.shown.others.length;
      const now = () => /** @type {ChartState} */ (this.#state);
      const options = chartOptions(UPlot, this.#kind, this.#plot, this.#scale, now);
      options.cursor = {
        ...options.cursor,
        bind: {
          dblclick: () => () => {
            this.#zoom(null);
            return null;
          },
        },
      };
      options.hooks = {
        draw: [(chart) => this.#draw(chart)],
        setCursor: [(chart) => this.#point(chart)],
        setSelect: [(chart) => this.#select(chart)],
      };
      this.#chart = new UPlot(options, chartData(state.drawn), this.#plot);
      this.#setData(this.#chart);
    } finally {
      this.#making = false;
    }
  }

  /** @param {UPlot} chart */
  #setData(chart) {
    const { drawn } = /** @type {ChartState} */ (this.#state);
    const [from, to] = drawn.window;
    if (drawn.rows.length === 0) return;
    if (this.#zoomed && this.#zoomed[1] <= from) this.#zoomed = null;
    const [min, max] = this.#zoomed ?? [from, to];
    chart.batch(() => {
      chart.setData(chartData(drawn), false);
      chart.setScale('x', { min, max });
    });
    this.#back.hidden = this.#zoomed === null;
  }

  /** @param {[number, number] | null} range */
  #zoom(range) {
    this.#zoomed = range;
    if (this.#chart && this.#state) this.#setData(this.#chart);
  }

  /** Name the lines, where there are several. @param {Shown} shown */
  #writeKeys({ kpi, others, compared }) {
    const names = [kpi, ...others.map((other) => other.kpi)].map(({ name }) => name);
    const keys = others.length > 0 ? names : [];
    if (compared) keys.push(compared.name);
    const now = keys.join('\n');
    if (this.#keys.dataset.keys === now) return;
    this.#keys.dataset.keys = now;
    this.#keys.hidden = keys.length === 0;
    this.#keys.replaceChildren(
      ...keys.map((name, at) =>
        h('span', { 'data-line': at === keys.length - 1 && compared ? 'before' : at }, name),
      ),
    );
  }

  /** @param {UPlot} chart */
  #draw(chart) {
    if (!this.#state) return;
    const { drawn, shown, colours } = this.#state;
    const { fontFamily } = getComputedStyle(this.#plot);
    const look = { colours, scale: this.#scale, dots: this.#kind === 'line', font: fontFamily };
    paintMarks(chart, drawn, shown, look);
  }

  /** @param {UPlot} chart */
  #point(chart) {
    const { idx, left } = chart.cursor;
    if (!this.#state || left === undefined || left < 0) {
      this.#tip.hide();
      return;
    }
    const { drawn, shown } = this.#state;
    // A bar stands on the whole of its bucket, a line's point at its beginning.
    const at = chart.posToVal(left, 'x') * 1_000;
    const row =
      this.#kind === 'bars'
        ? drawn.rows.find((each) => each && each.start <= at && at < each.end)
        : drawn.rows[idx ?? -1];
    if (row) this.#tip.show(shown, row, left / Math.max(1, chart.over.clientWidth));
    else this.#tip.hide();
  }

  /** @param {UPlot} chart */
  #select(chart) {
    const { left, width } = chart.select;
    if (width < 4) return;
    this.#zoom([chart.posToVal(left, 'x'), chart.posToVal(left + width, 'x')]);
    chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  #leave() {
    this.#stepped = -1;
    this.#chart?.setCursor({ left: -10, top: -10 });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { key } = event;
    if (key === 'ArrowLeft' || key === 'ArrowRight') this.#step(key === 'ArrowLeft' ? -1 : 1);
    else if (key === '+' || key === '=') this.#zoomBy(ZOOM_STEP);
    else if (key === '-') this.#zoomBy(1 / ZOOM_STEP);
    else if (key === '0' || key === 'Escape') this.#zoom(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} by */
  #step(by) {
    const chart = this.#chart;
    const rows = this.#state?.drawn.rows ?? [];
    if (!chart || !this.#state || rows.length === 0) return;
    const last = rows.length - 1;
    const from = this.#stepped < 0 ? last + (by < 0 ? 1 : 0) : this.#stepped;
    this.#stepped = Math.min(last, Math.max(0, from + by));
    const row = rows[this.#stepped];
    if (!row) return;
    const { shown } = this.#state;
    chart.setCursor({ left: chart.valToPos(row.start / 1_000, 'x'), top: 0 });
    const value = formatValue(row.value, shown.kpi);
    this.#plot.setAttribute('aria-valuenow', String(this.#stepped));
    this.#plot.setAttribute(
      'aria-valuetext',
      `${formatBucket(row, shown.period, shown.zone)}: ${value}`,
    );
  }

  /** @param {number} factor Below 1 shows less. */
  #zoomBy(factor) {
    const drawn = this.#state?.drawn;
    const last = drawn?.rows.at(-1);
    if (!drawn || !last) return;
    const [from, to] = drawn.window;
    const [low, high] = this.#zoomed ?? [from, to];
    const least = (LEAST_ZOOMED_BUCKETS * (last.end - last.start)) / 1_000;
    const width = Math.max(least, (high - low) * factor);
    const top = Math.min(to, (low + high + width) / 2);
    this.#zoom(width >= to - from ? null : [top - width, top]);
  }
}

/** How much larger than usual letters are. */
const letterScale = () =>
  Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / USUAL_LETTERS_PX;

/** @type {import('./view.js').MakeView} */
export const lineView = (tip) => new ChartView('line', tip);

/** @type {import('./view.js').MakeView} */
export const barsView = (tip) => new ChartView('bars', tip);
