/**
 * Tickets for servers that ask who is there, on the pages of other sites, where no cookie counts.
 *
 * A ticket is used once. So whoever runs the page says how to get one (its own server asks for it
 * by `POST /ticket`), and is asked before each request: for the catalogue, for a snapshot, and each
 * time that a stream is opened.
 *
 *     import { useTickets } from 'https://host/web/kpi-tile.js';
 *
 *     useTickets(async () => (await fetch('/my/kpi-ticket', { method: 'POST' })).text());
 *
 * @typedef {() => string | Promise<string>} GetTicket
 */

const TIMEOUT_MS = 8_000;

/** By the folder that the server is in. @type {Map<string, GetTicket>} */
const sources = new Map();

/**
 * Have every request to a server bring a ticket.
 *
 * @param {GetTicket} getTicket Asked each time; where it fails the request is tried again later.
 * @param {string | URL} [base] Where the server is; default: where this module came from.
 */
export function useTickets(getTicket, base = new URL('../../', import.meta.url)) {
  const folder = new URL(base, globalThis.location?.href);
  folder.search = folder.hash = '';
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  sources.set(folder.href, getTicket);
}

/** Whether requests to an address bring tickets. @param {string} url */
export const usesTickets = (url) => source(url) !== undefined;

/**
 * A new ticket as a parameter of an address; empty where none are used.
 *
 * @param {string} url
 * @returns {Promise<string>}
 */
export async function ticketFor(url) {
  // A page's module says where tickets come from right after it has imported this one.
  await null;
  const getTicket = source(url);
  return getTicket ? `ticket=${encodeURIComponent(await withinTime(getTicket))}` : '';
}

/** The address with a ticket, where tickets are used. @param {string} url @returns {Promise<string>} */
export async function withTicket(url) {
  const ticket = await ticketFor(url);
  return ticket ? `${url}${url.includes('?') ? '&' : '?'}${ticket}` : url;
}

/** @param {string} url */
function source(url) {
  for (const [base, getTicket] of sources) if (url.startsWith(base)) return getTicket;
  return undefined;
}

/** @param {GetTicket} getTicket @returns {Promise<string>} */
async function withinTime(getTicket) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no ticket came in time')), TIMEOUT_MS);
  });
  try {
    return String(await Promise.race([getTicket(), late])).trim();
  } finally {
    clearTimeout(timer);
  }
}
