/** The stream of a page: through the SharedWorker where that can be had, else its own. */

import { KpiStream } from '../kpi-stream.js';
import { WorkerTransport } from './worker-transport.js';

/** @typedef {KpiStream} Stream */

/** Where this module came from; its worker streams from there. */
const HOME = new URL('../../', import.meta.url);
/** @type {Map<string, KpiStream>} */
const streams = new Map();

/**
 * Return the stream from a server; the same for all who ask.
 *
 * @param {string | URL} [base]
 * @returns {KpiStream}
 */
export function openStream(base = HOME) {
  const url = new URL(base, document.baseURI);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  const known = streams.get(url.href);
  if (known) return known;
  const stream = canShare(url)
    ? new KpiStream(url, (owner) => new WorkerTransport(owner))
    : new KpiStream(url);
  streams.set(url.href, stream);
  return stream;
}

/** A worker must come from the page's own origin, and streams from where it came. @param {URL} base */
function canShare(base) {
  return (
    typeof SharedWorker === 'function' && HOME.origin === location.origin && base.href === HOME.href
  );
}
