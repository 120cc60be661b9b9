/** The tiles of the board that is shown, laid out in as many columns as there is room for. */

import { h } from '../tile/dom.js';
import { Frame, kindOf } from './frame.js';
import { layOut, wallColumns } from './layout.js';

/**
 * @typedef {import('./board.js').Board} Board
 * @typedef {import('./board.js').Tile} Tile
 */

/** Letters on the wall are such a share of the screen's shorter side, as its stylesheet says. */
const WALL_LETTERS = 0.019;
const MOVE_MS = 200;
const MOST_MOVED = 60;
const still = matchMedia('(prefers-reduced-motion: reduce)');

export class Grid {
  /** @param {HTMLElement} element @param {import('./boards.js').Boards} boards */
  constructor(element, boards) {
    this.element = element;
    this.#boards = boards;
    this.columns = 1;
    /** Whether all tiles have to fit the screen. */
    this.filled = false;
    new ResizeObserver(() => this.#layOut()).observe(element);
    addEventListener('resize', () => this.#layOut());
  }

  #boards;
  /** @type {Map<string, Frame>} */
  #frames = new Map();

  /** The frames in their order. */
  get frames() {
    return this.#boards.current.tiles.map(
      ({ key }) => /** @type {Frame} */ (this.#frames.get(key)),
    );
  }

  /** @param {string} key */
  frame(key) {
    return this.#frames.get(key);
  }

  /** Show the board as it is now. */
  update() {
    const { tiles } = this.#boards.current;
    const before = this.positions();
    const kept = new Set(tiles.map(({ key }) => key));
    for (const [key, frame] of this.#frames) {
      if (kept.has(key)) continue;
      frame.element.remove();
      this.#frames.delete(key);
    }
    let next = this.element.firstElementChild;
    for (const tile of tiles) {
      let frame = this.#frames.get(tile.key);
      if (frame && frame.kind !== kindOf(tile)) {
        if (frame.element === next) next = next.nextElementSibling;
        frame.element.remove();
        frame = undefined;
      }
      if (!frame) {
        frame = new Frame(tile, this.#boards);
        this.#frames.set(tile.key, frame);
      }
      frame.update(tile);
      if (frame.element === next) next = next.nextElementSibling;
      else this.element.insertBefore(frame.element, next);
    }
    this.#layOut();
    this.glideFrom(before);
  }

  /** @param {boolean} filled */
  fill(filled) {
    this.filled = filled;
    this.element.classList.toggle('filled', filled);
    this.#layOut();
  }

  /** Where the tiles are. @returns {Map<Element, DOMRect>} */
  positions() {
    const few = this.#frames.size <= MOST_MOVED && !still.matches;
    const cells = few ? [...this.#frames.values()].map(({ element }) => element) : [];
    return new Map(cells.map((cell) => [cell, cell.getBoundingClientRect()]));
  }

  /** Let tiles glide from where they were to where they are. @param {Map<Element, DOMRect>} before */
  glideFrom(before) {
    for (const [cell, was] of before) {
      if (!cell.isConnected || cell.classList.contains('dragged')) continue;
      const is = cell.getBoundingClientRect();
      const [x, y] = [was.x - is.x, was.y - is.y];
      if (Math.abs(x) + Math.abs(y) < 1) continue;
      cell.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }], {
        duration: MOVE_MS,
        easing: 'cubic-bezier(0.2, 0, 0, 1)',
      });
    }
  }

  #layOut() {
    const { element } = this;
    const { tiles } = this.#boards.current;
    const root = document.documentElement;
    // All is measured with letters of the usual size: what is found must not change what it is found by.
    root.style.fontSize = '';
    const style = getComputedStyle(element);
    const letters = Number.parseFloat(getComputedStyle(root).fontSize);
    const gap = Number.parseFloat(style.columnGap) || 0;
    // Of the window: a scrollbar that comes and goes must not change the height that it depends on.
    const width = innerWidth - Number.parseFloat(style.paddingInlineStart) * 2;
    if (this.filled) {
      this.columns = wallColumns(tiles, width, element.clientHeight);
    } else {
      const around = this.#around();
      const height = innerHeight - around;
      const mostLetters = Math.max(letters, WALL_LETTERS * Math.min(innerWidth, innerHeight));
      const found = layOut(tiles, { width, height, gap, around, letters, mostLetters });
      this.columns = found.columns;
      element.classList.toggle('fits', found.fits);
      element.style.setProperty('--row', `${found.row}px`);
      if (found.letters > letters) root.style.fontSize = `${found.letters}px`;
    }
    element.style.setProperty('--columns', String(this.columns));
    for (const frame of this.#frames.values()) frame.fit(this.columns);
  }

  /** How much of the window's height is not the grid's. */
  #around() {
    const { paddingBlockStart, paddingBlockEnd } = getComputedStyle(this.element);
    return ['.bar', '.foot'].reduce(
      (sum, name) => sum + (document.querySelector(name)?.clientHeight ?? 0),
      Number.parseFloat(paddingBlockStart) + Number.parseFloat(paddingBlockEnd),
    );
  }
}

/** Said where there is nothing to show. @param {() => void} pick */
export const emptyBoard = (pick) =>
  h(
    'div',
    { class: 'empty' },
    h('h2', {}, 'This board is empty'),
    h(
      'p',
      {},
      'Choose the KPIs that it should show. They update by themselves, as soon as a minute, hour or day is complete.',
    ),
    h('button', { type: 'button', class: 'primary', onclick: pick }, 'Choose KPIs'),
  );
