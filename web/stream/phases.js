/**
 * The states of a connection, and what leads from one to the next.
 *
 * @typedef {'idle' | 'waiting' | 'preparing' | 'opening' | 'live' | 'retrying'} Phase
 *   idle: nothing to listen to. waiting: until the next attempt is due. preparing: asks whether the
 *   server is there. opening: a stream is asked for. live: it speaks. retrying: the browser asks
 *   for it again by itself.
 * @typedef {'changed' | 'emptied' | 'due' | 'prepared' | 'unprepared' | 'greeted' | 'interrupted'
 *   | 'dropped' | 'closed' | 'silent' | 'retry'} Happening
 *   changed: other channels. emptied: none left. due: the wait is over. prepared, unprepared: the
 *   server answers, or not. greeted: the stream has said all that was missed. interrupted: the
 *   browser tries again. dropped: it must not, since the ticket was used. closed: it has given up.
 *   silent: nothing came for two heartbeats. retry: somebody wants it now.
 */

/** Where each happening leads, by phase; what is not named changes nothing. */
export const NEXT = /** @type {Record<Phase, Partial<Record<Happening, Phase>>>} */ ({
  idle: { changed: 'waiting' },
  waiting: { due: 'preparing', retry: 'preparing', changed: 'waiting', emptied: 'idle' },
  preparing: {
    prepared: 'opening',
    unprepared: 'waiting',
    retry: 'preparing',
    changed: 'waiting',
    emptied: 'idle',
  },
  opening: {
    greeted: 'live',
    interrupted: 'retrying',
    dropped: 'waiting',
    closed: 'waiting',
    silent: 'preparing',
    retry: 'preparing',
    changed: 'waiting',
    emptied: 'idle',
  },
  live: {
    interrupted: 'retrying',
    dropped: 'waiting',
    closed: 'waiting',
    silent: 'preparing',
    changed: 'waiting',
    emptied: 'idle',
  },
  retrying: {
    greeted: 'live',
    closed: 'waiting',
    silent: 'preparing',
    retry: 'preparing',
    changed: 'waiting',
    emptied: 'idle',
  },
});

/** After these nobody knows whether the numbers are live. @type {Set<Happening>} */
export const LOSSES = new Set(['unprepared', 'interrupted', 'dropped', 'closed', 'silent']);
