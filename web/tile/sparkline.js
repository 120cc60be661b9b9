/** A small line of recent history; gaps are gaps, corrected buckets have a ring. */

import { svg } from './dom.js';
import { PERIOD_MS } from './time.js';

/** @typedef {import('../stream/series.js').Point} Point */

const WIDTH = 1000;
const HEIGHT = 100;
const MARGIN = 8;

/**
 * The shape of a line through points, in a box of WIDTH × HEIGHT. The newest is at the right, and
 * the box has room for as many as are to be shown, also where there are fewer yet.
 *
 * @param {Point[]} points
 * @param {number | null} target
 * @param {number} [room] For how many points there is room.
 * @param {number} [everyMs] How far apart they are.
 * @returns {{ line: string, area: string, marks: string, last: string, target: number | null }}
 */
export function shape(points, target, room = points.length, everyMs = 60_000) {
  const [low, high] = range(points, target);
  const end = points.at(-1)?.start ?? 0;
  const width = Math.max(1, Math.max(room, points.length) - 1) * everyMs;
  /** @param {number} start */
  const place = (start) => Math.max(0, Math.round(10 * WIDTH * (1 - (end - start) / width)) / 10);
  /** @param {number} value */
  const y = (value) =>
    Math.round(10 * (HEIGHT - MARGIN - ((value - low) / (high - low)) * (HEIGHT - 2 * MARGIN))) /
    10;
  let line = '';
  let area = '';
  let marks = '';
  let last = '';
  /** Where the present run of values began, and where it is. @type {number | null} */
  let from = null;
  for (const [index, point] of points.entries()) {
    const before = points[index - 1];
    const after = points[index + 1];
    const x = place(point.start);
    if (point.value === null) continue;
    const at = `${x} ${y(point.value)}`;
    const begins = (before?.value ?? null) === null || before?.end !== point.start;
    const ends = (after?.value ?? null) === null || after?.start !== point.end;
    if (begins) {
      line += ends ? `M${at}h0` : `M${at}`;
      area += `M${x} ${HEIGHT}L${at}`;
      from = x;
    } else {
      line += `L${at}`;
      area += `L${at}`;
    }
    if (ends) area += `V${HEIGHT}H${from}Z`;
    if (point.corrected) marks += `M${at}h0`;
    last = after ? '' : `M${at}h0`;
  }
  const inside = target !== null && target >= low && target <= high;
  return { line, area, marks, last, target: inside ? y(target) : null };
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

  /** @param {import('./view.js').Shown} shown */
  update({ points, kpi, depth, period }) {
    const drawn = shape(points, kpi.target, depth, PERIOD_MS[period]);
    this.#area.setAttribute('d', drawn.area);
    this.#line.setAttribute('d', drawn.line);
    this.#marks.setAttribute('d', drawn.marks);
    this.#last.setAttribute('d', drawn.last);
    this.#target.style.display = drawn.target === null ? 'none' : '';
    this.#target.setAttribute('y1', String(drawn.target ?? 0));
    this.#target.setAttribute('y2', String(drawn.target ?? 0));
  }
}
