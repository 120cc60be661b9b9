/** How long to wait before the next attempt: longer each time, and never all clients at once. */

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/**
 * @param {number} attempt 0 for the first.
 * @param {() => number} [random] Between 0 and 1.
 * @returns {number} Milliseconds: between half and all of a time that doubles up to a bound.
 */
export function backoffMs(attempt, random = Math.random) {
  const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return most * (0.5 + 0.5 * random());
}
