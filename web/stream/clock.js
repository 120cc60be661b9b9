/** What time it is at the database; the visitor's clock may be wrong. */

export class ServerClock {
  /** How far the visitor's clock is behind. */
  offsetMs = 0;
  #known = false;

  now() {
    return Date.now() + this.offsetMs;
  }

  /** @param {number} at What the database said. */
  set(at) {
    this.offsetMs = at - Date.now();
    this.#known = true;
  }

  /** Until the database says it, the web server's clock has to do. @param {number} at */
  guess = (at) => {
    if (!this.#known) this.offsetMs = at - Date.now();
  };
}
