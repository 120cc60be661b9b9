/** The tiles of the board that is shown, laid out in as many columns as there is room for. */

import { h } from '../tile/dom.js';
import { Frame, kindOf } from './frame.js';
import { rowsOf } from './packing.js';

/**
 * @typedef {import('./board.js').Board} Board
 * @typedef {import('./board.js').Tile} Tile
 */

/** From how many rem on there are so many columns; even numbers leave fewer holes. */
const COLUMNS = [
  { from: 180, columns: 8 },
  { from: 130, columns: 6 },
  { from: 72, columns: 4 },
  { from: 54, columns: 3 },
  { from: 34, columns: 2 },
  { from: 0, columns: 1 },
];
const LEAST_ROW_REM = 12;
const MOST_ROW_REM = 17;
/** What a tile looks best at: so much wider than high. */
const BEST_SHAPE = 1.55;
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
    const style = getComputedStyle(element);
    const gap = Number.parseFloat(style.columnGap) || 0;
    // Of the window: a scrollbar that comes and goes must not change the height that it depends on.
    const width = innerWidth - Number.parseFloat(style.paddingInlineStart) * 2;
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.columns = this.filled
      ? this.#bestColumns(width, element.clientHeight)
      : (COLUMNS.find(({ from }) => width / rem >= from)?.columns ?? 1);
    const column = (width - gap * (this.columns - 1)) / this.columns / rem;
    const row = Math.min(MOST_ROW_REM, Math.max(LEAST_ROW_REM, column / BEST_SHAPE));
    element.style.setProperty('--row', `${row}rem`);
    element.style.setProperty('--quarter', `calc((var(--row) - 3 * ${gap}px) / 4)`);
    element.style.setProperty('--columns', String(this.columns));
    for (const frame of this.#frames.values()) frame.fit(this.columns);
  }

  /** So many columns that tiles filling a screen are large and well shaped. @param {number} width @param {number} height */
  #bestColumns(width, height) {
    const { tiles } = this.#boards.current;
    const sized = tiles.filter(({ view }) => view !== 'heading');
    const widest = Math.max(1, ...sized.map((tile) => tile.width));
    const most = sized.reduce((sum, tile) => sum + tile.width, 0);
    const area = sized.reduce((sum, tile) => sum + tile.width * tile.height, 0);
    let best = widest;
    let largest = 0;
    for (let columns = widest; columns <= Math.max(widest, most); columns += 1) {
      const rows = rowsOf(tiles, columns);
      const size = Math.min(width / columns / BEST_SHAPE, height / rows);
      // Of two that make tiles about as large, the one that leaves less of the screen empty.
      const worth = (size * area) / (rows * columns);
      if (worth > largest) [best, largest] = [columns, worth];
    }
    return best;
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
