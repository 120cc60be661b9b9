/** Loads uPlot, once, when the first chart is shown. */

/** @typedef {typeof import('uplot')} UPlot */

/** @type {Promise<UPlot> | undefined} */
let loading;

/** @returns {Promise<UPlot>} */
export function loadUPlot() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = new URL('../vendor/uPlot.iife.min.js', import.meta.url).href;
    script.onload = () => resolve(/** @type {any} */ (globalThis).uPlot);
    script.onerror = () => {
      loading = undefined;
      reject(new Error('uPlot could not be loaded'));
    };
    document.head.append(script);
  });
  return loading;
}
