/**
 * One channel's buckets in order, merged from whatever came: snapshots, values, corrections, gaps.
 *
 * @typedef {'good' | 'warning' | 'bad'} Status A value against its target.
 *
 * @typedef {object} Point One bucket.
 * @property {number} start Its first instant, in milliseconds since 1970.
 * @property {number} end The first instant after it.
 * @property {number | null} value By the KPI's aggregate; null in a gap.
 * @property {number | null} points How many raw rows lie in it; null where the database cannot say.
 * @property {number | null} min
 * @property {number | null} max
 * @property {boolean} corrected Whether its numbers changed after they were first shown.
 * @property {Status | null} [status] The server's verdict; undefined where it gives none.
 * @property {number} [until] Of a bucket that is still open: up to when it was read.
 *
 * @typedef {object} Health Whether data flows, by the server's word.
 * @property {'live' | 'stale'} state
 * @property {string | null} reason
 * @property {string | null} since RFC 3339.
 *
 * @typedef {object} WireBucket A bucket as the server sends it.
 * @property {string} kpi
 * @property {string} period
 * @property {string} bucket
 * @property {string} end
 * @property {number | null} value
 * @property {number | null} points
 * @property {number | null} min
 * @property {number | null} max
 * @property {Status | null} [status]
 * @property {string} [until]
 *
 * @typedef {object} Merged What a snapshot brought.
 * @property {number} added How many buckets are newer than all that was held.
 * @property {number} kept How many older buckets stay.
 * @property {boolean} hole Whether buckets are missing between those and what came.
 */

/**
 * @param {WireBucket} wire
 * @param {boolean} [corrected]
 * @returns {Point}
 */
export function toPoint(wire, corrected = false) {
  return {
    start: Date.parse(wire.bucket),
    end: Date.parse(wire.end),
    value: wire.value,
    points: wire.points,
    min: wire.min,
    max: wire.max,
    corrected,
    ...(wire.status !== undefined && { status: wire.status }),
    ...(wire.until !== undefined && { until: Date.parse(wire.until) }),
  };
}

export class Series {
  /** @param {number} limit How many buckets are kept; older ones are let go. */
  constructor(limit) {
    this.limit = limit;
    /** Oldest first; begins with a value. @type {Point[]} */
    this.points = [];
    /** The bucket that is still open, as far as it has come. @type {Point | null} */
    this.partial = null;
    /** @type {Health} */
    this.health = { state: 'live', reason: null, since: null };
    /** Whether a snapshot has come. */
    this.loaded = false;
  }

  /** The newest bucket. */
  get current() {
    return this.points.at(-1);
  }

  /** The newest bucket that has a value. */
  get latest() {
    return this.points.findLast((point) => point.value !== null);
  }

  /** The bucket right before the newest; undefined where that one is not known. */
  get previous() {
    const before = this.points.at(-2);
    return before?.end === this.current?.start ? before : undefined;
  }

  /** How far the newest bucket's value is from the one before; null where either has none. */
  get delta() {
    const now = this.current?.value ?? null;
    const before = this.previous?.value ?? null;
    return now === null || before === null ? null : now - before;
  }

  /**
   * Take a snapshot in the place of all that it covers. What is older stays, and what is newer: it
   * came meanwhile. A bucket whose numbers are others than before is marked as corrected, and one
   * that was marked stays so.
   *
   * @param {Point[]} points Oldest first.
   * @param {boolean} [whole] Whether there is nothing older.
   * @returns {Merged}
   */
  merge(points, whole = false) {
    const last = this.current;
    const first = points[0]?.start ?? Number.POSITIVE_INFINITY;
    const until = points.at(-1)?.start ?? first;
    const older = whole ? [] : this.points.filter(({ start }) => start < first);
    const newer = points.length === 0 ? [] : this.points.filter(({ start }) => start > until);
    const held = new Map(this.points.map((point) => [point.start, point]));
    const merged = points.map((point) => {
      const before = held.get(point.start);
      const corrected = before && (before.corrected || !sameNumbers(before, point));
      return corrected && !point.corrected ? { ...point, corrected } : point;
    });
    const hole = merged.length > 0 && older.length > 0 && older.at(-1)?.end !== first;
    this.points = [...older, ...merged, ...newer];
    this.loaded = true;
    this.#settle();
    const added = last ? points.filter(({ start }) => start > last.start).length : 0;
    return { added, kept: older.length, hole };
  }

  /**
   * Put one bucket where it belongs.
   *
   * @param {Point} point
   * @returns {boolean} False where it lies before everything known: only a snapshot can tell what
   *   is between.
   */
  put(point) {
    const { points } = this;
    let at = points.length;
    while (at > 0 && /** @type {Point} */ (points[at - 1]).start >= point.start) at -= 1;
    const same = points[at]?.start === point.start;
    if (!same && at === 0 && points.length > 0) return false;
    const corrected = point.corrected || (same && points[at]?.corrected === true);
    points.splice(
      at,
      same ? 1 : 0,
      corrected === point.corrected ? point : { ...point, corrected },
    );
    this.#settle();
    return true;
  }

  /** Take the open bucket as far as it has come; null where there is none. @param {Point | null} point */
  putPartial(point) {
    const last = this.current;
    this.partial = point && (!last || point.start >= last.end) ? point : null;
  }

  /** Keep to the limit, leave out gaps before the first value, and what is complete by now. */
  #settle() {
    let first = Math.max(0, this.points.length - this.limit);
    while (first < this.points.length && this.points[first]?.value === null) first += 1;
    if (first > 0) this.points.splice(0, first);
    this.putPartial(this.partial);
  }
}

/** @param {Point} a @param {Point} b */
const sameNumbers = (a, b) =>
  a.value === b.value && a.points === b.points && a.min === b.min && a.max === b.max;
