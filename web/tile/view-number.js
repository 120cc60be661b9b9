/** The number, large; how it moved; and a line of recent history. */

import { h, write } from './dom.js';
import { ARROWS, againstTarget, formatNumber, formatValue, trend } from './format.js';
import { mayMove } from './paint.js';
import { Sparkline } from './sparkline.js';

/** @typedef {import('./view.js').Shown} Shown */

const WORDS = { good: ', better', bad: ', worse', neutral: '' };

/** @type {import('./view.js').MakeView} */
export function numberView(tip) {
  const number = h('span', { class: 'digits' });
  const unit = h('span', { class: 'unit' });
  const figure = h('p', { class: 'figure' }, number, unit);
  const delta = h('span', { class: 'delta' });
  const target = h('span', { class: 'goal' });
  const spark = new Sparkline();
  const element = h(
    'div',
    { class: 'number' },
    figure,
    h('p', { class: 'beside' }, delta, target),
    h('div', { class: 'sparkbox' }, spark.element),
  );
  /** @type {Shown | null} */
  let last = null;
  tip.follow(spark.element, () => last);

  return {
    element,
    update(shown) {
      const { kpi, series, points } = shown;
      const value = series.latest?.value ?? null;
      const text = value === null ? '–' : formatNumber(value, kpi.decimals);
      const moved = last !== null && number.textContent !== text && number.textContent !== '–';
      write(number, text);
      write(unit, value === null ? '' : kpi.unit);
      figure.style.setProperty(
        '--chars',
        String(Math.max(4, text.length + kpi.unit.length * 0.45)),
      );
      if (moved && mayMove()) {
        number.animate([{ opacity: 0.25 }, { opacity: 1 }], { duration: 450, easing: 'ease-out' });
      }
      writeDelta(delta, shown);
      writeTarget(target, shown, value);
      spark.update(points, kpi.target);
      last = shown;
    },
  };
}

/** @param {HTMLElement} element @param {Shown} shown */
function writeDelta(element, { kpi, series, period }) {
  const moved = trend(series.delta, kpi);
  element.dataset.tone = moved?.tone ?? 'neutral';
  write(element, moved ? `${ARROWS[moved.way]} ${moved.text}` : '');
  if (!moved) element.removeAttribute('title');
  else {
    const words = { up: 'Up', down: 'Down', flat: 'Unchanged' }[moved.way];
    const title = `${words} ${moved.text} from the ${period} before${WORDS[moved.tone]}`;
    if (element.title !== title) {
      element.title = title;
      element.setAttribute('aria-label', title);
      element.setAttribute('role', 'img');
    }
  }
}

/** @param {HTMLElement} element @param {Shown} shown @param {number | null} value */
function writeTarget(element, { kpi }, value) {
  const reached = againstTarget(value, kpi);
  element.dataset.target = reached ?? '';
  write(element, kpi.target === null ? '' : `target ${formatValue(kpi.target, kpi)}`);
  const title = reached ? `Target ${reached}` : '';
  if (element.title !== title) element.title = title;
}
