/**
 * One channel's buckets in order, merged from whatever came: snapshots, values, corrections, gaps.
 *
 * @typedef {object} Point One bucket.
 * @property {number} start Its first instant, in milliseconds since 1970.
 * @property {number} end The first instant after it.
 * @property {number | null} value The average; null in a gap.
 * @property {number | null} points How many raw rows lie in it; null where the database cannot say.
 * @property {number | null} min
 * @property {number | null} max
 * @property {boolean} corrected Whether its numbers changed after they were first shown.
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
  };
}

export class Series {
  /** @param {number} limit How many buckets are kept; older ones are let go. */
  constructor(limit) {
    this.limit = limit;
    /** Oldest first; begins with a value. @type {Point[]} */
    this.points = [];
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

  /** How far the newest bucket's value is from the one before; null where either has none. */
  get delta() {
    const now = this.current?.value ?? null;
    const before = this.points.at(-2)?.value ?? null;
    return now === null || before === null ? null : now - before;
  }

  /**
   * Take a snapshot in place of everything; what is known to be corrected stays marked.
   *
   * @param {Point[]} points Oldest first.
   */
  replace(points) {
    const marked = new Set(this.points.filter((p) => p.corrected).map((p) => p.start));
    this.points = points.map((p) => (marked.has(p.start) ? { ...p, corrected: true } : p));
    this.loaded = true;
    this.#trim();
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
    this.#trim();
    return true;
  }

  /** Keep to the limit, and leave out gaps before the first value, as a snapshot does. */
  #trim() {
    let first = Math.max(0, this.points.length - this.limit);
    while (first < this.points.length && this.points[first]?.value === null) first += 1;
    if (first > 0) this.points.splice(0, first);
  }
}
