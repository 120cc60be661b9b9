/**
 * Who listens to which channel, and the series that they share.
 *
 * @typedef {import('./series.js').Point} Point
 *
 * @typedef {object} Update What a listener is told; `series` already has the change in it.
 * @property {string} channel
 * @property {'snapshot' | 'value' | 'correction' | 'gap' | 'status' | 'reset' | 'unknown'} kind
 *   `unknown`: the server has no such KPI (any more).
 * @property {Series} series
 * @property {Point} [point] Of a value, correction or gap.
 *
 * @typedef {(update: Update) => void} Listener
 *
 * @typedef {object} Entry
 * @property {Series} series
 * @property {Set<Listener>} listeners
 * @property {boolean} unknown
 */

import { Series } from './series.js';

/** @returns {Entry} @param {number} limit */
export const newEntry = (limit) => ({
  series: new Series(limit),
  listeners: new Set(),
  unknown: false,
});

/**
 * Tell a channel's listeners; one that throws keeps none of the others from hearing it.
 *
 * @param {Entry} entry
 * @param {Update} update
 */
export function tell(entry, update) {
  for (const listener of entry.listeners) {
    try {
      listener(update);
    } catch (error) {
      reportError(error);
    }
  }
}
