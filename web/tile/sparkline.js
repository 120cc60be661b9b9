/** A small line of recent history; gaps are gaps, corrected buckets have a ring. */

import { svg } from './dom.js';

/** @typedef {import('../stream/series.js').Point} Point */

const WIDTH = 1000;
const HEIGHT = 100;
const MARGIN = 8;

/**
 * The shape of a line through points, in a box of WIDTH × HEIGHT.
 *
 * @param {Point[]} points
 * @param {number | null} target
 * @returns {{ line: string, area: string, marks: string, last: string, target: number | null }}
 */
export function shape(points, target) {
  const [low, high] = range(points, target);
  const step = WIDTH / Math.max(1, points.length - 1);
  /** @param {number} value */
  const y = (value) =>
    Math.round(10 * (HEIGHT - MARGIN - ((value - low) / (high - low)) * (HEIGHT - 2 * MARGIN))) /
    10;
  let line = '';
  let area = '';
  let marks = '';
  let last = '';
  /** Where the present run of values began. @type {number | null} */
  let from = null;
  let before = 0;
  for (let index = 0; index <= points.length; index += 1) {
    const point = points[index];
    const x = Math.round(10 * index * step) / 10;
    if (!point || point.value === null) {
      if (from !== null) area += `V${HEIGHT}H${from}Z`;
      from = null;
      continue;
    }
    const at = `${x} ${y(point.value)}`;
    if (from === null) {
      const alone = (points[index + 1]?.value ?? null) === null;
      line += alone ? `M${at}h0` : `M${at}`;
      area += `M${x} ${HEIGHT}L${at}`;
      from = x;
    } else {
      line += `L${at}`;
      area += `L${at}`;
    }
    if (point.corrected) marks += `M${at}h0`;
    last = `M${at}h0`;
    before = index;
  }
  const current = before === points.length - 1;
  const inside = target !== null && target >= low && target <= high;
  return { line, area, marks, last: current ? last : '', target: inside ? y(target) : null };
}

/** @param {Point[]} points @param {number | null} target @returns {[number, number]} */
function range(points, target) {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { value } of points) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const span = high - low;
  // A target nearby belongs in the picture; one far away would flatten the line.
  if (target !== null && target > low - span && target < high + span) {
    low = Math.min(low, target);
    high = Math.max(high, target);
  }
  return low === high ? [low - 1, high + 1] : [low, high];
}

export class Sparkline {
  constructor() {
    const still = { 'vector-effect': 'non-scaling-stroke' };
    this.#area = svg('path', { class: 'area' });
    this.#target = svg('line', { class: 'target', x1: 0, x2: WIDTH, ...still });
    this.#line = svg('path', { class: 'line', ...still });
    this.#marks = svg('path', { class: 'marks', ...still });
    this.#last = svg('path', { class: 'last', ...still });
    this.element = svg(
      'svg',
      {
        class: 'spark',
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: 'none',
        'aria-hidden': 'true',
      },
      this.#area,
      this.#target,
      this.#line,
      this.#marks,
      this.#last,
    );
  }

  #area;
  #target;
  #line;
  #marks;
  #last;

  /** @param {Point[]} points @param {number | null} target */
  update(points, target) {
    const drawn = shape(points, target);
    this.#area.setAttribute('d', drawn.area);
    this.#line.setAttribute('d', drawn.line);
    this.#marks.setAttribute('d', drawn.marks);
    this.#last.setAttribute('d', drawn.last);
    this.#target.style.display = drawn.target === null ? 'none' : '';
    this.#target.setAttribute('y1', String(drawn.target ?? 0));
    this.#target.setAttribute('y2', String(drawn.target ?? 0));
  }
}
