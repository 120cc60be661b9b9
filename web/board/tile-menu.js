/** What can be changed about a tile: its view, size and range; its data as CSV; its removal. */

import { h } from '../tile/dom.js';
import { DEPTHS, VIEWS } from './board.js';
import { save, toCsv } from './csv.js';
import { icon } from './icons.js';
import { placeBeside } from './popover.js';

/**
 * @typedef {import('./frame.js').Frame} Frame
 * @typedef {import('./boards.js').Boards} Boards
 */

const NAMES = { number: 'Number', line: 'Line', bars: 'Bars', gauge: 'Gauge', table: 'Table' };
const SIZES = ['1x1', '2x1', '1x2', '2x2', '3x2', '4x2'];

export class TileMenu {
  /** @param {Boards} boards @param {(frame: Frame) => void} remove */
  constructor(boards, remove) {
    this.#boards = boards;
    this.#remove = remove;
    this.element = h('div', { class: 'menu tile-menu', popover: 'auto', role: 'dialog' });
  }

  #boards;
  #remove;

  /** @param {Frame} frame */
  open(frame) {
    const { tile } = frame;
    /** @param {Partial<import('./board.js').Tile>} change */
    const edit = (change) => this.#boards.edit(() => void Object.assign(tile, change));
    const depths = Object.entries(DEPTHS[tile.period]);
    this.element.setAttribute('aria-label', `Change ${frame.name}`);
    this.element.replaceChildren(
      choice(
        'View',
        VIEWS.map((view) => [view, NAMES[view], icon(view)]),
        tile.view,
        (view) => edit({ view: /** @type {import('./board.js').ViewName} */ (view) }),
      ),
      choice(
        'Range',
        depths.map(([buckets, text]) => [buckets, text]),
        String(tile.depth),
        (depth) => edit({ depth: Number(depth) }),
      ),
      choice(
        'Size',
        SIZES.map((size) => [size, size.replace('x', ' × ')]),
        `${tile.width}x${tile.height}`,
        (size) => {
          const [width = 1, height = 1] = size.split('x').map(Number);
          edit({ width, height });
        },
      ),
      h(
        'div',
        { class: 'actions' },
        button('Save as CSV', 'download', () => this.#save(frame)),
        button('Remove', 'close', () => {
          this.element.hidePopover();
          this.#remove(frame);
        }),
      ),
    );
    this.element.showPopover();
    placeBeside(this.element, frame.more);
    /** @type {HTMLElement | null} */ (this.element.querySelector('input:checked'))?.focus();
  }

  /** @param {Frame} frame */
  #save({ tile, kpi }) {
    const name = `${tile.code}-${tile.period}.csv`;
    save(name, 'text/csv', toCsv(tile.code, tile.period, kpi.points));
    this.element.hidePopover();
  }
}

/**
 * A row of which one is chosen.
 *
 * @param {string} title
 * @param {[string, string, Node?][]} options Value, text and picture of each.
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
function choice(title, options, chosen, choose) {
  const name = `menu-${title}`;
  const labels = options.map(([value, text, picture]) => {
    const radio = h('input', { type: 'radio', name, value, checked: value === chosen });
    radio.addEventListener('change', () => choose(value));
    return h('label', {}, radio, h('span', {}, ...(picture ? [picture] : []), text));
  });
  return h('fieldset', { class: 'choice' }, h('legend', {}, title), h('div', {}, ...labels));
}

/** @param {string} text @param {import('./icons.js').IconName} name @param {() => void} act */
const button = (text, name, act) =>
  h('button', { type: 'button', class: 'action', onclick: act }, icon(name), text);
