/** How the connection is, at a glance and in words; said aloud only when it changes. */

import { h, write } from '../tile/dom.js';
import { formatDuration, formatTime } from '../tile/format.js';

/** @typedef {import('../stream/open.js').Stream} Stream */

const WORDS = {
  idle: '',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
};
const NOTICE_MS = 8_000;
/** Not worth a word: the server let the stream go and took it up again. */
const BRIEF_MS = 1_500;

export class Status {
  /**
   * @param {Stream} stream
   * @param {{ badge: HTMLElement, notice: HTMLElement, aloud: HTMLElement }} places
   */
  constructor(stream, { badge, notice, aloud }) {
    this.#stream = stream;
    this.#badge = badge;
    this.#notice = notice;
    this.#aloud = aloud;
    this.#word = h('span', { class: 'word' });
    this.#clock = h('time', { class: 'clock' });
    badge.replaceChildren(h('i', { class: 'dot' }), this.#word, this.#clock);
    stream.addEventListener('connection', () => this.#changed());
    setInterval(() => this.#tick(), 1_000);
    this.#changed();
  }

  #stream;
  #badge;
  #notice;
  #aloud;
  #word;
  #clock;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #hiding;

  /** Say something for a moment. @param {string} text @param {...Node} more */
  say(text, ...more) {
    clearTimeout(this.#hiding);
    this.#show('news', text, ...more);
    this.#hiding = setTimeout(() => this.#rest(), NOTICE_MS);
  }

  /** For those who cannot see it. @param {string} text */
  whisper(text) {
    write(this.#aloud, text);
  }

  #changed() {
    const { state, awayMs, caughtUp } = this.#stream.connection;
    this.#badge.dataset.state = state;
    write(this.#word, WORDS[state]);
    this.#tick();
    clearTimeout(this.#hiding);
    const long = awayMs > BRIEF_MS;
    if (state === 'live' && (long || (awayMs > 0 && caughtUp > 0))) {
      const after = long ? ` after ${formatDuration(awayMs)}` : '';
      const [came, are] = caughtUp === 1 ? ['1 bucket', 'is'] : [`${caughtUp} buckets`, 'are'];
      const more = caughtUp > 0 ? ` ${came} came meanwhile and ${are} here now.` : '';
      this.say(`Live again${after}.${more}`);
    } else {
      this.#rest();
    }
  }

  /** What is shown while there is no news. */
  #rest() {
    const { state, since } = this.#stream.connection;
    if (state !== 'reconnecting' && state !== 'offline') {
      this.#notice.hidden = true;
      return;
    }
    const at = formatTime(since - Date.now() + this.#stream.now(), {
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    const why = state === 'offline' ? 'No network' : 'The server has not answered';
    const retry = h(
      'button',
      { type: 'button', onclick: () => this.#stream.retryNow() },
      'Try now',
    );
    this.#show('trouble', `${why} since ${at}. The numbers are from then.`, retry);
  }

  /** @param {string} kind @param {string} text @param {...Node} more */
  #show(kind, text, ...more) {
    this.#notice.dataset.kind = kind;
    this.#notice.replaceChildren(h('span', {}, text), ...more);
    this.#notice.hidden = false;
    this.whisper(text);
  }

  #tick() {
    write(
      this.#clock,
      formatTime(this.#stream.now(), {
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
        timeZoneName: 'short',
      }),
    );
  }
}
