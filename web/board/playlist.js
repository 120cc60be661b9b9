/**
 * Which boards a wall shows, in which order, for how long: `?wall=60&boards=k3f9,x7a2:20` shows the
 * first for a minute and the second for 20 s. Without `boards` it is what was chosen here last, else
 * all of them.
 *
 * @typedef {import('./board.js').Board} Board
 * @typedef {{ id: string, seconds: number }} Chosen
 * @typedef {{ board: Board, seconds: number }} Turn
 */

export const TURN_SECONDS = 30;
const LEAST_SECONDS = 5;
const MOST_SECONDS = 86_400;

/**
 * @param {Board[]} boards
 * @param {URLSearchParams} address
 * @param {Chosen[]} chosen What was chosen in this browser.
 * @returns {Turn[]}
 */
export function playlist(boards, address, chosen) {
  const wall = Number(address.get('wall'));
  const usual = bounded(wall || TURN_SECONDS);
  const words = (address.get('boards') ?? '').split(',').filter(Boolean);
  /** @type {Chosen[]} */
  const named = words.map((word) => {
    const [id = '', seconds] = word.split(':');
    return { id, seconds: Number(seconds) || usual };
  });
  const list = named.length > 0 ? named : chosen;
  const turns = list.flatMap(({ id, seconds }) => {
    const board = boards.find((each) => each.id === id || each.shared?.slug === id);
    return board ? [{ board, seconds: bounded(seconds) }] : [];
  });
  return turns.length > 0 ? turns : boards.map((board) => ({ board, seconds: usual }));
}

/** @param {number} seconds */
export const bounded = (seconds) =>
  Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, Math.round(seconds) || TURN_SECONDS));
