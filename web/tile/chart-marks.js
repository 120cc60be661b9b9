/** What uPlot does not draw by itself: the target, rings around corrected buckets, single dots. */

import { lonePlaces } from './chart-data.js';
import { formatValue } from './format.js';

/** @typedef {import('./chart-data.js').Drawn} Drawn */

const DOT_PX = 3;
const LABEL_PX = 11;

/**
 * @param {import('uplot')} chart
 * @param {Drawn} drawn
 * @param {import('./view.js').Shown} shown
 * @param {object} look
 * @param {import('./palette.js').Palette} look.colours
 * @param {number} look.scale How much larger than usual letters are.
 * @param {boolean} look.dots Whether single and newest values have a dot.
 * @param {string} look.font The family of letters.
 */
export function paintMarks(chart, drawn, { kpi }, { colours, scale, dots, font }) {
  const { ctx, bbox } = chart;
  const unit = scale * devicePixelRatio;
  ctx.save();
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  if (kpi.target !== null) paintTarget(chart, kpi, colours.ink, unit, font);
  /** @param {number} at @param {number} value */
  const dot = (at, value) => {
    ctx.beginPath();
    const x = chart.valToPos(/** @type {number} */ (drawn.starts[at]), 'x', true);
    ctx.arc(x, chart.valToPos(value, 'y', true), DOT_PX * unit, 0, 2 * Math.PI);
    ctx.fill();
  };
  if (dots) {
    const newest = drawn.value.findLastIndex((value) => value !== null);
    ctx.fillStyle = colours.line;
    for (const at of new Set([...lonePlaces(drawn.value), newest])) {
      const value = drawn.value[at] ?? null;
      if (value !== null) dot(at, value);
    }
  }
  ctx.strokeStyle = colours.warn;
  ctx.fillStyle = colours.surface;
  ctx.lineWidth = 1.5 * unit;
  for (const [at, row] of drawn.rows.entries()) {
    if (!row?.corrected || row.value === null) continue;
    dot(at, row.value);
    ctx.stroke();
  }
  ctx.restore();
}

/**
 * @param {import('uplot')} chart
 * @param {import('./view.js').Kpi} kpi
 * @param {string} colour
 * @param {number} unit
 * @param {string} font
 */
function paintTarget(chart, kpi, colour, unit, font) {
  const { ctx, bbox } = chart;
  const y = Math.round(chart.valToPos(/** @type {number} */ (kpi.target), 'y', true));
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.globalAlpha = 0.75;
  ctx.lineWidth = unit;
  ctx.setLineDash([6 * unit, 4 * unit]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.setLineDash([]);
  const above = y - LABEL_PX * unit > bbox.top + 2 * unit;
  ctx.font = `${LABEL_PX * unit}px ${font}`;
  ctx.textAlign = 'left';
  ctx.textBaseline = above ? 'bottom' : 'top';
  ctx.fillText(
    `target ${formatValue(kpi.target, kpi)}`,
    bbox.left + 4 * unit,
    y + (above ? -2 : 2) * unit,
  );
  ctx.globalAlpha = 1;
}
