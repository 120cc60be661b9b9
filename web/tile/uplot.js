/** Loads uPlot, once, when the first chart is shown; until it comes a tile has its number alone. */

import { backoffMs } from '../stream/backoff.js';

/** @typedef {typeof import('uplot')} UPlot */

/** @type {Promise<UPlot> | undefined} */
let loading;

/** Never rejects: the server may only be away. @returns {Promise<UPlot>} */
export function loadUPlot() {
  loading ??= new Promise((resolve) => load(resolve, 0));
  return loading;
}

/** @param {(uPlot: UPlot) => void} done @param {number} attempt */
function load(done, attempt) {
  const world = /** @type {any} */ (globalThis);
  /** What the page around a tile may use, in another version. @type {unknown} */
  const foreign = world.uPlot;
  const script = document.createElement('script');
  script.src = new URL('../vendor/uPlot.iife.min.js', import.meta.url).href;
  script.onload = () => {
    const ours = world.uPlot;
    if (foreign !== undefined) world.uPlot = foreign;
    done(ours);
  };
  script.onerror = () => {
    script.remove();
    setTimeout(() => load(done, attempt + 1), backoffMs(attempt));
  };
  document.head.append(script);
}
