/** The list of boards: show, name, add, share, save and load them. */

import { h } from '../tile/dom.js';
import { newBoard, plain, readBoard } from './board.js';
import { save } from './csv.js';
import { placeBeside } from './popover.js';

/** @typedef {import('./boards.js').Boards} Boards */

export class BoardsMenu {
  /** @param {Boards} boards @param {HTMLElement} opener @param {(text: string) => void} say */
  constructor(boards, opener, say) {
    this.#boards = boards;
    this.#say = say;
    this.element = h('div', {
      class: 'menu boards-menu',
      popover: 'auto',
      role: 'dialog',
      'aria-label': 'Boards',
    });
    opener.addEventListener('click', () => this.#open(opener));
  }

  #boards;
  #say;

  /** @param {HTMLElement} opener */
  #open(opener) {
    this.#fill();
    this.element.showPopover();
    placeBeside(this.element, opener);
    this.element.style.left = `${Math.max(8, opener.getBoundingClientRect().left)}px`;
  }

  #fill() {
    const { all, current } = this.#boards;
    const name = h('input', {
      type: 'text',
      value: current.name,
      maxlength: '60',
      'aria-label': 'Name of this board',
    });
    name.addEventListener('change', () => {
      this.#boards.edit((board) => {
        board.name = name.value.trim() || board.name;
      });
      this.#fill();
    });
    const list = all.map((board) => {
      const count = board.tiles.length;
      const row = action(board.name, () => {
        this.element.hidePopover();
        this.#boards.show(board.id);
      });
      row.append(h('span', { class: 'code' }, `${count} ${count === 1 ? 'tile' : 'tiles'}`));
      if (board === current) row.setAttribute('aria-current', 'true');
      return h('li', {}, row);
    });
    this.element.replaceChildren(
      h('label', { class: 'naming' }, h('span', {}, 'Name'), name),
      h('ul', {}, ...list),
      h(
        'div',
        { class: 'actions' },
        action('New board', () => this.#add()),
        action('Duplicate', () => this.#duplicate()),
        action('Copy link', () => void this.#copyLink()),
        action('Save as file', () => this.#save()),
        action('Load a file…', () => this.#load()),
        action('Delete this board', () => this.#delete()),
      ),
    );
  }

  #add() {
    this.element.hidePopover();
    this.#boards.add(newBoard(`Board ${this.#boards.all.length + 1}`));
  }

  #duplicate() {
    this.element.hidePopover();
    const copy = readBoard({ ...plain(this.#boards.current), id: '' });
    if (copy) this.#boards.add({ ...copy, name: `${copy.name} (copy)` });
  }

  async #copyLink() {
    this.element.hidePopover();
    try {
      await navigator.clipboard.writeText(this.#boards.link);
      this.#say('The link is copied. It shows this board to whoever opens it.');
    } catch {
      this.#say('The link is the address of this page.');
    }
  }

  #save() {
    this.element.hidePopover();
    const board = plain(this.#boards.current);
    const file = `${board.name.replaceAll(/[^\p{L}\p{N}]+/gu, '-')}.board.json`;
    save(file, 'application/json', `${JSON.stringify(board, null, 2)}\n`);
  }

  #load() {
    const input = h('input', { type: 'file', accept: 'application/json,.json' });
    input.addEventListener('change', async () => {
      const text = (await input.files?.[0]?.text()) ?? '';
      this.element.hidePopover();
      const board = parse(text);
      if (board) this.#boards.add(board);
      else this.#say('That file has no board in it.');
    });
    input.click();
  }

  #delete() {
    const board = this.#boards.current;
    this.element.hidePopover();
    this.#boards.remove();
    this.#say(`“${board.name}” is deleted.`);
  }
}

/** @param {string} text */
function parse(text) {
  try {
    return readBoard(JSON.parse(text));
  } catch {
    return null;
  }
}

/** @param {string} text @param {() => void} act */
const action = (text, act) =>
  h('button', { type: 'button', class: 'action', onclick: act }, h('span', {}, text));
