/**
 * Who listens to which channel, and the series that they share.
 *
 * @typedef {import('./series.js').Point} Point
 * @typedef {import('./series.js').Health} Health
 *
 * @typedef {'snapshot' | 'value' | 'correction' | 'gap' | 'partial' | 'status' | 'reset'
 *   | 'unknown'} Kind `unknown`: the server has no such KPI (any more).
 *
 * @typedef {object} Update What a listener is told; `series` already has the change in it.
 * @property {string} channel
 * @property {Kind} kind
 * @property {Series} series
 * @property {Point} [point] Of a value, correction, gap or partial.
 *
 * @typedef {(update: Update) => void} Listener
 *
 * @typedef {object} Entry
 * @property {Series} series
 * @property {Set<Listener>} listeners
 * @property {boolean} unknown
 * @property {ReturnType<typeof setTimeout> | undefined} leaving
 */

import { Series } from './series.js';

/** @param {number} limit @returns {Entry} */
export const newEntry = (limit) => ({
  series: new Series(limit),
  listeners: new Set(),
  unknown: false,
  leaving: undefined,
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
