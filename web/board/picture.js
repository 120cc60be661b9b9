/**
 * A tile or a board as a PNG: what is on the screen, drawn by the browser itself from an SVG that
 * holds the elements, their style and the charts as pictures.
 */

import { h } from '../tile/dom.js';
import { tileStyle } from '../tile/tile-style.js';

/** @typedef {import('./frame.js').Frame} Frame */

const XHTML = 'http://www.w3.org/1999/xhtml';
const SVG = 'http://www.w3.org/2000/svg';
/** A picture is to be shown on larger screens too. */
const SCALE = 2;
const MARGIN_PX = 16;
const TITLE_PX = 44;
/** Characters that a name may have and XML must not (XML 1.0, 2.2), halves of a pair included. */
const NOT_IN_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** @param {Frame} frame @returns {Promise<Blob>} */
export function tilePicture(frame) {
  const box = frame.content.getBoundingClientRect();
  return draw([{ frame, x: 0, y: 0 }], box.width, box.height, null);
}

/**
 * All tiles of a board, where they are, under its name.
 *
 * @param {import('./grid.js').Grid} grid
 * @param {string} title
 * @returns {Promise<Blob>}
 */
export function boardPicture(grid, title) {
  const whole = grid.element.getBoundingClientRect();
  const placed = grid.frames.map((frame) => {
    const { x, y } = frame.content.getBoundingClientRect();
    return { frame, x: x - whole.x + MARGIN_PX, y: y - whole.y + TITLE_PX };
  });
  const height = grid.element.scrollHeight + TITLE_PX + MARGIN_PX;
  return draw(placed, whole.width + 2 * MARGIN_PX, height, title);
}

/**
 * @param {{ frame: Frame, x: number, y: number }[]} placed
 * @param {number} width
 * @param {number} height
 * @param {string | null} title
 */
async function draw(placed, width, height, title) {
  const page = h('div', { class: 'page', xmlns: XHTML });
  page.style.cssText = `width:${width}px;height:${height}px`;
  const root = getComputedStyle(document.documentElement);
  const style = h('style');
  style.textContent = `${styles()}
    .page { position: relative; color-scheme: ${scheme()}; font-size: ${root.fontSize};
      background: ${title === null ? 'none' : 'var(--paper)'}; }
    .page > h1 { margin: 0; padding: 10px ${MARGIN_PX}px; font: 600 18px/1.3 ${root.fontFamily};
      color: var(--ink); }
    .host { position: absolute; }
    .words { color: var(--ink); font: 500 16px/1.4 ${root.fontFamily}; white-space: pre-line; }`;
  page.append(style);
  if (title !== null) page.append(h('h1', {}, title));
  for (const { frame, x, y } of placed) page.append(copyOf(frame, x, y));
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('xmlns', SVG);
  svg.setAttribute('width', String(width * SCALE));
  svg.setAttribute('height', String(height * SCALE));
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const inside = document.createElementNS(SVG, 'foreignObject');
  inside.setAttribute('width', '100%');
  inside.setAttribute('height', '100%');
  inside.append(page);
  svg.append(inside);
  const text = new XMLSerializer().serializeToString(svg).replaceAll(NOT_IN_XML, '');
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  canvas.getContext('2d')?.drawImage(image, 0, 0);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/png'),
  );
}

/** What is seen of a tile, without what one can press. @param {Frame} frame @param {number} x @param {number} y */
function copyOf(frame, x, y) {
  const { width, height } = frame.content.getBoundingClientRect();
  const host = h('div', { class: 'host' });
  host.style.cssText = `left:${x}px;top:${y}px;width:${width}px;height:${height}px`;
  const shown = frame.content.shadowRoot?.querySelector('.tile');
  if (!shown) {
    host.append(h('div', { class: 'words' }, frame.tile.title));
    return host;
  }
  const copy = /** @type {HTMLElement} */ (shown.cloneNode(true));
  const [drawn, copies] = [shown, copy].map((each) => each.querySelectorAll('canvas'));
  for (const [at, canvas] of [...(copies ?? [])].entries()) {
    const picture = h('img', { src: drawn?.[at]?.toDataURL() ?? '' });
    picture.style.cssText = 'display:block;width:100%;height:100%';
    canvas.replaceWith(picture);
  }
  for (const each of copy.querySelectorAll('.tip, .back, slot[name="controls"]')) each.remove();
  const period = frame.element.querySelector('.periods :checked + span')?.textContent ?? '';
  copy.querySelector('slot[name="periods"]')?.replaceWith(h('span', {}, period));
  host.append(copy);
  return host;
}

/** The tiles' style, for elements that are in no shadow. */
const styles = () =>
  [...tileStyle.cssRules]
    .map(({ cssText }) => cssText)
    .filter((text) => !text.includes(':host('))
    .map((text) => text.replaceAll(/:host\b/g, '.host').replace(/^:root/, '.page'))
    .join('\n');

function scheme() {
  const { colorScheme } = getComputedStyle(document.documentElement);
  if (!colorScheme.includes(' ')) return colorScheme;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
