/**
 * The colours that a canvas draws with: what the variables of a tile are at present.
 *
 * @typedef {Record<'ink' | 'muted' | 'surface' | 'hairline' | 'line' | 'band' | 'warn'
 *   | 'second' | 'third' | 'fourth', string>} Palette
 */

/** @type {(keyof Palette)[]} */
const NAMES = [
  'ink',
  'muted',
  'surface',
  'hairline',
  'line',
  'band',
  'warn',
  'second',
  'third',
  'fourth',
];

/** Asks the browser once for all of them. @param {HTMLElement} within @returns {Palette} */
export function palette(within) {
  const probes = NAMES.map((name) => {
    const probe = document.createElement('i');
    probe.style.color = `var(--${name})`;
    return probe;
  });
  const box = document.createElement('span');
  box.hidden = true;
  box.append(...probes);
  within.append(box);
  const found = probes.map((probe) => getComputedStyle(probe).color);
  box.remove();
  return /** @type {Palette} */ (Object.fromEntries(NAMES.map((name, at) => [name, found[at]])));
}
