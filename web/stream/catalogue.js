/**
 * What the server knows of its KPIs besides their numbers.
 *
 * @typedef {object} Kpi
 * @property {string} code
 * @property {string} name
 * @property {string} unit
 * @property {number | null} decimals
 * @property {'up' | 'down' | null} direction Which way is better.
 * @property {number | null} target
 * @property {boolean} simulated
 *
 * @typedef {object} Catalogue
 * @property {Kpi[]} kpis
 * @property {string} timezone In which a day begins at midnight.
 * @property {number} heartbeat_seconds
 */

const TIMEOUT_MS = 8_000;

/**
 * Get JSON; rejects with an Error that has the HTTP `status` where there was one.
 *
 * @param {string} url
 * @param {(at: number) => void} [date] Told what time it is at the server, where it says so.
 * @returns {Promise<any>}
 */
export async function getJson(url, date) {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
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
export const getCatalogue = (base, date) => getJson(`${base}kpi`, date);

/**
 * What to show of a KPI that the catalogue does not have.
 *
 * @param {string} code
 * @returns {Kpi}
 */
export const unnamed = (code) => ({
  code,
  name: code,
  unit: '',
  decimals: null,
  direction: null,
  target: null,
  simulated: false,
});
