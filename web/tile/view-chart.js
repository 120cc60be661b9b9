/**
 * History as a line or as bars, drawn by uPlot: zoom by dragging or with + and −, back with a
 * double click or 0, step through the buckets with the arrow keys.
 */

import { paintMarks } from './chart-marks.js';
import { h } from './dom.js';
import { formatBucket, formatNumber, formatTick, formatValue } from './format.js';
import { loadUPlot } from './uplot.js';
import { describe } from './view.js';

/**
 * @typedef {import('./view.js').Shown} Shown
 * @typedef {import('../stream/series.js').Point} Point
 * @typedef {import('uplot')} UPlot
 */

/** Sizes on a screen whose letters are of the usual 16 pixels. */
const USUAL_PX = 16;
const LABEL_FONT_PX = 11;
const Y_LABEL_GAP_PX = 14;
const ZOOM_STEP = 0.6;
const MIN_ZOOMED_BUCKETS = 3;
const BAR_SHARE = 0.72;

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
    this.element = h('div', { class: 'chart' }, this.#plot, this.#back);
    this.#scheme.addEventListener('change', this.#redraw);
    document.addEventListener('kpi-theme', this.#redraw);
  }

  #kind;
  #tip;
  #plot;
  #back;
  #scheme = matchMedia('(prefers-color-scheme: dark)');
  /** @type {UPlot | null} */
  #chart = null;
  /** @type {Shown | null} */
  #shown = null;
  #scale = 1;
  #making = false;
  #gone = false;
  /** The range shown, in seconds; null for all. @type {[number, number] | null} */
  #zoomed = null;
  #stepped = -1;

  /** @param {Shown} shown */
  update(shown) {
    this.#shown = shown;
    this.#plot.setAttribute('aria-label', describe(shown, this.#kind));
    this.#plot.setAttribute('aria-valuemax', String(Math.max(0, shown.points.length - 1)));
    if (this.#chart) this.#setData(this.#chart, shown);
    else void this.#make();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.#plot;
    if (!this.#chart || width === 0 || height === 0) return;
    if (this.#scale === letterScale()) {
      this.#chart.setSize({ width, height });
    } else {
      this.#chart.destroy();
      this.#chart = null;
      void this.#make();
    }
  }

  destroy() {
    this.#gone = true;
    this.#chart?.destroy();
    this.#scheme.removeEventListener('change', this.#redraw);
    document.removeEventListener('kpi-theme', this.#redraw);
  }

  #redraw = () => this.#chart?.redraw(false, true);

  async #make() {
    if (this.#making) return;
    this.#making = true;
    try {
      const UPlot = await loadUPlot();
      const shown = this.#shown;
      if (this.#gone || !shown) return;
      this.#chart = new UPlot(this.#options(UPlot, shown), this.#data(shown), this.#plot);
      this.#setData(this.#chart, shown);
    } finally {
      this.#making = false;
    }
  }

  /** @param {Shown} shown @returns {import('uplot').AlignedData} */
  #data({ points }) {
    return [
      points.map((point) => point.start / 1000),
      points.map((point) => point.value),
      points.map((point) => point.max),
      points.map((point) => point.min),
    ];
  }

  /** @param {UPlot} chart @param {Shown} shown */
  #setData(chart, shown) {
    const [first, last] = [shown.points[0], shown.points.at(-1)];
    if (!first || !last) return;
    if (this.#zoomed && this.#zoomed[1] <= first.start / 1000) this.#zoomed = null;
    const [min, max] = this.#zoomed ?? [first.start / 1000, last.end / 1000];
    chart.batch(() => {
      chart.setData(this.#data(shown), false);
      chart.setScale('x', { min, max });
    });
    this.#back.hidden = this.#zoomed === null;
  }

  /** @param {[number, number] | null} range */
  #zoom(range) {
    this.#zoomed = range;
    if (this.#chart && this.#shown) this.#setData(this.#chart, this.#shown);
  }

  /** @param {string} token A CSS variable. @returns {string} The colour it has at present. */
  #colour(token) {
    this.#back.style.color = `var(${token})`;
    const { color } = getComputedStyle(this.#back);
    this.#back.style.color = '';
    return color;
  }

  /** @param {any} UPlot @param {Shown} shown @returns {import('uplot').Options} */
  #options(UPlot, shown) {
    this.#scale = letterScale();
    const scale = this.#scale;
    const font = `${LABEL_FONT_PX * scale}px ${getComputedStyle(this.#plot).fontFamily}`;
    const bars = this.#kind === 'bars';
    const { width, height } = this.#plot.getBoundingClientRect();
    const axis = {
      stroke: () => this.#colour('--muted'),
      font,
      ticks: { show: false },
    };
    return {
      width: Math.max(width, 40),
      height: Math.max(height, 40),
      padding: [8 * scale, 20 * scale, 4, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: !bars, size: 7 },
        drag: { x: true, y: false, setScale: false },
        bind: {
          dblclick: () => () => {
            this.#zoom(null);
            return null;
          },
        },
      },
      scales: {
        x: { time: true },
        y: { range: (chart, low, high) => this.#range(chart, low, high) },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 24 * scale,
          gap: 4,
          space: 64 * scale,
          values: (_, splits) => {
            const { period, zone } = this.#shown ?? shown;
            return splits.map((at) => formatTick(at * 1000, period, zone));
          },
        },
        {
          ...axis,
          grid: { stroke: () => this.#colour('--hairline'), width: 1 },
          space: 44 * scale,
          gap: 6,
          size: (chart, values) => labelWidth(chart, font, values ?? []),
          values: (_, splits) => splits.map((at) => formatNumber(at, null)),
        },
      ],
      series: [
        {},
        {
          stroke: () => this.#colour('--line'),
          width: bars ? 0 : 1.75 * scale,
          points: { show: false },
          ...(bars && {
            paths: UPlot.paths.bars({
              size: [BAR_SHARE, 48 * scale],
              align: 1,
              radius: 0.12,
              disp: { fill: { unit: 3, values: () => this.#barColours() } },
            }),
          }),
        },
        { auto: false, show: !bars, width: 0, points: { show: false } },
        { auto: false, show: !bars, width: 0, points: { show: false } },
      ],
      bands: bars ? [] : [{ series: [2, 3], fill: () => this.#colour('--band') }],
      hooks: {
        draw: [(chart) => this.#draw(chart)],
        setCursor: [(chart) => this.#point(chart)],
        setSelect: [(chart) => this.#select(chart)],
      },
    };
  }

  /** @param {UPlot} _ @param {number | null} low @param {number | null} high @returns {[number, number]} */
  #range(_, low, high) {
    if (low === null || high === null) return [0, 1];
    const target = this.#shown?.kpi.target ?? null;
    const span = high - low || Math.abs(high) || 1;
    const bars = this.#kind === 'bars';
    const near = target !== null && (bars || (target > low - span && target < high + span));
    const least = Math.min(low, near ? target : low, bars ? 0 : low);
    const most = Math.max(high, near ? target : high, bars ? 0 : high);
    const margin = (most - least || 1) * 0.08;
    return [bars && least === 0 ? 0 : least - margin, most + margin];
  }

  /** The newest bar stands out from those before it. @returns {string[]} */
  #barColours() {
    const colour = this.#colour('--line');
    const count = this.#shown?.points.length ?? 0;
    const earlier = `color-mix(in srgb, ${colour} 50%, ${this.#colour('--surface')})`;
    return Array.from({ length: count }, (_, at) => (at === count - 1 ? colour : earlier));
  }

  /** @param {UPlot} chart */
  #draw(chart) {
    if (!this.#shown) return;
    paintMarks(chart, this.#shown, {
      target: this.#colour('--muted'),
      mark: this.#colour('--warn'),
      surface: this.#colour('--surface'),
      newest: this.#kind === 'line' ? this.#colour('--line') : null,
    });
  }

  /** @param {UPlot} chart */
  #point(chart) {
    const { idx, left } = chart.cursor;
    const point = idx === null || idx === undefined ? undefined : this.#shown?.points[idx];
    if (!point || !this.#shown || left === undefined || left < 0) this.#tip.hide();
    else this.#tip.show(this.#shown, point, left / Math.max(1, chart.over.clientWidth));
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
    const shown = this.#shown;
    if (!chart || !shown || shown.points.length === 0) return;
    const last = shown.points.length - 1;
    const from = this.#stepped < 0 ? last + (by < 0 ? 1 : 0) : this.#stepped;
    this.#stepped = Math.min(last, Math.max(0, from + by));
    const point = /** @type {Point} */ (shown.points[this.#stepped]);
    chart.setCursor({ left: chart.valToPos(point.start / 1000, 'x'), top: 0 });
    const value = formatValue(point.value, shown.kpi);
    this.#plot.setAttribute('aria-valuenow', String(this.#stepped));
    this.#plot.setAttribute(
      'aria-valuetext',
      `${formatBucket(point, shown.period, shown.zone)}: ${value}`,
    );
  }

  /** @param {number} factor Below 1 shows less. */
  #zoomBy(factor) {
    const [first, second] = this.#shown?.points ?? [];
    const last = this.#shown?.points.at(-1);
    if (!first || !second || !last) return;
    const whole = [first.start / 1000, last.end / 1000];
    const [low, high] = /** @type {[number, number]} */ (this.#zoomed ?? whole);
    const least = (MIN_ZOOMED_BUCKETS * (second.start - first.start)) / 1000;
    const width = Math.max(least, (high - low) * factor);
    const top = Math.min(/** @type {number} */ (whole[1]), (low + high + width) / 2);
    const all = width >= /** @type {number} */ (whole[1]) - /** @type {number} */ (whole[0]);
    this.#zoom(all ? null : [top - width, top]);
  }
}

/** How much larger than usual letters are. */
const letterScale = () =>
  Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / USUAL_PX;

/** @param {UPlot} chart @param {string} font @param {string[]} labels */
function labelWidth(chart, font, labels) {
  const { ctx } = chart;
  ctx.save();
  ctx.font = font;
  const width = Math.max(0, ...labels.map((label) => ctx.measureText(label).width));
  ctx.restore();
  return Math.ceil(width) + Y_LABEL_GAP_PX;
}

/** @type {import('./view.js').MakeView} */
export const lineView = (tip) => new ChartView('line', tip);

/** @type {import('./view.js').MakeView} */
export const barsView = (tip) => new ChartView('bars', tip);
