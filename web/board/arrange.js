/** Moving and resizing tiles, with the pointer and with the keyboard. */

import { MAX_HEIGHT, MAX_WIDTH } from './board.js';

/**
 * @typedef {import('./frame.js').Frame} Frame
 * @typedef {import('./grid.js').Grid} Grid
 * @typedef {import('./boards.js').Boards} Boards
 */

const DRAG_FROM_PX = 6;
const ARROWS = { ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowDown: [0, 1] };

export class Arranger {
  /**
   * @param {Grid} grid
   * @param {Boards} boards
   * @param {{ say: (text: string) => void, remove: (frame: Frame) => void }} told
   */
  constructor(grid, boards, told) {
    this.#grid = grid;
    this.#boards = boards;
    this.#told = told;
    grid.element.addEventListener('pointerdown', (event) => this.#press(event));
    grid.element.addEventListener('keydown', (event) => this.#key(event));
  }

  #grid;
  #boards;
  #told;

  /** @param {PointerEvent} event */
  #press(event) {
    const path = event.composedPath();
    const cell = path.find((each) => each instanceof HTMLElement && each.matches('.cell'));
    const frame = this.#grid.frame(/** @type {HTMLElement} */ (cell)?.dataset.key ?? '');
    if (!frame || event.button !== 0 || this.#grid.filled) return;
    if (path.includes(frame.corner)) this.#resize(frame, event);
    else if (path.includes(frame.grip)) this.#drag(frame, event);
    else if (event.pointerType === 'mouse' && isHeader(path)) this.#drag(frame, event);
  }

  /**
   * Follow the pointer until it is let go.
   *
   * @param {(event: PointerEvent) => void} move
   * @param {(kept: boolean) => void} end
   */
  #follow(move, end) {
    const stop = new AbortController();
    const { signal } = stop;
    /** @param {boolean} kept */
    const finish = (kept) => {
      stop.abort();
      end(kept);
    };
    addEventListener('pointermove', move, { signal });
    addEventListener('pointerup', () => finish(true), { signal });
    addEventListener('pointercancel', () => finish(false), { signal });
    addEventListener('blur', () => finish(false), { signal });
    addEventListener(
      'keydown',
      (event) => {
        if (event.key === 'Escape') finish(false);
      },
      { signal },
    );
  }

  /** @param {Frame} frame @param {PointerEvent} start */
  #drag(frame, start) {
    const { element } = frame;
    const order = [...this.#grid.frames];
    const grabbed = element.getBoundingClientRect();
    let dragging = false;
    this.#follow(
      (event) => {
        const [x, y] = [event.clientX - start.clientX, event.clientY - start.clientY];
        if (!dragging && Math.hypot(x, y) < DRAG_FROM_PX) return;
        if (!dragging) {
          dragging = true;
          element.classList.add('dragged');
          document.documentElement.classList.add('dragging');
          getSelection()?.removeAllRanges();
        }
        this.#makeWay(frame, order, event);
        element.style.transform = '';
        const home = element.getBoundingClientRect();
        element.style.transform = `translate(${grabbed.x + x - home.x}px, ${grabbed.y + y - home.y}px)`;
      },
      (kept) => {
        if (!dragging) return;
        const before = this.#grid.positions();
        element.classList.remove('dragged');
        document.documentElement.classList.remove('dragging');
        element.style.transform = '';
        for (const each of order) each.element.style.order = '';
        if (kept) this.#reorder(order.map(({ tile }) => tile));
        this.#grid.glideFrom(before);
      },
    );
  }

  /** Put the dragged tile where the pointer is. @param {Frame} frame @param {Frame[]} order @param {PointerEvent} event */
  #makeWay(frame, order, { clientX, clientY }) {
    const over = order.findIndex(({ element }) => {
      // One that still glides to its place is not where it is seen.
      if (element === frame.element || element.getAnimations().length > 0) return false;
      const { left, right, top, bottom } = element.getBoundingClientRect();
      return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
    });
    const from = order.indexOf(frame);
    if (over < 0 || over === from) return;
    const before = this.#grid.positions();
    order.splice(from, 1);
    order.splice(over, 0, frame);
    for (const [index, each] of order.entries()) each.element.style.order = String(index);
    this.#grid.glideFrom(before);
  }

  /** @param {import('./board.js').Tile[]} tiles */
  #reorder(tiles) {
    this.#boards.edit((board) => {
      board.tiles = tiles;
    });
  }

  /** @param {Frame} frame @param {PointerEvent} start */
  #resize(frame, start) {
    start.preventDefault();
    const { tile, element } = frame;
    const [width, height] = [tile.width, tile.height];
    const box = element.getBoundingClientRect();
    const shown = Math.min(width, this.#grid.columns);
    const gap = Number.parseFloat(getComputedStyle(this.#grid.element).columnGap) || 0;
    const column = (box.width + gap) / shown;
    const row = (box.height + gap) / height;
    element.classList.add('resized');
    this.#follow(
      ({ clientX, clientY }) => {
        const wide = bound(
          (clientX - box.left + gap) / column,
          Math.min(MAX_WIDTH, this.#grid.columns),
        );
        const high = bound((clientY - box.top + gap) / row, MAX_HEIGHT);
        if (wide === tile.width && high === tile.height) return;
        const before = this.#grid.positions();
        [tile.width, tile.height] = [wide, high];
        frame.fit(this.#grid.columns);
        this.#grid.glideFrom(before);
      },
      (kept) => {
        element.classList.remove('resized');
        if (!kept) [tile.width, tile.height] = [width, height];
        this.#boards.edit(() => {});
      },
    );
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const grip = /** @type {Element} */ (event.target);
    const key = grip.closest('.cell')?.getAttribute('data-key') ?? '';
    const frame = this.#grid.frame(key);
    if (!frame || frame.grip !== grip.closest('.grip')) return;
    const by = ARROWS[/** @type {keyof typeof ARROWS} */ (event.key)];
    if (event.key === 'Delete' || event.key === 'Backspace') this.#told.remove(frame);
    else if (!by) return;
    else if (event.shiftKey) this.#grow(frame, by);
    else this.#move(frame, (by[0] ?? 0) + (by[1] ?? 0));
    event.preventDefault();
  }

  /** @param {Frame} frame @param {number[]} by */
  #grow({ tile, name }, by) {
    this.#boards.edit(() => {
      tile.width = bound(tile.width + (by[0] ?? 0), MAX_WIDTH);
      tile.height = bound(tile.height + (by[1] ?? 0), MAX_HEIGHT);
    });
    this.#told.say(`${name}: ${tile.width} wide, ${tile.height} high`);
  }

  /** @param {Frame} frame @param {number} by */
  #move(frame, by) {
    const tiles = [...this.#boards.current.tiles];
    const from = tiles.indexOf(frame.tile);
    const to = from + by;
    if (to < 0 || to >= tiles.length) return;
    tiles.splice(from, 1);
    tiles.splice(to, 0, frame.tile);
    this.#reorder(tiles);
    frame.grip.focus();
    this.#told.say(`${frame.name}: place ${to + 1} of ${tiles.length}`);
  }
}

/** @param {EventTarget[]} path */
function isHeader(path) {
  const elements = path.filter((each) => each instanceof HTMLElement);
  const header = elements.findIndex((each) => each.localName === 'header');
  return header >= 0 && !elements.some((each) => each.localName === 'button');
}

/** @param {number} value @param {number} most */
const bound = (value, most) => Math.max(1, Math.min(most, Math.round(value)));
