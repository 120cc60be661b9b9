/**
 * How the numbers come to a KpiStream: from the server itself, or from the worker that all tabs of
 * a browser share.
 *
 * @typedef {import('./catalogue.js').Catalogue} Catalogue
 * @typedef {import('./listeners.js').Kind} Kind
 * @typedef {import('./series.js').Health} Health
 * @typedef {import('./series.js').Point} Point
 * @typedef {import('./status.js').ConnectionStatus} ConnectionStatus
 *
 * @typedef {object} Change What is new of a channel.
 * @property {string} channel
 * @property {Kind} kind
 * @property {Health} [health]
 * @property {Point} [point] Of a value, gap, correction or partial.
 * @property {Point[]} [points] Of a snapshot, oldest first.
 * @property {boolean} [whole] Whether a snapshot reaches back over all that is wanted.
 *
 * @typedef {object} Taken What became of a change.
 * @property {number} added How many buckets are newer than all before.
 * @property {boolean} incomplete Whether only a snapshot of the whole range can tell what is missing.
 *
 * @typedef {object} TransportOwner
 * @property {string} base Where the server is, with a slash at its end.
 * @property {number} heartbeatMs
 * @property {(channel: string) => number} depth How many buckets of a channel are wanted.
 * @property {() => Iterable<string>} channels All that are listened to.
 * @property {(options?: { fresh?: boolean }) => Promise<Catalogue>} catalogue
 * @property {(change: Change) => Taken} take
 * @property {(status: ConnectionStatus) => void} connected
 * @property {(offsetMs: number) => void} clock How far the visitor's clock is behind the database's.
 * @property {(version: string) => void} released The version of the page that the server has.
 * @property {(slug: string, version: number) => void} boardChanged
 * @property {() => void} failed This transport cannot be had here.
 *
 * @typedef {object} Transport
 * @property {(channel: string) => void} subscribe Listen to a channel, or to more of its past.
 * @property {(channel: string) => void} unsubscribe
 * @property {(slugs: string[]) => void} followBoards
 * @property {() => void} retryNow
 * @property {() => void} look See whether the numbers still come.
 * @property {() => void} suspectOffline
 * @property {() => void} close
 *
 * @typedef {(owner: TransportOwner) => Transport} MakeTransport
 */

/** Buckets of a stream's snapshot, and of a series by default; the server has as many in memory. */
export const STREAM_DEPTH = 120;
/** So many buckets does the server give of a channel at most. */
export const MOST_DEPTH = 1_440;
/** How many of them a tile shows where nobody says how many. */
export const TILE_DEPTH = 60;
