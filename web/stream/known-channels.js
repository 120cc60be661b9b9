/** Which channels the server has, by what its catalogue says. */

import { isChannel, PERIODS, splitChannel } from './catalogue.js';

export class KnownChannels {
  /** @type {import('./catalogue.js').Catalogue | null} */
  #catalogue = null;
  /** @type {Set<string>} */
  #codes = new Set();

  /** @param {import('./catalogue.js').Catalogue} catalogue */
  learn(catalogue) {
    this.#catalogue = catalogue;
    this.#codes = new Set(catalogue.kpis.map(({ code }) => code));
  }

  /** Whether the server has a channel; until it has said what it has, whether it might. @param {string} channel */
  has(channel) {
    if (!isChannel(channel)) return false;
    const [code, period] = splitChannel(channel);
    const { periods = PERIODS } = this.#catalogue ?? {};
    return (!this.#catalogue || this.#codes.has(code)) && periods.some((each) => each === period);
  }
}
