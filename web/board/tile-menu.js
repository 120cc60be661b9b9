/** What can be changed about a tile: its view, range, size and words; what it shows as a file. */

import { PERIODS } from '../stream/catalogue.js';
import { EARLIER_NAMES, earlierOf, LAST_ONE } from '../tile/comparison.js';
import { h } from '../tile/dom.js';
import {
  DEPTHS,
  GROUP_VIEWS,
  KPI_VIEWS,
  MOST_MORE,
  newTile,
  PERIOD_WORDS,
  setPeriod,
  TEXT_VIEWS,
} from './board.js';
import { save, toCsv } from './csv.js';
import { icon } from './icons.js';
import { closeByOpener, togglePopover } from './popover.js';

/**
 * @typedef {import('./frame.js').Frame} Frame
 * @typedef {import('./boards.js').Boards} Boards
 * @typedef {import('./board.js').Tile} Tile
 */

const NAMES = {
  number: 'Number',
  line: 'Line',
  bars: 'Bars',
  gauge: 'Gauge',
  table: 'Table',
  rank: 'Ranked',
  status: 'States',
  heading: 'Heading',
  text: 'Text',
};
const VIEWS_OF = { kpi: KPI_VIEWS, group: GROUP_VIEWS, text: TEXT_VIEWS };
const SIZES = ['1x1', '2x1', '1x2', '2x2', '3x2', '4x2'];
const CHARTS = new Set(['line', 'bars']);

export class TileMenu {
  /**
   * @param {Boards} boards
   * @param {object} actions
   * @param {(frame: Frame) => void} actions.remove
   * @param {(frame: Frame) => void} actions.savePicture
   * @param {() => void} actions.allowAlerts
   * @param {() => Promise<import('../stream/catalogue.js').Catalogue>} actions.catalogue
   */
  constructor(boards, actions) {
    this.#boards = boards;
    this.#actions = actions;
    this.element = h('div', { class: 'menu tile-menu', popover: 'auto', role: 'dialog' });
    closeByOpener(this.element, '.more');
  }

  #boards;
  #actions;

  /** The periods that the server has. @type {import('./board.js').Period[]} */
  #known = /** @type {import('./board.js').Period[]} */ (['minute', 'hour', 'day']);

  /** @param {Frame} frame */
  open(frame) {
    void this.#actions.catalogue().then(({ periods }) => {
      this.#known = PERIODS.filter((period) => periods.includes(period));
    });
    this.element.setAttribute('aria-label', `Change ${frame.name}`);
    this.#fill(frame);
    if (!togglePopover(this.element, frame.more)) return;
    /** @type {HTMLElement | null} */ (this.element.querySelector('input:checked'))?.focus();
  }

  /** @param {Frame} frame */
  #fill(frame) {
    const { tile, kind } = frame;
    /** @param {Partial<Tile>} change */
    const edit = (change) => this.#boards.edit(() => void Object.assign(tile, change));
    const views = VIEWS_OF[kind].map(
      (view) => /** @type {[string, string, Node]} */ ([view, NAMES[view], icon(view)]),
    );
    const parts = [
      choice('View', views, tile.view, (view) => {
        edit({ view: /** @type {import('./board.js').ViewName} */ (view) });
        this.#refill(frame, 'View');
      }),
    ];
    if (kind !== 'text') parts.push(this.#periods(frame));
    if (kind === 'kpi') parts.push(this.#ranges(tile, edit), this.#earlier(tile, edit));
    if (tile.view !== 'heading') parts.push(this.#sizes(tile, edit));
    this.element.replaceChildren(...parts, this.#words(frame, edit));
    if (kind === 'kpi') this.element.append(this.#more(frame, edit));
    if (kind !== 'text') this.element.append(this.#alert(tile, edit));
    this.element.append(this.#files(frame));
  }

  /** Fill it anew, and leave the focus where it was. @param {Frame} frame @param {string} title */
  #refill(frame, title) {
    this.#fill(frame);
    const chosen = this.element.querySelector(`[data-choice="${title}"] input:checked`);
    /** @type {HTMLElement | null} */ (chosen)?.focus();
  }

  /** @param {Frame} frame */
  #periods(frame) {
    const { tile } = frame;
    return choice(
      'Period',
      this.#known.map((period) => [period, PERIOD_WORDS[period]]),
      tile.period,
      (period) => {
        this.#boards.edit(() =>
          setPeriod(tile, /** @type {import('./board.js').Period} */ (period)),
        );
        this.#refill(frame, 'Period');
      },
    );
  }

  /** @param {Tile} tile @param {(change: Partial<Tile>) => void} edit */
  #ranges(tile, edit) {
    const known = DEPTHS[tile.period];
    const depths = { ...known, ...(tile.depth in known ? {} : { [tile.depth]: `${tile.depth}` }) };
    return choice('Range', Object.entries(depths), String(tile.depth), (depth) =>
      edit({ depth: Number(depth) }),
    );
  }

  /** @param {Tile} tile @param {(change: Partial<Tile>) => void} edit */
  #earlier(tile, edit) {
    /** @type {[string, string][]} */
    const options = earlierOf(tile.period).map((each) => [each, EARLIER_NAMES[each]]);
    return choice(
      'Compared with',
      [['', LAST_ONE[tile.period]], ...options],
      tile.earlier,
      (earlier) => edit({ earlier: /** @type {Tile['earlier']} */ (earlier) }),
    );
  }

  /** @param {Tile} tile @param {(change: Partial<Tile>) => void} edit */
  #sizes(tile, edit) {
    return choice(
      'Size',
      SIZES.map((size) => [size, size.replace('x', ' × ')]),
      `${tile.width}x${tile.height}`,
      (size) => {
        const [width = 1, height = 1] = size.split('x').map(Number);
        edit({ width, height });
      },
    );
  }

  /** A title of one's own, or the words of a text. @param {Frame} frame @param {(change: Partial<Tile>) => void} edit */
  #words({ tile, kind, kpi }, edit) {
    const long = tile.view === 'text';
    const label = kind === 'text' ? 'Words' : 'Title';
    const field = long
      ? h('textarea', { rows: '4', maxlength: '400', 'aria-label': label })
      : h('input', {
          type: 'text',
          maxlength: '60',
          'aria-label': label,
          placeholder: kpi?.kpi.name ?? '',
        });
    field.value = tile.title;
    field.addEventListener('change', () => edit({ title: field.value.trim() }));
    return h('label', { class: 'naming' }, h('span', {}, label), field);
  }

  /** Further KPIs in the same chart. @param {Frame} frame @param {(change: Partial<Tile>) => void} edit */
  #more(frame, edit) {
    const { tile } = frame;
    const box = h('div', { class: 'naming' });
    if (!CHARTS.has(tile.view)) return box;
    const shown = tile.more.map((code) =>
      h(
        'button',
        {
          type: 'button',
          class: 'chip',
          'aria-label': `Without ${code}`,
          onclick: () => {
            edit({ more: tile.more.filter((each) => each !== code) });
            this.#fill(frame);
          },
        },
        code,
        icon('close'),
      ),
    );
    box.append(h('span', {}, 'In the same chart'), ...shown);
    if (tile.more.length >= MOST_MORE) return box;
    const list = h('select', { 'aria-label': 'Add a KPI to this chart' }, h('option', {}, 'Add…'));
    list.addEventListener('change', () => {
      if (list.selectedIndex > 0) edit({ more: [...tile.more, list.value] });
      this.#fill(frame);
    });
    box.append(list);
    void this.#actions.catalogue().then(({ kpis }) => {
      const free = kpis.filter(({ code }) => code !== tile.code && !tile.more.includes(code));
      list.append(...free.map(({ code, name }) => h('option', { value: code }, name)));
    });
    return box;
  }

  /** @param {Tile} tile @param {(change: Partial<Tile>) => void} edit */
  #alert(tile, edit) {
    const box = h('input', { type: 'checkbox', checked: tile.alert });
    box.addEventListener('change', () => {
      if (box.checked) this.#actions.allowAlerts();
      edit({ alert: box.checked });
    });
    return h('label', { class: 'check' }, box, h('span', {}, 'Announce changes of status'));
  }

  /** @param {Frame} frame */
  #files(frame) {
    /** @param {() => void} act */
    const closing = (act) => () => {
      this.element.hidePopover();
      act();
    };
    const { tile, kind } = frame;
    const csv = button(
      'Save as CSV',
      'download',
      closing(() => this.#save(frame)),
    );
    const picture = button(
      'Save as picture',
      'picture',
      closing(() => this.#actions.savePicture(frame)),
    );
    return h(
      'div',
      { class: 'actions' },
      ...(kind === 'kpi' ? [csv] : []),
      ...(kind === 'text' ? [] : [picture]),
      button(
        'Duplicate',
        'add',
        closing(() => this.#duplicate(tile)),
      ),
      button(
        'Remove',
        'close',
        closing(() => this.#actions.remove(frame)),
      ),
    );
  }

  /** @param {Tile} tile */
  #duplicate(tile) {
    this.#boards.edit(({ tiles }) => {
      tiles.splice(tiles.indexOf(tile) + 1, 0, newTile({ ...tile, more: [...tile.more] }));
    });
  }

  /** @param {Frame} frame */
  #save({ tile, kpi }) {
    const name = `${tile.code}-${tile.period}.csv`;
    if (kpi) save(name, 'text/csv', toCsv(tile.code, tile.period, kpi.points));
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
  return h(
    'fieldset',
    { class: 'choice', 'data-choice': title },
    h('legend', {}, title),
    h('div', {}, ...labels),
  );
}

/** @param {string} text @param {import('./icons.js').IconName} name @param {() => void} act */
const button = (text, name, act) =>
  h('button', { type: 'button', class: 'action', onclick: act }, icon(name), text);
