/**
 * Finds a way to the server after the network was gone. A browser keeps connections that were idle,
 * and asks by them first, though they may lead nowhere since; each would hold a request up until it
 * is given up. So a small question is asked again each second by another one, until any is answered.
 */

const APART_MS = 1_000;
/** A browser keeps six connections to a host over HTTP/1.1. */
const MOST = 6;
const TIMEOUT_MS = 8_000;

/** Resolves once the server answers, whatever it says; rejects where it does not. @param {string} base */
export async function untilReached(base) {
  const stop = new AbortController();
  const timeout = setTimeout(() => stop.abort(), TIMEOUT_MS);
  try {
    await Promise.any(
      Array.from({ length: MOST }, (_, at) => ask(base, at * APART_MS, stop.signal)),
    );
  } finally {
    clearTimeout(timeout);
    stop.abort();
  }
}

/** @param {string} base @param {number} delayMs @param {AbortSignal} signal */
async function ask(base, delayMs, signal) {
  if (delayMs > 0) {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, delayMs);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
  }
  await fetch(`${base}livez`, { cache: 'no-store', signal });
}
