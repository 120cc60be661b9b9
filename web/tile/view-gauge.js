/** The number on an arc, against its target. */

import { h, svg, write } from './dom.js';
import { formatNumber, formatShort, formatValue, unitAfter } from './format.js';

/** @typedef {import('./view.js').Shown} Shown */

const RADIUS = 80;
const LENGTH = Math.PI * RADIUS;
const ARC = `M 20 100 A ${RADIUS} ${RADIUS} 0 0 1 180 100`;
/** A share that comes near its whole is shown as part of it; a small one would be a speck. */
const WHOLE_FROM = 50;
const STEPS = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10];

/**
 * From where to where the arc goes: what the catalogue says; else 0 to 100 for a share that comes
 * near it; else from 0 (or the least) to a round number above all that is shown. With a target that
 * number is one and a half times it or more, so that the arc does not move with each value.
 *
 * @param {Shown} shown
 * @returns {[number, number]}
 */
export function scale({ kpi, points }) {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  if (kpi.target !== null) values.push(kpi.target);
  if (kpi.warning !== null) values.push(kpi.warning);
  const least = values.length > 0 ? Math.min(0, ...values) : 0;
  const most = values.length > 0 ? Math.max(0, ...values, (kpi.target ?? 0) * 1.3) : 0;
  const share = kpi.unit === '%' && least >= 0 && most >= WHOLE_FROM && Math.max(...values) <= 100;
  const low = kpi.lower ?? (least < 0 ? -roundUp(-least) : 0);
  const high = kpi.upper ?? (share ? 100 : roundUp(most * 1.1));
  return high > low ? [low, high] : [low, low + 1];
}

/** The next number of a few steps a power of ten. @param {number} value */
function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return (STEPS.find((each) => each * power >= value) ?? 10) * power;
}

/** @type {import('./view.js').MakeView} */
export function gaugeView() {
  const track = svg('path', { class: 'track', d: ARC });
  const filled = svg('path', { class: 'filled', d: ARC, 'stroke-dasharray': `0 ${LENGTH * 2}` });
  const tick = svg('path', { class: 'tick' });
  const dial = svg('svg', { viewBox: '0 0 200 112', 'aria-hidden': 'true' }, track, filled, tick);
  const number = h('span', { class: 'digits' });
  const unit = h('span', { class: 'unit' });
  const low = h('span');
  const goal = h('span', { class: 'goal' });
  const high = h('span');
  const element = h(
    'div',
    { class: 'gauge' },
    dial,
    h('p', { class: 'figure' }, number, unit),
    h('p', { class: 'ends' }, low, goal, high),
  );
  return {
    element,
    update(shown) {
      const { kpi, series } = shown;
      const value = series.latest?.value ?? null;
      const [from, to] = scale(shown);
      /** @param {number} at */
      const share = (at) => Math.min(1, Math.max(0, (at - from) / (to - from)));
      filled.setAttribute(
        'stroke-dasharray',
        `${value === null ? 0 : share(value) * LENGTH} ${LENGTH * 2}`,
      );
      element.dataset.target = shown.status ?? '';
      tick.style.display = kpi.target === null ? 'none' : '';
      tick.setAttribute('d', tickAt(share(kpi.target ?? from)));
      write(number, value === null ? '–' : formatShort(value, kpi.decimals));
      write(unit, value === null ? '' : unitAfter(kpi.unit));
      write(low, formatNumber(from, null));
      write(high, formatNumber(to, null));
      write(goal, kpi.target === null ? '' : `target ${formatValue(kpi.target, kpi)}`);
    },
  };
}

/** @param {number} share */
function tickAt(share) {
  const angle = Math.PI * (1 - share);
  const [x, y] = [Math.cos(angle), -Math.sin(angle)];
  const [inner, outer] = [RADIUS - 11, RADIUS + 11];
  return `M${100 + x * inner} ${100 + y * inner}L${100 + x * outer} ${100 + y * outer}`;
}
