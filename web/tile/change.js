/** How a number moved, and from what: the bucket before, or an earlier time. */

import { write } from './dom.js';
import { trend, trendText } from './judge.js';
import { formatStart } from './time.js';

/** @typedef {import('./view.js').Shown} Shown */

const WORDS = { up: 'Up', down: 'Down', flat: 'Unchanged' };

/**
 * @param {Shown} shown
 * @returns {{ text: string, than: string, tone: string, title: string } | null}
 */
export function change({ kpi, series, period, zone, status, compared }) {
  const { current, previous } = series;
  const earlier = compared ? current && compared.before(current) : previous;
  if (!current || current.value === null || !earlier || earlier.value === null) return null;
  const moved = trend(current.value - earlier.value, kpi, status);
  if (!moved) return null;
  const than = `vs ${compared?.name ?? formatStart(earlier, period, zone)}`;
  const { text, tone } = { ...moved, text: trendText(moved) };
  const words = moved.way === 'flat' ? WORDS.flat : `${WORDS[moved.way]} ${moved.text}`;
  return { text, than, tone, title: `${words} ${than}${tone === 'worse' ? ', worse' : ''}` };
}

/** Write a change into an element, with what it says to those who do not see it. @param {HTMLElement} element @param {Shown} shown */
export function writeChange(element, shown) {
  const changed = change(shown);
  element.dataset.tone = changed?.tone ?? 'neutral';
  write(element, changed ? `${changed.text} ${changed.than}` : '');
  if (changed) {
    element.title = changed.title;
    element.setAttribute('aria-label', changed.title);
    element.setAttribute('role', 'img');
  } else {
    for (const name of ['title', 'aria-label', 'role']) element.removeAttribute(name);
  }
}
