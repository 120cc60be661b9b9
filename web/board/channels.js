/** Which channels a board needs. */

import { matching } from '../stream/pattern.js';
import { kindOf } from './frame.js';

/**
 * @param {import('./board.js').Board} board
 * @param {import('../stream/catalogue.js').Kpi[]} kpis
 * @returns {Map<string, number>} How many buckets of each.
 */
export function channelsOf(board, kpis) {
  /** @type {Map<string, number>} */
  const channels = new Map();
  for (const tile of board.tiles) {
    const kind = kindOf(tile);
    if (kind === 'text') continue;
    const codes =
      kind === 'group'
        ? matching(kpis, tile.code).map(({ code }) => code)
        : [tile.code, ...tile.more];
    for (const code of codes) {
      const channel = `${code}:${tile.period}`;
      channels.set(channel, Math.max(tile.depth, channels.get(channel) ?? 0));
    }
  }
  return channels;
}
