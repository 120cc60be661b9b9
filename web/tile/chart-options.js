/** How uPlot draws a tile's chart. */

import { valueRange } from './chart-data.js';
import { formatShort } from './format.js';
import { formatTick, isCalendar, knownZone, PERIOD_MS } from './time.js';

/**
 * @typedef {import('./chart-data.js').Drawn} Drawn
 * @typedef {import('./palette.js').Palette} Palette
 *
 * @typedef {object} ChartState What changes under a chart that was made.
 * @property {import('./view.js').Shown} shown
 * @property {Drawn} drawn
 * @property {Palette} colours
 */

const LABEL_FONT_PX = 11;
const Y_LABEL_GAP_PX = 14;
const BAR_SHARE = 0.72;
const WIDEST_BAR_PX = 48;
/** Steps of an axis of time, in seconds; one shorter than a bucket would name it several times. */
const STEPS = [
  60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 345_600,
  604_800, 1_209_600, 2_592_000, 7_776_000, 15_552_000, 31_536_000,
];
/** @type {(keyof Palette)[]} */
const OTHER_COLOURS = ['second', 'third', 'fourth'];

/** The columns of a chart's data, in the order of its series. @param {Drawn} drawn @returns {any} */
export const chartData = (drawn) => [
  drawn.starts,
  drawn.value,
  drawn.high,
  drawn.low,
  drawn.before,
  drawn.open,
  ...drawn.others,
];

/**
 * @param {any} UPlot
 * @param {'line' | 'bars'} kind
 * @param {HTMLElement} plot Where it is to be.
 * @param {number} scale How much larger than usual letters are.
 * @param {() => ChartState} now
 * @returns {import('uplot').Options}
 */
export function chartOptions(UPlot, kind, plot, scale, now) {
  const bars = kind === 'bars';
  const { shown } = now();
  const { period, zone } = shown;
  const { width, height } = plot.getBoundingClientRect();
  const font = `${LABEL_FONT_PX * scale}px ${getComputedStyle(plot).fontFamily}`;
  const axis = { stroke: () => now().colours.muted, font, ticks: { show: false } };
  const hidden = { auto: false, width: 0, points: { show: false } };
  /** @param {keyof Palette} colour @param {number[]} [dash] */
  const line = (colour, dash) => ({
    stroke: () => now().colours[colour],
    width: 1.75 * scale,
    points: { show: false },
    ...(dash && { dash: dash.map((each) => each * scale) }),
  });
  /** @param {object} [more] */
  const barPaths = (more) =>
    UPlot.paths.bars({
      size: [BAR_SHARE, WIDEST_BAR_PX * scale],
      align: 1,
      radius: 0.12,
      ...more,
    });
  const fills = { fill: { unit: 3, values: () => barColours(now()) } };
  const stepped = UPlot.paths.stepped({ align: 1 });
  const zoned = (/** @type {number} */ at) => UPlot.tzDate(new Date(at * 1_000), knownZone(zone));
  return {
    width: Math.max(width, 40),
    height: Math.max(height, 40),
    padding: [8 * scale, 28 * scale, 4, 0],
    legend: { show: false },
    // Days begin at the business's midnights, not at the reader's.
    ...(isCalendar(period) && { tzDate: zoned }),
    cursor: {
      y: false,
      points: { show: !bars, size: 7 * scale },
      drag: { x: true, y: false, setScale: false },
    },
    scales: {
      x: { time: true },
      y: { range: () => valueRange(now().drawn, now().shown.kpi.target, bars) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24 * scale,
        // Below the lowest label of the other axis, which reaches half its height beyond.
        gap: 8 * scale,
        space: 64 * scale,
        incrs: STEPS.filter((step) => step * 1_000 >= Math.min(PERIOD_MS[period], 2_592_000_000)),
        values: (_, splits) => splits.map((at) => formatTick(at * 1_000, period, zone)),
      },
      {
        ...axis,
        grid: { stroke: () => now().colours.hairline, width: scale },
        space: 44 * scale,
        gap: 6 * scale,
        size: (chart, values) => labelWidth(chart, font, values ?? []) + Y_LABEL_GAP_PX * scale,
        values: (_, splits) => splits.map((at) => formatShort(at, null)),
      },
    ],
    series: [
      {},
      bars ? { ...line('line'), width: 0, paths: barPaths({ disp: fills }) } : line('line'),
      { ...hidden, show: !bars },
      { ...hidden, show: !bars },
      { ...line('muted', [3, 3]), ...(bars && { paths: stepped }) },
      { ...line('line', [3, 3]), ...(bars && { paths: barPaths() }) },
      ...shown.others.map((_, at) => line(OTHER_COLOURS[at] ?? 'muted')),
    ],
    bands: bars ? [] : [{ series: [2, 3], fill: () => now().colours.band }],
  };
}

/** The newest bar stands out from those before it. @param {ChartState} state @returns {string[]} */
function barColours({ drawn, colours }) {
  const newest = drawn.value.findLastIndex((value) => value !== null);
  const earlier = `color-mix(in srgb, ${colours.line} 50%, ${colours.surface})`;
  return drawn.value.map((_, at) => (at === newest ? colours.line : earlier));
}

/** @param {import('uplot')} chart @param {string} font @param {string[]} labels */
function labelWidth(chart, font, labels) {
  const { ctx } = chart;
  ctx.save();
  ctx.font = font;
  const width = Math.max(0, ...labels.map((label) => ctx.measureText(label).width));
  ctx.restore();
  return Math.ceil(width);
}
