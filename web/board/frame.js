/** One tile on a board: the KPI, and what it takes to move and change it. */

import '../kpi-tile.js';
import { h } from '../tile/dom.js';
import { PERIODS } from './board.js';
import { icon } from './icons.js';

/**
 * @typedef {import('./board.js').Tile} Tile
 * @typedef {import('./boards.js').Boards} Boards
 */

const SHORT = { minute: 'min', hour: 'hour', day: 'day' };

export class Frame {
  /** @param {Tile} tile @param {Boards} boards */
  constructor(tile, boards) {
    this.tile = tile;
    this.kpi = /** @type {import('../kpi-tile.js').KpiTile} */ (document.createElement('kpi-tile'));
    this.grip = h('button', { type: 'button', class: 'quiet grip' }, icon('grip'));
    this.more = h(
      'button',
      { type: 'button', class: 'quiet more', 'aria-haspopup': 'dialog' },
      icon('more'),
    );
    this.#radios = PERIODS.map((period) => {
      const radio = h('input', { type: 'radio', name: `${tile.key}-period`, value: period });
      radio.addEventListener('change', () => {
        boards.edit(() => {
          this.tile.period = period;
        });
      });
      return radio;
    });
    const choices = PERIODS.map((period, index) =>
      h('label', {}, /** @type {Node} */ (this.#radios[index]), h('span', {}, SHORT[period])),
    );
    this.#legend = h('legend', { class: 'hidden' });
    this.kpi.append(
      h('div', { slot: 'controls', class: 'controls' }, this.grip, this.more),
      h('fieldset', { slot: 'periods', class: 'periods' }, this.#legend, ...choices),
    );
    this.corner = h('span', { class: 'corner', 'aria-hidden': 'true' });
    this.element = h('li', { class: 'cell', 'data-key': tile.key }, this.kpi, this.corner);
  }

  #radios;
  #legend;

  /** What it is called. */
  get name() {
    return this.kpi.kpi.name || this.tile.code;
  }

  /** @param {Tile} tile */
  update(tile) {
    this.tile = tile;
    setAttribute(this.kpi, 'channel', `${tile.code}:${tile.period}`);
    setAttribute(this.kpi, 'view', tile.view);
    setAttribute(this.kpi, 'depth', String(tile.depth));
    for (const radio of this.#radios) radio.checked = radio.value === tile.period;
    this.label();
  }

  /** Name the controls after the KPI. */
  label() {
    this.#legend.textContent = `Period of ${this.name}`;
    setAttribute(this.more, 'aria-label', `Change ${this.name}`);
    setAttribute(
      this.grip,
      'aria-label',
      `Move ${this.name}: arrow keys; with Shift its size; Delete removes it`,
    );
  }

  /** Take no more columns than there are. @param {number} columns */
  fit(columns) {
    this.element.style.setProperty('--width', String(Math.min(columns, this.tile.width)));
    this.element.style.setProperty('--height', String(this.tile.height));
  }
}

/** @param {Element} element @param {string} name @param {string} value */
function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
