/** The stream of a page: through the SharedWorker where there is one, else its own. */

import { KpiStream } from '../kpi-stream.js';
import { SharedStream } from './shared.js';

/** @typedef {KpiStream | SharedStream} Stream */

/** @type {Map<string, Stream>} */
const streams = new Map();

/**
 * Return the stream from a server; the same for all who ask.
 *
 * @param {string | URL} [base]
 * @returns {Stream}
 */
export function openStream(base = new URL('../../', import.meta.url)) {
  const url = new URL(base, document.baseURI);
  const known = streams.get(url.href);
  if (known) return known;
  const stream = canShare(url) ? new SharedStream(url.href) : new KpiStream(url);
  streams.set(url.href, stream);
  return stream;
}

/** A worker must come from the page's own origin. @param {URL} base */
function canShare(base) {
  return typeof SharedWorker === 'function' && base.origin === location.origin;
}
