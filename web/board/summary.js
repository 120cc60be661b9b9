/**
 * What is wrong, in one line: in the bar, in the page's title and in its icon, so that it is seen
 * from another tab too.
 */

import { write } from '../tile/dom.js';

const SETTLE_MS = 200;
const ICONS = {
  good: 'icon.svg',
  warning: 'icon-warning.svg',
  bad: 'icon-bad.svg',
  away: 'icon-away.svg',
};

/**
 * @param {{ bad: number, warning: number, judged: number }} counts
 * @returns {string} Empty where nothing is off target.
 */
export function summaryText({ bad, warning, judged }) {
  if (bad > 0) return `${bad} of ${judged} off target`;
  return warning > 0 ? `${warning} of ${judged} near the limit` : '';
}

export class Summary {
  /**
   * @param {import('./grid.js').Grid} grid
   * @param {import('./boards.js').Boards} boards
   * @param {import('../stream/open.js').Stream} stream
   * @param {import('./status.js').Status} status
   * @param {HTMLElement} place
   */
  constructor(grid, boards, stream, status, place) {
    this.#grid = grid;
    this.#boards = boards;
    this.#stream = stream;
    this.#status = status;
    this.#place = place;
    grid.element.addEventListener('kpi-change', () => this.#updateSoon());
    boards.addEventListener('change', () => this.#updateSoon());
    status.addEventListener('alarm', () => this.#updateSoon());
    this.#updateSoon();
  }

  #grid;
  #boards;
  #stream;
  #status;
  #place;
  #icon = /** @type {HTMLLinkElement} */ (document.querySelector('link[rel="icon"]'));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #waiting;

  #updateSoon() {
    this.#waiting ??= setTimeout(() => {
      this.#waiting = undefined;
      this.#update();
    }, SETTLE_MS);
  }

  #update() {
    const statuses = this.#grid.frames.flatMap(
      (frame) => frame.group?.statuses ?? [frame.kpi?.status ?? null],
    );
    /** @param {string} status */
    const count = (status) => statuses.filter((each) => each === status).length;
    const [bad, warning] = [count('bad'), count('warning')];
    const text = summaryText({ bad, warning, judged: bad + warning + count('good') });
    const { name } = this.#boards.current;
    const away = this.#status.alarmed;
    const offline = this.#stream.connection.state === 'offline' ? 'Offline' : 'Not live';
    const short = bad > 0 ? `${bad} off target` : warning > 0 ? `${warning} near the limit` : '';
    const title = [away ? offline : short, name].filter(Boolean).join(' · ');
    if (document.title !== title) document.title = title;
    write(this.#place, text);
    this.#place.hidden = text === '';
    this.#place.dataset.status = bad > 0 ? 'bad' : 'warning';
    const look = away ? 'away' : bad > 0 ? 'bad' : warning > 0 ? 'warning' : 'good';
    const icon = new URL(`../${ICONS[look]}`, import.meta.url).href;
    if (this.#icon.href !== icon) this.#icon.href = icon;
  }
}
