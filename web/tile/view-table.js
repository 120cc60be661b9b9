/** The buckets as rows, newest first; a row that has not changed stays, and what is selected in it. */

import { h } from './dom.js';
import { formatNumber } from './format.js';
import { formatBucket } from './time.js';

/** @typedef {import('./view.js').Shown} Shown */
/** @typedef {import('./view.js').Point} Point */

const HEADINGS = ['Bucket', 'Value', 'Min', 'Max', 'Rows'];

/** @type {import('./view.js').MakeView} */
export function tableView() {
  const caption = h('caption', { class: 'hidden' });
  const body = h('tbody');
  const headings = HEADINGS.map((text) => h('th', { scope: 'col' }, text));
  const table = h('table', {}, caption, h('thead', {}, h('tr', {}, ...headings)), body);
  const element = h('div', { class: 'table', tabindex: '0', role: 'region' }, table);
  /** By the bucket's start. @type {Map<number, { point: Point, row: HTMLElement }>} */
  let rows = new Map();
  /** What all rows depend on. */
  let look = '';
  return {
    element,
    update(shown) {
      const { kpi, points, period, zone } = shown;
      const unit = kpi.unit ? ` in ${kpi.unit}` : '';
      caption.textContent = `${kpi.name}${unit}`;
      element.setAttribute('aria-label', `Table of ${kpi.name}`);
      const now = JSON.stringify([kpi.decimals, period, zone]);
      if (now !== look) rows = new Map();
      look = now;
      const kept = rows;
      rows = new Map();
      let next = body.firstElementChild;
      for (const point of [...points].reverse()) {
        const before = kept.get(point.start);
        const row = before?.point === point ? before.row : makeRow(shown, point);
        rows.set(point.start, { point, row });
        if (row === next) next = next.nextElementSibling;
        else body.insertBefore(row, next);
      }
      while (next) {
        const gone = next;
        next = next.nextElementSibling;
        gone.remove();
      }
    },
  };
}

/** @param {Shown} shown @param {Point} point */
function makeRow({ kpi, period, zone }, point) {
  /** @param {number | null} value */
  const number = (value) => (value === null ? '–' : formatNumber(value, kpi.decimals));
  const cells = [point.value, point.min, point.max].map((value) => h('td', {}, number(value)));
  const rows = h('td', {}, point.points === null ? '–' : formatNumber(point.points, 0));
  const head = h('th', { scope: 'row' }, formatBucket(point, period, zone));
  if (point.corrected) head.append(h('em', {}, ' corrected'));
  return h('tr', { class: point.value === null ? 'gap' : '' }, head, ...cells, rows);
}
