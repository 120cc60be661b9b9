/**
 * Draws what has changed once a frame, however many events came, and only what can be seen. One that
 * throws keeps none of the others from being drawn.
 *
 * @typedef {object} Painted
 * @property {() => void} paint
 * @property {(now: number) => void} tick Called every second while it can be seen.
 * @property {() => void} [failed] It has thrown.
 */

const still = globalThis.matchMedia?.('(prefers-reduced-motion: reduce)');
/** @type {Set<Painted>} */
const dirty = new Set();
/** @type {Set<Painted>} */
const seen = new Set();
/** @type {ReturnType<typeof setInterval> | undefined} */
let ticking;

/** @param {Painted} painted */
export function requestPaint(painted) {
  if (dirty.size === 0) requestAnimationFrame(paintAll);
  dirty.add(painted);
}

/**
 * Draw at once what has come into sight: a frame later it would be seen empty.
 *
 * @param {Painted} painted
 */
export function paintAtOnce(painted) {
  attempt(painted, () => painted.paint());
}

/** More than this many tiles changing at once need no help to be noticed. */
const CROWD = 24;
let crowded = false;

/** Whether what is drawn at present may move: a few things may, a whole wall at once not. */
export const mayMove = () => !crowded && !still?.matches;

function paintAll() {
  const now = [...dirty];
  dirty.clear();
  crowded = now.length > CROWD;
  for (const painted of now) attempt(painted, () => painted.paint());
}

/** @param {Painted} painted @param {() => void} act */
function attempt(painted, act) {
  try {
    act();
  } catch (error) {
    reportError(error);
    painted.failed?.();
  }
}

/**
 * Let it tick while it can be seen.
 *
 * @param {Painted} painted
 * @param {boolean} visible
 */
export function setVisible(painted, visible) {
  if (visible) seen.add(painted);
  else seen.delete(painted);
  if (seen.size > 0) {
    ticking ??= setInterval(() => {
      for (const each of seen) attempt(each, () => each.tick(Date.now()));
    }, 1_000);
  } else {
    clearInterval(ticking);
    ticking = undefined;
  }
}
