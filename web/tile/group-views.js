/**
 * Many KPIs in one tile: as bars, the greatest first, or as a grid of their states.
 *
 * @typedef {import('../stream/catalogue.js').Kpi} Kpi
 * @typedef {import('../stream/series.js').Status} Status
 *
 * @typedef {object} Member
 * @property {Kpi} kpi
 * @property {number | null} value
 * @property {import('./freshness.js').State} state
 * @property {Status | null} status
 */

import { h } from './dom.js';
import { formatShortValue } from './format.js';
import { STATUS_WORDS } from './judge.js';

/** @type {(Status | null)[]} */
const WORST_FIRST = ['bad', 'warning', 'good', null];

/** By value, the better end first where the catalogue says which that is. @param {Member[]} members */
export function rankOf(members) {
  const down = members[0]?.kpi.direction === 'down' ? -1 : 1;
  const of = (/** @type {Member} */ { value }) => value ?? Number.NEGATIVE_INFINITY * down;
  return [...members].sort(
    (a, b) => down * (of(b) - of(a)) || 0 || a.kpi.name.localeCompare(b.kpi.name),
  );
}

/**
 * @param {HTMLElement} body
 * @param {'rank' | 'status'} view
 * @param {Member[]} members In their order.
 * @param {string} label
 */
export function groupView(body, view, members, label) {
  if (members.length === 0) {
    body.replaceChildren(h('p', { class: 'message' }, 'No KPI has a code like this yet.'));
    return;
  }
  const most = Math.max(...members.map(({ value }) => Math.abs(value ?? 0)), 0) || 1;
  const ordered = view === 'rank' ? members : [...members].sort(byNeed);
  const rows = ordered.map((member) => (view === 'rank' ? bar(member, most) : cell(member)));
  const list = h('ol', { class: view, 'aria-label': label, tabindex: '0' }, ...rows);
  const scrolled = body.firstElementChild?.scrollTop ?? 0;
  body.replaceChildren(list);
  list.scrollTop = scrolled;
}

/** @param {Member} a @param {Member} b */
const byNeed = (a, b) =>
  WORST_FIRST.indexOf(a.status) - WORST_FIRST.indexOf(b.status) ||
  a.kpi.name.localeCompare(b.kpi.name);

/** @param {Member} member @param {number} most */
function bar({ kpi, value, state, status }, most) {
  const length = h('i', { class: 'bar' });
  length.style.inlineSize = `${(100 * Math.abs(value ?? 0)) / most}%`;
  return h(
    'li',
    { 'data-status': status ?? '', 'data-state': state, title: titleOf(kpi, status) },
    h('span', { class: 'what' }, kpi.name),
    h('b', {}, ...sign(status), formatShortValue(value, kpi)),
    h('span', { class: 'track' }, length),
  );
}

/** @param {Member} member */
const cell = ({ kpi, value, state, status }) =>
  h(
    'li',
    { 'data-status': status ?? '', 'data-state': state, title: titleOf(kpi, status) },
    h('span', { class: 'what' }, kpi.name),
    h('b', {}, ...sign(status), formatShortValue(value, kpi)),
  );

/** A sign for those who see no colour. @param {Status | null} status */
const sign = (status) =>
  status === 'bad' || status === 'warning'
    ? [h('i', { class: 'mark', role: 'img', 'aria-label': STATUS_WORDS[status] })]
    : [];

/** @param {Kpi} kpi @param {Status | null} status */
const titleOf = (kpi, status) =>
  [kpi.name, kpi.code, status && STATUS_WORDS[status]].filter(Boolean).join(' · ');
