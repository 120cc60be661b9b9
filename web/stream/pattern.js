/** Names of several KPIs at once: `plant1.*` is all whose code begins with `plant1.`. */

/** @typedef {import('./catalogue.js').Kpi} Kpi */

/** A tile of more would say nothing, and need more channels than one stream carries. */
export const MOST_MATCHED = 200;

/**
 * The KPIs whose code is like a pattern, in which `*` stands for any letters.
 *
 * @param {Kpi[]} kpis
 * @param {string} pattern
 */
export function matching(kpis, pattern) {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.-]/g, '\\$&'));
  const like = new RegExp(`^${parts.join('.*')}$`);
  return kpis.filter(({ code }) => like.test(code)).slice(0, MOST_MATCHED);
}
