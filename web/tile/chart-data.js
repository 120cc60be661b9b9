/**
 * What a chart draws, in columns beside one axis of time.
 *
 * @typedef {import('../stream/series.js').Point} Point
 * @typedef {import('./view.js').Shown} Shown
 *
 * @typedef {(number | null)[]} Column
 *
 * @typedef {object} Drawn
 * @property {(Point | null)[]} rows The bucket at each place; null where one is missing.
 * @property {Point | null} partial The last of them, where that is still open.
 * @property {number[]} starts In seconds.
 * @property {Column} value
 * @property {Column} high Of the band around the line; empty where there is none.
 * @property {Column} low
 * @property {Column} before What was at the earlier time that is compared with.
 * @property {Column} open The bucket that is still open; of a line, and where it comes from.
 * @property {Column[]} others
 * @property {[number, number]} window From when to when, in seconds.
 */

import { PERIOD_MS } from './time.js';

/** A band more than so many times as high as the line would hide it. */
const MOST_BAND = 3;

/** @param {Shown} shown @param {'line' | 'bars'} kind @returns {Drawn} */
export function columns({ points, series, compared, others, period, depth }, kind) {
  const last = points.at(-1);
  const partial =
    last && series.partial && series.partial.start >= last.end ? series.partial : null;
  const places = withHoles(partial ? [...points, partial] : points);
  const rows = places.map(({ bucket }) => bucket);
  const band = hasBand(points);
  /** @param {(bucket: Point) => number | null | undefined} of @returns {Column} */
  const complete = (of) =>
    rows.map((bucket) => (bucket && bucket !== partial ? (of(bucket) ?? null) : null));
  const end = (partial ?? last)?.end ?? 0;
  return {
    rows,
    partial,
    starts: places.map(({ start }) => start / 1_000),
    value: complete(({ value }) => value),
    high: complete(({ max }) => (band ? max : null)),
    low: complete(({ min }) => (band ? min : null)),
    before: rows.map((bucket) => (bucket && compared?.before(bucket)?.value) ?? null),
    open: rows.map((bucket) =>
      partial && (bucket === partial || (kind === 'line' && bucket === last))
        ? (bucket?.value ?? null)
        : null,
    ),
    others: others.map((other) => {
      const values = new Map(other.points.map(({ start, value }) => [start, value]));
      return places.map(({ start }) => values.get(start) ?? null);
    }),
    window: [(end - depth * PERIOD_MS[period]) / 1_000, end / 1_000],
  };
}

/**
 * Buckets in their places, with an empty one wherever some are missing: no line leads over those.
 *
 * @param {Point[]} points
 * @returns {{ start: number, bucket: Point | null }[]}
 */
function withHoles(points) {
  return points.flatMap((bucket, at) => {
    const place = { start: bucket.start, bucket };
    const before = points[at - 1];
    const hole = before !== undefined && before.end < bucket.start;
    return hole ? [{ start: before.end, bucket: null }, place] : [place];
  });
}

/** Whether the least and greatest rows tell more than they hide. @param {Point[]} points */
function hasBand(points) {
  const line = span(points.flatMap(({ value }) => (value === null ? [] : [value])));
  const band = span(
    points.flatMap(({ min, max }) => (min === null || max === null ? [] : [min, max])),
  );
  return band > 0 && band <= MOST_BAND * line;
}

/** @param {number[]} values */
const span = (values) => (values.length === 0 ? 0 : Math.max(...values) - Math.min(...values));

/** Values with none beside them: a line alone would not show them. @param {Column} column */
export const lonePlaces = (column) =>
  column.flatMap((value, at) =>
    value !== null && (column[at - 1] ?? null) === null && (column[at + 1] ?? null) === null
      ? [at]
      : [],
  );

/**
 * From where to where the axis of values goes.
 *
 * @param {Drawn} drawn
 * @param {number | null} target One nearby belongs in the picture; one far away would flatten it.
 * @param {boolean} fromZero
 * @returns {[number, number]}
 */
export function valueRange({ value, high, low, before, open, others }, target, fromZero) {
  const values = [value, high, low, before, open, ...others].flat().filter((each) => each !== null);
  if (values.length === 0) return [0, 1];
  let least = Math.min(...values);
  let most = Math.max(...values);
  const room = most - least || Math.abs(most) || 1;
  if (target !== null && (fromZero || (target > least - room && target < most + room))) {
    least = Math.min(least, target);
    most = Math.max(most, target);
  }
  if (fromZero) [least, most] = [Math.min(least, 0), Math.max(most, 0)];
  const margin = (most - least || Math.abs(most) || 1) * 0.08;
  return [fromZero && least === 0 ? 0 : least - margin, most + margin];
}
