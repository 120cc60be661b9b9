/** The number, large; how it moved; and a line of recent history. */

import { writeChange } from './change.js';
import { h, write } from './dom.js';
import { formatShort, formatValue, unitAfter } from './format.js';
import { mayMove } from './paint.js';
import { Sparkline } from './sparkline.js';
import { formatClock } from './time.js';

/** @typedef {import('./view.js').Shown} Shown */

const LEAST_LETTERS = 4;
/** A unit's letters are so much narrower than digits. */
const UNIT_SHARE = 0.45;

/** @type {import('./view.js').MakeView} */
export function numberView(tip) {
  const number = h('span', { class: 'digits' });
  const unit = h('span', { class: 'unit' });
  const figure = h('p', { class: 'figure' }, number, unit);
  const delta = h('span', { class: 'delta' });
  const target = h('span', { class: 'goal' });
  const open = h('span', { class: 'open' });
  const spark = new Sparkline();
  const element = h(
    'div',
    { class: 'number' },
    figure,
    h('p', { class: 'beside' }, open, delta, target),
    h('div', { class: 'sparkbox' }, spark.element),
  );
  /** @type {Shown | null} */
  let last = null;
  tip.follow(spark.element, () => last);

  return {
    element,
    update(shown) {
      const { kpi, series } = shown;
      const value = series.latest?.value ?? null;
      const text = value === null ? '–' : formatShort(value, kpi.decimals);
      const moved = last !== null && number.textContent !== text && number.textContent !== '–';
      const after = unitAfter(kpi.unit);
      write(number, text);
      write(unit, value === null ? '' : after);
      const letters = Math.max(LEAST_LETTERS, text.length + after.length * UNIT_SHARE);
      figure.style.setProperty('--chars', String(letters));
      if (moved && mayMove()) {
        number.animate([{ opacity: 0.25 }, { opacity: 1 }], { duration: 450, easing: 'ease-out' });
      }
      writeOpen(open, shown);
      writeChange(delta, shown);
      write(target, kpi.target === null ? '' : `target ${formatValue(kpi.target, kpi)}`);
      spark.update(shown);
      last = shown;
    },
  };
}

/** Say how far the bucket has come that is still open. @param {HTMLElement} element @param {Shown} shown */
function writeOpen(element, { kpi, series, period }) {
  const { partial } = series;
  const told = partial !== null && partial.value !== null && period !== 'minute';
  write(element, told ? `${formatShort(partial.value ?? 0, kpi.decimals)} so far` : '');
  element.title = told && partial.until ? `This ${period} up to ${formatClock(partial.until)}` : '';
}
