/**
 * A channel that is asked for at the server, and how far that has come.
 *
 * @typedef {object} Held
 * @property {[string, any][] | null} journal What came while a snapshot is loaded.
 * @property {boolean} loaded Whether a snapshot has come.
 * @property {string} cursor Of the last snapshot that was loaded beside the stream.
 * @property {boolean} unknown Whether the server has no such channel.
 * @property {number} failures Of loading it, one after the other.
 * @property {ReturnType<typeof setTimeout> | undefined} retrying
 */

/** @returns {Held} */
export const newHeld = () => ({
  journal: null,
  loaded: false,
  cursor: '',
  unknown: false,
  failures: 0,
  retrying: undefined,
});
