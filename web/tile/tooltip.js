/** Says exactly what one bucket holds, beside the pointer. */

import { h } from './dom.js';
import { formatValue } from './format.js';
import { judge, STATUS_WORDS } from './judge.js';
import { formatBucket, formatClock, PERIOD_MS } from './time.js';

/** @typedef {import('./view.js').Point} Point */
/** @typedef {import('./view.js').Shown} Shown */

export class Tooltip {
  constructor() {
    this.element = h('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
  }

  /**
   * @param {Shown} shown
   * @param {Point} point
   * @param {number} share Where it is, from 0 at the left to 1 at the right.
   */
  show({ kpi, period, zone, compared, others }, point, share) {
    const value = point.value === null ? 'no data' : formatValue(point.value, kpi);
    const open = point.until === undefined ? '' : ` so far, up to ${formatClock(point.until)}`;
    const said = [formatBucket(point, period, zone) + open];
    const status = point.until === undefined ? judge(point, kpi) : null;
    if (status) said.push(STATUS_WORDS[status]);
    if (point.min !== null && point.max !== null) {
      said.push(`${formatValue(point.min, kpi)} to ${formatValue(point.max, kpi)}`);
    }
    if (point.points !== null) said.push(`${point.points} ${point.points === 1 ? 'row' : 'rows'}`);
    if (point.corrected) said.push('corrected');
    const earlier = compared?.before(point);
    if (earlier) said.push(`${compared?.name}: ${formatValue(earlier.value, kpi)}`);
    for (const other of others) {
      const same = other.points.find(({ start }) => start === point.start);
      if (same) said.push(`${other.kpi.name}: ${formatValue(same.value, other.kpi)}`);
    }
    this.element.replaceChildren(h('b', {}, value), ...said.map((text) => h('span', {}, text)));
    this.element.hidden = false;
    this.element.style.setProperty('--at', String(share));
  }

  hide() {
    this.element.hidden = true;
  }

  /**
   * Follow the pointer over an element that shows points side by side, the newest at its right.
   *
   * @param {Element} element
   * @param {() => Shown | null} current
   */
  follow(element, current) {
    element.addEventListener('pointermove', (event) => {
      const { clientX } = /** @type {PointerEvent} */ (event);
      const shown = current();
      const { left, width } = element.getBoundingClientRect();
      const last = shown?.points.at(-1);
      if (!shown || !last || width === 0) return;
      const share = Math.min(1, Math.max(0, (clientX - left) / width));
      const room = Math.max(shown.depth, shown.points.length) - 1;
      const at = last.start - (1 - share) * room * PERIOD_MS[shown.period];
      this.show(shown, nearest(shown.points, at), share);
    });
    element.addEventListener('pointerleave', () => this.hide());
  }
}

/** @param {Point[]} points @param {number} at */
const nearest = (points, at) =>
  points.reduce((best, point) =>
    Math.abs(point.start - at) < Math.abs(best.start - at) ? point : best,
  );
