/**
 * The wall: the board alone, filling the screen, which stays awake; with several boards, each in
 * its turn. `?wall` in the address begins with it, `?wall=60` shows each board for a minute.
 */

const ROTATE_SECONDS = 30;
const POINTER_MS = 2_500;

export class Wall {
  /**
   * @param {import('./grid.js').Grid} grid
   * @param {import('./boards.js').Boards} boards
   */
  constructor(grid, boards) {
    this.#grid = grid;
    this.#boards = boards;
    const given = new URLSearchParams(location.search).get('wall');
    this.#seconds = Math.max(5, Number(given) || ROTATE_SECONDS);
    document.addEventListener('fullscreenchange', () => {
      if (!document.fullscreenElement) this.leave();
    });
    document.addEventListener('visibilitychange', () => void this.#stayAwake());
    addEventListener('pointermove', () => this.#showPointer());
    addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.leave();
    });
    if (given !== null) this.enter();
  }

  #grid;
  #boards;
  #seconds;
  #on = false;
  /** @type {WakeLockSentinel | null} */
  #awake = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #rotating;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #hiding;

  enter() {
    if (this.#on) return;
    this.#on = true;
    document.documentElement.classList.add('wall');
    this.#grid.fill(true);
    // Refused without a gesture; the wall fills the window then.
    document.documentElement.requestFullscreen?.().catch(() => {});
    void this.#stayAwake();
    this.#showPointer();
    this.#rotating = setInterval(() => this.#boards.showNext(), this.#seconds * 1_000);
  }

  leave() {
    if (!this.#on) return;
    this.#on = false;
    clearInterval(this.#rotating);
    clearTimeout(this.#hiding);
    document.documentElement.classList.remove('wall', 'still');
    this.#grid.fill(false);
    if (document.fullscreenElement) void document.exitFullscreen();
    void this.#awake?.release();
    this.#awake = null;
  }

  /** Keep the screen from dimming; the browser lets go of it whenever the page is hidden. */
  async #stayAwake() {
    if (!this.#on || document.hidden) return;
    try {
      this.#awake = await navigator.wakeLock.request('screen');
    } catch {
      // Not over plain HTTP from another machine, and not on low battery.
    }
  }

  #showPointer() {
    if (!this.#on) return;
    clearTimeout(this.#hiding);
    document.documentElement.classList.remove('still');
    this.#hiding = setTimeout(() => document.documentElement.classList.add('still'), POINTER_MS);
  }
}
