/**
 * What the server knows of its KPIs besides their numbers.
 *
 * @typedef {'minute' | '5min' | '15min' | 'hour' | 'day' | 'week' | 'month'} Period
 *
 * @typedef {object} Kpi
 * @property {string} code
 * @property {string} name
 * @property {string} unit
 * @property {number | null} decimals 0 to 20.
 * @property {'up' | 'down' | null} direction Which way is better.
 * @property {number | null} target
 * @property {number | null} warning From where a missed target is bad.
 * @property {number | null} lower Where a gauge begins.
 * @property {number | null} upper Where it ends.
 * @property {string} group
 * @property {string} description
 * @property {boolean} simulated
 *
 * @typedef {object} Catalogue
 * @property {Kpi[]} kpis
 * @property {string} timezone In which a day begins at midnight.
 * @property {number} heartbeat_seconds
 * @property {Period[]} periods That the server has.
 * @property {string} version Of the page that the server has; empty where it does not say.
 */

import { usesTickets, withTicket } from './tickets.js';

export const CODE = /^[A-Za-z0-9_.-]{1,64}$/;
/** @type {Period[]} */
export const PERIODS = ['minute', '5min', '15min', 'hour', 'day', 'week', 'month'];
/** What a server has that does not say it. @type {Period[]} */
const FIRST_PERIODS = ['minute', 'hour', 'day'];
const TIMEOUT_MS = 8_000;
const MOST_DECIMALS = 20;

/** @param {string} channel Written `code:period`. @returns {[code: string, period: string]} */
export function splitChannel(channel) {
  const at = channel.lastIndexOf(':');
  return [channel.slice(0, Math.max(0, at)), channel.slice(at + 1)];
}

/** Whether the server could have such a channel. @param {string} channel */
export function isChannel(channel) {
  const [code, period] = splitChannel(channel);
  return CODE.test(code) && PERIODS.some((each) => each === period);
}

/**
 * Get JSON; rejects with an Error that has the HTTP `status` where there was one.
 *
 * @param {string} url
 * @param {(at: number) => void} [date] Told what time it is at the server, where it says so.
 * @returns {Promise<any>}
 */
export async function getJson(url, date) {
  const response = await fetch(await withTicket(url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) {
    throw Object.assign(new Error(`${url} answers ${response.status}`), {
      status: response.status,
    });
  }
  const said = Date.parse(response.headers.get('date') ?? '');
  if (said) date?.(said);
  return response.json();
}

/**
 * @param {string} base
 * @param {(at: number) => void} [date]
 * @returns {Promise<Catalogue>}
 */
export async function getCatalogue(base, date) {
  const url = `${base}kpi`;
  const said = await getJson(url, date).catch(async (error) => {
    if (error.status !== 401 || usesTickets(url) || !(await renewSession(base))) throw error;
    return getJson(url, date);
  });
  const { timezone, heartbeat_seconds, version = '', periods = FIRST_PERIODS } = said;
  return { kpis: said.kpis.map(readKpi), timezone, heartbeat_seconds, periods, version };
}

/**
 * Ask for a new session when the last one has ended. It is granted where a proxy before the server
 * knows who is there, and passes a fresh token on.
 *
 * @param {string} base
 */
async function renewSession(base) {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return (await fetch(`${base}session`, { method: 'POST', signal })).ok;
}

/**
 * What to show of a KPI that the catalogue does not have.
 *
 * @param {string} code
 * @returns {Kpi}
 */
export const unnamed = (code) => readKpi({ code });

/** Read an entry, whatever somebody's own table may have in it. @param {any} raw @returns {Kpi} */
function readKpi(raw) {
  const direction = raw.direction === 'up' || raw.direction === 'down' ? raw.direction : null;
  const decimals = number(raw.decimals);
  return {
    code: raw.code,
    name: text(raw.name) || raw.code,
    unit: text(raw.unit),
    decimals: decimals === null ? null : Math.min(MOST_DECIMALS, Math.max(0, Math.round(decimals))),
    direction,
    target: number(raw.target),
    warning: number(raw.warning),
    lower: number(raw.lower),
    upper: number(raw.upper),
    group: text(raw.group),
    description: text(raw.description),
    simulated: raw.simulated === true,
  };
}

/** @param {unknown} value */
const number = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null);

/** @param {unknown} value */
const text = (value) => (typeof value === 'string' ? value : '');
