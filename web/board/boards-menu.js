/** The list of boards: show, name, add, share, save and load them. */

import { h } from '../tile/dom.js';
import { newBoard, readBoard, toStored } from './board.js';
import { save } from './csv.js';
import { closeByOpener, togglePopover } from './popover.js';

/**
 * @typedef {import('./boards.js').Boards} Boards
 * @typedef {import('./shared-boards.js').SharedBoards} SharedBoards
 *
 * @typedef {object} MenuActions
 * @property {(text: string, ...more: Node[]) => void} tell
 * @property {() => void} savePicture
 * @property {() => void} editPlaylist
 * @property {() => void} showHistory
 */

export class BoardsMenu {
  /** @param {Boards} boards @param {SharedBoards} shared @param {HTMLElement} opener @param {MenuActions} actions */
  constructor(boards, shared, opener, actions) {
    this.#boards = boards;
    this.#shared = shared;
    this.#actions = actions;
    this.element = h('div', {
      class: 'menu boards-menu',
      popover: 'auto',
      role: 'dialog',
      'aria-label': 'Boards',
    });
    opener.setAttribute('aria-expanded', 'false');
    closeByOpener(this.element, '#boards');
    opener.addEventListener('click', () => {
      this.#fill();
      if (togglePopover(this.element, opener, { start: true })) void this.#shared.refresh();
    });
    shared.addEventListener('list', () => {
      if (this.element.matches(':popover-open')) this.#fillList();
    });
  }

  #boards;
  #shared;
  #actions;
  #list = h('ul');

  #fill() {
    const { current } = this.#boards;
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
    const shared = current.shared !== undefined;
    this.#fillList();
    this.element.replaceChildren(
      h('label', { class: 'naming' }, h('span', {}, 'Name'), name),
      this.#list,
      h(
        'div',
        { class: 'actions' },
        this.#action('New board', () => this.#add()),
        this.#action('Duplicate', () => this.#duplicate()),
        this.#action('On the wall…', () => this.#actions.editPlaylist()),
      ),
      h(
        'div',
        { class: 'actions' },
        this.#action('Copy link', () => void this.#copyLink()),
        ...(shared
          ? [this.#action('Earlier versions…', () => this.#actions.showHistory())]
          : [this.#action('Share with the team', () => void this.#shared.publish())]),
        this.#action('Save as picture', () => this.#actions.savePicture()),
        this.#action('Print…', () => print()),
        this.#action('Save as file', () => this.#save()),
        this.#action('Load a file…', () => this.#load()),
      ),
      h(
        'div',
        { class: 'actions danger' },
        this.#action(shared ? 'Delete for all' : 'Delete this board', () => void this.#delete()),
      ),
    );
  }

  #fillList() {
    const { all, current } = this.#boards;
    const mine = all.map((board) => {
      const count = `${board.tiles.length} ${board.tiles.length === 1 ? 'tile' : 'tiles'}`;
      const row = this.#action(board.name, () => this.#boards.show(board.id));
      row.append(h('span', { class: 'code' }, board.shared ? `shared · ${count}` : count));
      if (board === current) row.setAttribute('aria-current', 'true');
      return h('li', {}, row);
    });
    const others = this.#shared.list.filter(
      ({ slug }) => !all.some((board) => board.shared?.slug === slug),
    );
    const theirs = others.map(({ slug, name }) => {
      const row = this.#action(name, () => void this.#shared.show(slug));
      row.append(h('span', { class: 'code' }, 'shared'));
      return h('li', {}, row);
    });
    this.#list.replaceChildren(...mine, ...theirs);
  }

  /** @param {string} text @param {() => void} act */
  #action(text, act) {
    const run = () => {
      this.element.hidePopover();
      act();
    };
    return h('button', { type: 'button', class: 'action', onclick: run }, h('span', {}, text));
  }

  #add() {
    this.#boards.add(newBoard(`Board ${this.#boards.all.length + 1}`));
  }

  #duplicate() {
    const copy = readBoard({ ...toStored(this.#boards.current), id: '', shared: undefined });
    if (copy) this.#boards.add({ ...copy, name: `${copy.name} (copy)` });
  }

  async #copyLink() {
    try {
      await navigator.clipboard.writeText(this.#boards.link);
      this.#actions.tell('The link is copied. It shows this board to whoever opens it.');
    } catch {
      this.#actions.tell('The link is the address of this page.');
    }
  }

  #save() {
    const { shared: _, ...board } = toStored(this.#boards.current);
    const file = `${board.name.replaceAll(/[^\p{L}\p{N}]+/gu, '-')}.board.json`;
    save(file, 'application/json', `${JSON.stringify(board, null, 2)}\n`);
  }

  #load() {
    const input = h('input', { type: 'file', accept: 'application/json,.json' });
    input.addEventListener('change', async () => {
      const board = parse((await input.files?.[0]?.text()) ?? '');
      if (!board) {
        this.#actions.tell('That file has no board in it.');
        return;
      }
      const named = this.#boards.all.filter(({ name }) => name === board.name).length;
      this.#boards.add(named > 0 ? { ...board, name: `${board.name} (${named + 1})` } : board);
      this.#actions.tell(`“${this.#boards.current.name}” is loaded.`);
    });
    input.click();
  }

  async #delete() {
    const { name, shared } = this.#boards.current;
    const undoAtServer = shared ? await this.#shared.remove() : () => {};
    if (!undoAtServer) return;
    const putBack = this.#boards.remove();
    const undo = () => {
      putBack();
      undoAtServer();
      this.#actions.tell(`“${name}” is back.`);
    };
    const button = h('button', { type: 'button', onclick: undo }, 'Undo');
    this.#actions.tell(`“${name}” is deleted.`, button);
  }
}

/** @param {string} text */
function parse(text) {
  try {
    const board = readBoard(JSON.parse(text));
    if (board) delete board.shared;
    return board;
  } catch {
    return null;
  }
}
