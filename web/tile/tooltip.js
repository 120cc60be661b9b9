/** Says exactly what one bucket holds, beside the pointer. */

import { h } from './dom.js';
import { formatBucket, formatValue } from './format.js';

/** @typedef {import('../stream/series.js').Point} Point */
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
  show({ kpi, period, zone }, point, share) {
    const lines = [h('b', {}, point.value === null ? 'no data' : formatValue(point.value, kpi))];
    const said = [formatBucket(point, period, zone)];
    if (point.min !== null && point.max !== null) {
      said.push(`${formatValue(point.min, kpi)} to ${formatValue(point.max, kpi)}`);
    }
    if (point.points !== null) said.push(`${point.points} ${point.points === 1 ? 'row' : 'rows'}`);
    if (point.corrected) said.push('corrected');
    this.element.replaceChildren(...lines, ...said.map((text) => h('span', {}, text)));
    this.element.hidden = false;
    this.element.style.setProperty('--at', String(share));
  }

  hide() {
    this.element.hidden = true;
  }

  /**
   * Follow the pointer over an element that shows points side by side.
   *
   * @param {Element} element
   * @param {() => Shown | null} current
   */
  follow(element, current) {
    element.addEventListener('pointermove', (event) => {
      const { clientX } = /** @type {PointerEvent} */ (event);
      const shown = current();
      const { left, width } = element.getBoundingClientRect();
      if (!shown || shown.points.length === 0 || width === 0) return;
      const share = Math.min(1, Math.max(0, (clientX - left) / width));
      const point = shown.points[Math.round(share * (shown.points.length - 1))];
      if (point) this.show(shown, point, share);
    });
    element.addEventListener('pointerleave', () => this.hide());
  }
}
