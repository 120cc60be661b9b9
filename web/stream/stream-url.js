/**
 * The address of a stream, short enough for proxies.
 *
 * Proxies refuse a request line above 4 or 8 KB, and an EventSource cannot say why it was refused.
 * So channels are spread over several streams, each with room for its channels and for the cursor
 * that resumes them. An EventSource rather than `fetch`, which could send a cursor as a header: it
 * needs no preflight on other people's pages, and the browser resumes it by itself.
 */

/** What no usual proxy refuses; filled only where there are more streams than a browser opens. */
export const MOST_URL_BYTES = 7_800;
/** What the most careful proxies take. */
export const CAREFUL_URL_BYTES = 4_000;
export const MOST_CHANNELS = 256;
/** A channel's part of a cursor, with what separates it from the next. */
const CURSOR_BYTES = 34;

/** A colon may stand in a query as it is. @param {string} channel */
const parameter = (channel) => `channel=${encodeURIComponent(channel).replaceAll('%3A', ':')}&`;

/** What a channel needs in the address, its cursor included. @param {string} channel */
export const channelBytes = (channel) => parameter(channel).length + CURSOR_BYTES;

/**
 * @param {string} base Where the server is, with a slash at its end.
 * @param {Iterable<string>} channels
 * @param {string} options Further parameters, such as `history=120`.
 * @param {Iterable<string>} cursors The newest first: of two positions of a channel the server takes
 *   the first. One that finds no room is left out, and its channels get a snapshot.
 */
export function streamUrl(base, channels, options, cursors) {
  let url = `${base}stream?`;
  for (const channel of channels) url += parameter(channel);
  url += options;
  for (const cursor of cursors) {
    const more = `&cursor=${encodeURIComponent(cursor)}`;
    if (url.length + more.length <= MOST_URL_BYTES) url += more;
  }
  return url;
}
