/** One tile on a board: what it shows, and what it takes to move and change it. */

import '../kpi-group.js';
import '../kpi-tile.js';
import { h, write } from '../tile/dom.js';
import { GROUP_VIEWS, PERIOD_WORDS, PERIODS, setPeriod, TEXT_VIEWS } from './board.js';
import { icon } from './icons.js';

/**
 * @typedef {import('./board.js').Tile} Tile
 * @typedef {import('./boards.js').Boards} Boards
 * @typedef {import('../kpi-tile.js').KpiTile} KpiTile
 * @typedef {import('../kpi-group.js').KpiGroup} KpiGroup
 * @typedef {'kpi' | 'group' | 'text'} Kind
 */

/** What stands on each tile; the others are in its menu. @type {import('./board.js').Period[]} */
const USUAL_PERIODS = ['minute', 'hour', 'day'];

/** @param {Tile} tile @returns {Kind} */
export function kindOf({ view }) {
  if (TEXT_VIEWS.includes(view)) return 'text';
  return GROUP_VIEWS.includes(view) ? 'group' : 'kpi';
}

export class Frame {
  /** @param {Tile} tile @param {Boards} boards */
  constructor(tile, boards) {
    this.tile = tile;
    this.kind = kindOf(tile);
    this.grip = h('button', { type: 'button', class: 'quiet grip' }, icon('grip'));
    this.more = h(
      'button',
      { type: 'button', class: 'quiet more', 'aria-haspopup': 'dialog', 'aria-expanded': 'false' },
      icon('more'),
    );
    this.#labels = PERIODS.map((period) => {
      const radio = h('input', { type: 'radio', name: `${tile.key}-period`, value: period });
      radio.addEventListener('change', () => boards.edit(() => setPeriod(this.tile, period)));
      return h('label', {}, radio, h('span', {}, PERIOD_WORDS[period]));
    });
    this.#legend = h('legend', { class: 'hidden' });
    this.content = this.#makeContent();
    this.corner = h('span', { class: 'corner', 'aria-hidden': 'true' });
    this.element = h(
      'li',
      { class: `cell ${this.kind}`, 'data-key': tile.key },
      this.content,
      this.corner,
    );
  }

  #labels;
  #legend;

  /** The tile of one KPI; null where this is something else. @returns {KpiTile | null} */
  get kpi() {
    return this.kind === 'kpi' ? /** @type {KpiTile} */ (this.content) : null;
  }

  /** The tile of many KPIs; null where this is something else. @returns {KpiGroup | null} */
  get group() {
    return this.kind === 'group' ? /** @type {KpiGroup} */ (this.content) : null;
  }

  /** What it is called. */
  get name() {
    const { title, code } = this.tile;
    if (this.kind === 'text') return title || 'Text';
    return title || this.kpi?.kpi.name || code;
  }

  /** @param {Tile} tile */
  update(tile) {
    this.tile = tile;
    const { code, period, view, depth, earlier, more, title } = tile;
    this.element.dataset.view = view;
    if (this.kind === 'text') {
      const words = /** @type {HTMLElement} */ (this.content.firstElementChild);
      write(words, title || (view === 'heading' ? 'Heading' : 'Text'));
    } else {
      setAttribute(
        this.content,
        this.kpi ? 'channel' : 'match',
        this.kpi ? `${code}:${period}` : code,
      );
      setAttribute(this.content, 'period', period);
      setAttribute(this.content, 'view', view);
      setAttribute(this.content, 'depth', String(depth));
      setAttribute(this.content, 'earlier', earlier);
      setAttribute(this.content, 'more', more.join(' '));
      setAttribute(this.content, 'label', title);
    }
    for (const [at, label] of this.#labels.entries()) {
      const each = PERIODS[at];
      const radio = /** @type {HTMLInputElement} */ (label.firstElementChild);
      radio.checked = each === period;
      label.hidden = !(each && (USUAL_PERIODS.includes(each) || radio.checked));
    }
    this.label();
  }

  /** Name the controls after what they control. */
  label() {
    write(this.#legend, `Period of ${this.name}`);
    setAttribute(this.more, 'aria-label', `Change ${this.name}`);
    setAttribute(
      this.grip,
      'aria-label',
      `Move ${this.name}: arrow keys; with Shift its size; Delete removes it`,
    );
  }

  /** Take no more columns than there are. @param {number} columns */
  fit(columns) {
    const { view, width, height } = this.tile;
    const heading = view === 'heading';
    this.element.style.setProperty('--width', String(heading ? columns : Math.min(columns, width)));
    this.element.style.setProperty('--quarters', String(heading ? 1 : height * 4));
  }

  /** @returns {HTMLElement} */
  #makeContent() {
    const controls = h('div', { slot: 'controls', class: 'controls' }, this.grip, this.more);
    if (this.kind === 'text') return h('div', { class: 'words' }, h('div'), controls);
    const content = document.createElement(this.kind === 'kpi' ? 'kpi-tile' : 'kpi-group');
    content.append(
      controls,
      h('fieldset', { slot: 'periods', class: 'periods' }, this.#legend, ...this.#labels),
    );
    return content;
  }
}

/** @param {Element} element @param {string} name @param {string} value */
function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
