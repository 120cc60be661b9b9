/** The searchable list of KPIs, from which a board is filled: each choice adds a tile. */

import { CODE } from '../stream/catalogue.js';
import { matching } from '../stream/pattern.js';
import { h } from '../tile/dom.js';
import { newTile } from './board.js';
import { icon } from './icons.js';

/**
 * @typedef {import('../stream/catalogue.js').Kpi} Kpi
 * @typedef {import('./boards.js').Boards} Boards
 * @typedef {import('./board.js').Tile} Tile
 */

/** A catalogue may have ten thousand; nobody reads on after so many. */
const MOST = 100;

/**
 * KPIs of which name, code, unit or group has every word, those whose name begins with the text
 * first. One that no channel can name is left out.
 *
 * @param {Kpi[]} kpis
 * @param {string} text
 */
export function find(kpis, text) {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const found = kpis.filter((kpi) => {
    const said = `${kpi.name} ${kpi.code} ${kpi.unit} ${kpi.group}`.toLocaleLowerCase();
    return CODE.test(kpi.code) && words.every((word) => said.includes(word));
  });
  const [first] = words;
  if (!first) return found;
  /** @param {Kpi} kpi */
  const rank = ({ name }) => (name.toLocaleLowerCase().startsWith(first) ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b));
}

export class Picker {
  /**
   * @param {Boards} boards
   * @param {() => Promise<import('../stream/catalogue.js').Catalogue>} catalogue
   * @param {(tile: Tile, name: string) => void} added Told of each tile that was added.
   */
  constructor(boards, catalogue, added) {
    this.#boards = boards;
    this.#catalogue = catalogue;
    this.#added = added;
    this.#input = h('input', {
      type: 'search',
      role: 'combobox',
      placeholder: 'Search KPIs, or plant1.* for a ranked list',
      'aria-label': 'Search KPIs',
      'aria-controls': 'picker-list',
      'aria-expanded': 'true',
      'aria-autocomplete': 'list',
      autocomplete: 'off',
      spellcheck: 'false',
    });
    this.#list = h('ul', { id: 'picker-list', role: 'listbox', 'aria-label': 'KPIs' });
    this.#count = h('p', { class: 'count', role: 'status' });
    const done = h('button', { type: 'button', class: 'primary' }, 'Done');
    const words = (/** @type {'heading' | 'text'} */ view) => () => {
      this.#add(newTile({ view, title: view === 'heading' ? 'Heading' : 'Text' }), view);
      this.element.close();
    };
    this.element = h(
      'dialog',
      { class: 'picker', 'aria-label': 'Choose KPIs', closedby: 'any' },
      h('div', { class: 'search' }, icon('search'), this.#input),
      this.#list,
      h(
        'footer',
        {},
        this.#count,
        h('button', { type: 'button', class: 'plain', onclick: words('heading') }, 'Add heading'),
        h('button', { type: 'button', class: 'plain', onclick: words('text') }, 'Add text'),
        done,
      ),
    );
    done.addEventListener('click', () => this.element.close());
    this.#input.addEventListener('input', () => this.#fill());
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    this.#list.addEventListener('click', (event) => {
      const row = /** @type {Element} */ (event.target).closest('li');
      if (row) this.#choose(row);
    });
  }

  #boards;
  #catalogue;
  #added;
  #input;
  #list;
  #count;
  /** @type {Kpi[]} */
  #kpis = [];
  #active = 0;

  async open() {
    this.#input.value = '';
    this.#active = 0;
    this.element.showModal();
    this.#count.textContent = 'Loading…';
    try {
      const { kpis } = await this.#catalogue();
      this.#kpis = [...kpis].sort((a, b) => a.name.localeCompare(b.name));
      this.#fill();
    } catch {
      this.#count.textContent = 'The server does not answer; the list comes when it does.';
    }
  }

  #fill() {
    const text = this.#input.value.trim();
    const pattern = /^[A-Za-z0-9_.*-]*\*[A-Za-z0-9_.*-]*$/.test(text);
    const found = pattern ? matching(this.#kpis, text) : find(this.#kpis, text);
    const { tiles } = this.#boards.current;
    const rows = found.slice(0, MOST).map((kpi, index) => {
      const there = tiles.filter(({ code }) => code === kpi.code).length;
      return kpiRow(kpi, index + (pattern ? 1 : 0), there);
    });
    if (pattern && found.length > 0) rows.unshift(groupRow(text, found.length));
    this.#list.replaceChildren(...rows);
    const shown = found.length > MOST ? `the first ${MOST} of ` : '';
    this.#count.textContent =
      this.#kpis.length === 0
        ? 'The catalogue is empty: write rows to kpi_raw_data, and they appear here.'
        : `${shown}${found.length} ${found.length === 1 ? 'KPI' : 'KPIs'}`;
    this.#activate(Math.min(this.#active, rows.length - 1));
  }

  /** @param {number} index */
  #activate(index) {
    this.#active = Math.max(0, Math.min(index, this.#list.children.length - 1));
    for (const [at, each] of [...this.#list.children].entries()) {
      each.classList.toggle('active', at === this.#active);
      each.setAttribute('aria-selected', String(at === this.#active));
    }
    const active = this.#list.children[this.#active];
    active?.scrollIntoView({ block: 'nearest' });
    this.#input.setAttribute('aria-activedescendant', active?.id ?? '');
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const row = this.#list.children[this.#active];
    if (event.key === 'ArrowDown') this.#activate(this.#active + 1);
    else if (event.key === 'ArrowUp') this.#activate(this.#active - 1);
    else if (event.key === 'Enter' && row) this.#choose(row);
    // Else a search field takes the first press to empty itself.
    else if (event.key === 'Escape') this.element.close();
    else return;
    event.preventDefault();
  }

  /** Put what a row names on the board. @param {Element} row */
  #choose(row) {
    const code = row.getAttribute('data-code') ?? '';
    const period = this.#boards.current.tiles.at(-1)?.period ?? 'minute';
    const group = code.includes('*');
    const tile = group
      ? newTile({ code, period, view: 'rank', width: 2, height: 2 })
      : newTile({ code, period });
    this.#active = [...this.#list.children].indexOf(row);
    this.#add(tile, row.querySelector('.what')?.textContent ?? code);
    this.#fill();
  }

  /** @param {Tile} tile @param {string} name */
  #add(tile, name) {
    this.#boards.edit((board) => {
      board.tiles.push(tile);
    });
    this.#added(tile, name);
  }
}

/** @param {Kpi} kpi @param {number} index @param {number} there How many tiles of it there are. */
function kpiRow(kpi, index, there) {
  const said = [kpi.group, kpi.code, kpi.unit].filter(Boolean).join(' · ');
  return h(
    'li',
    { id: `picker-${index}`, role: 'option', 'aria-selected': 'false', 'data-code': kpi.code },
    h('span', { class: 'tick' }, ...(there > 0 ? [there > 1 ? `${there} ×` : icon('check')] : [])),
    h('span', { class: 'what' }, kpi.name),
    ...(kpi.simulated ? [h('span', { class: 'tag' }, 'simulated')] : []),
    h('span', { class: 'code' }, said),
  );
}

/** @param {string} pattern @param {number} count */
const groupRow = (pattern, count) =>
  h(
    'li',
    { id: 'picker-0', role: 'option', 'aria-selected': 'false', 'data-code': pattern },
    h('span', { class: 'tick' }, icon('rank')),
    h('span', { class: 'what' }, `All of ${pattern}`),
    h('span', { class: 'code' }, `ranked list of ${count}; new ones appear by themselves`),
  );
