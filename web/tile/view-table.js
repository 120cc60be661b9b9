/** The buckets as rows, newest first. */

import { h } from './dom.js';
import { formatBucket, formatNumber } from './format.js';

/** @typedef {import('./view.js').Shown} Shown */

const HEADINGS = ['Bucket', 'Value', 'Min', 'Max', 'Rows'];

/** @type {import('./view.js').MakeView} */
export function tableView() {
  const caption = h('caption', { class: 'hidden' });
  const body = h('tbody');
  const headings = HEADINGS.map((text) => h('th', { scope: 'col' }, text));
  const table = h('table', {}, caption, h('thead', {}, h('tr', {}, ...headings)), body);
  const element = h('div', { class: 'table', tabindex: '0', role: 'region' }, table);
  return {
    element,
    update(shown) {
      const { kpi, points } = shown;
      const unit = kpi.unit ? ` in ${kpi.unit}` : '';
      caption.textContent = `${kpi.name}${unit}`;
      element.setAttribute('aria-label', `Table of ${kpi.name}`);
      body.replaceChildren(...points.toReversed().map((point) => row(shown, point)));
    },
  };
}

/** @param {Shown} shown @param {import('../stream/series.js').Point} point */
function row({ kpi, period, zone }, point) {
  /** @param {number | null} value */
  const number = (value) => (value === null ? '–' : formatNumber(value, kpi.decimals));
  const said = point.corrected ? ' corrected' : '';
  const cells = [point.value, point.min, point.max].map((value) => h('td', {}, number(value)));
  const rows = h('td', {}, point.points === null ? '–' : formatNumber(point.points, 0));
  const head = h('th', { scope: 'row' }, formatBucket(point, period, zone));
  if (said) head.append(h('em', {}, said));
  return h('tr', { class: point.value === null ? 'gap' : '' }, head, ...cells, rows);
}
