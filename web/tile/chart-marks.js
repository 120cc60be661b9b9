/** What uPlot does not draw by itself: the target, rings around corrected buckets, the newest. */

/**
 * @param {import('uplot')} chart
 * @param {import('./view.js').Shown} shown
 * @param {{ target: string, mark: string, surface: string, newest: string | null }} colours
 *   `newest` is for the dot on the newest value; null draws none.
 */
export function paintMarks(chart, { kpi, points }, colours) {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  if (kpi.target !== null) {
    const y = Math.round(chart.valToPos(kpi.target, 'y', true));
    ctx.strokeStyle = colours.target;
    ctx.lineWidth = ratio;
    ctx.setLineDash([3 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  ctx.strokeStyle = colours.mark;
  ctx.fillStyle = colours.surface;
  ctx.lineWidth = 1.5 * ratio;
  for (const point of points) {
    if (!point.corrected || point.value === null) continue;
    ctx.beginPath();
    const x = chart.valToPos(point.start / 1000, 'x', true);
    ctx.arc(x, chart.valToPos(point.value, 'y', true), 3 * ratio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
  }
  const newest = points.findLast((point) => point.value !== null);
  if (colours.newest !== null && newest !== undefined && !newest.corrected) {
    ctx.fillStyle = colours.newest;
    ctx.beginPath();
    const x = chart.valToPos(newest.start / 1000, 'x', true);
    const y = chart.valToPos(/** @type {number} */ (newest.value), 'y', true);
    ctx.arc(x, y, 3 * ratio, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.restore();
}
