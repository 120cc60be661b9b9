/** The searchable list of KPIs, from which a board is filled. */

import { h } from '../tile/dom.js';
import { newTile } from './board.js';
import { icon } from './icons.js';

/**
 * @typedef {import('../stream/catalogue.js').Kpi} Kpi
 * @typedef {import('./boards.js').Boards} Boards
 */

/** A catalogue may have ten thousand; nobody reads on after so many. */
const MOST = 100;

/**
 * KPIs of which name, code or unit has every word, those whose name begins with the text first.
 *
 * @param {Kpi[]} kpis
 * @param {string} text
 */
export function find(kpis, text) {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const found = kpis.filter((kpi) => {
    const said = `${kpi.name} ${kpi.code} ${kpi.unit}`.toLocaleLowerCase();
    return words.every((word) => said.includes(word));
  });
  const [first] = words;
  if (!first) return found;
  /** @param {Kpi} kpi */
  const rank = ({ name }) => (name.toLocaleLowerCase().startsWith(first) ? 0 : 1);
  return found.toSorted((a, b) => rank(a) - rank(b));
}

export class Picker {
  /** @param {Boards} boards @param {() => Promise<import('../stream/catalogue.js').Catalogue>} catalogue */
  constructor(boards, catalogue) {
    this.#boards = boards;
    this.#catalogue = catalogue;
    this.#input = h('input', {
      type: 'search',
      role: 'combobox',
      placeholder: 'Search KPIs',
      'aria-label': 'Search KPIs',
      'aria-controls': 'picker-list',
      'aria-expanded': 'true',
      'aria-autocomplete': 'list',
      autocomplete: 'off',
      spellcheck: 'false',
    });
    this.#list = h('ul', {
      id: 'picker-list',
      role: 'listbox',
      'aria-label': 'KPIs',
      'aria-multiselectable': 'true',
    });
    this.#count = h('p', { class: 'count', role: 'status' });
    const done = h('button', { type: 'button', class: 'primary' }, 'Done');
    this.element = h(
      'dialog',
      { class: 'picker', 'aria-label': 'Choose KPIs', closedby: 'any' },
      h('div', { class: 'search' }, icon('search'), this.#input),
      this.#list,
      h('footer', {}, this.#count, done),
    );
    done.addEventListener('click', () => this.element.close());
    this.#input.addEventListener('input', () => this.#fill());
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    this.#list.addEventListener('click', (event) => {
      const row = /** @type {Element} */ (event.target).closest('li');
      if (row) this.#toggle(row);
    });
  }

  #boards;
  #catalogue;
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
      this.#kpis = kpis.toSorted((a, b) => a.name.localeCompare(b.name));
      this.#fill();
    } catch {
      this.#count.textContent = 'The server does not answer; the list comes when it does.';
    }
  }

  #fill() {
    const found = find(this.#kpis, this.#input.value);
    const chosen = new Set(this.#boards.current.tiles.map(({ code }) => code));
    this.#list.replaceChildren(
      ...found.slice(0, MOST).map((kpi, index) => row(kpi, index, chosen)),
    );
    const shown = found.length > MOST ? `the first ${MOST} of ` : '';
    this.#count.textContent =
      this.#kpis.length === 0
        ? 'The catalogue is empty: write rows to kpi_raw_data, and they appear here.'
        : `${shown}${found.length} ${found.length === 1 ? 'KPI' : 'KPIs'}`;
    this.#activate(Math.min(this.#active, found.length - 1));
  }

  /** @param {number} index */
  #activate(index) {
    this.#active = Math.max(0, Math.min(index, this.#list.children.length - 1));
    for (const [at, each] of [...this.#list.children].entries()) {
      each.classList.toggle('active', at === this.#active);
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
    else if (event.key === 'Enter' && row) this.#toggle(row);
    else return;
    event.preventDefault();
  }

  /** Put a KPI on the board, or take all its tiles off. @param {Element} row */
  #toggle(row) {
    const code = row.getAttribute('data-code') ?? '';
    this.#boards.edit((board) => {
      const there = board.tiles.some((tile) => tile.code === code);
      if (there) board.tiles = board.tiles.filter((tile) => tile.code !== code);
      else board.tiles.push(newTile({ code, period: board.tiles.at(-1)?.period ?? 'minute' }));
    });
    this.#active = [...this.#list.children].indexOf(row);
    this.#fill();
  }
}

/** @param {Kpi} kpi @param {number} index @param {Set<string>} chosen */
function row(kpi, index, chosen) {
  const selected = chosen.has(kpi.code);
  const said = [kpi.code, kpi.unit].filter(Boolean).join(' · ');
  return h(
    'li',
    {
      id: `picker-${index}`,
      role: 'option',
      'aria-selected': String(selected),
      'data-code': kpi.code,
    },
    h('span', { class: 'tick' }, icon('check')),
    h('span', { class: 'what' }, kpi.name),
    ...(kpi.simulated ? [h('span', { class: 'tag' }, 'simulated')] : []),
    h('span', { class: 'code' }, said),
  );
}
