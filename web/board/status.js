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
/**
 * Not worth a word: once an hour the server lets the stream go, and it is taken up again after the
 * time that the server says, four seconds at most. The badge and the tiles show it all the same.
 */
const CALM_MS = 5_000;

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
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #alarming;
  /** Whether it was told that the numbers are not live. */
  #alarmed = false;

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
    const { state, since, awayMs } = this.#stream.connection;
    this.#badge.dataset.state = state;
    write(this.#word, WORDS[state]);
    this.#tick();
    clearTimeout(this.#alarming);
    if (state === 'reconnecting' && !this.#alarmed) {
      const calmMs = since + CALM_MS - Date.now();
      if (calmMs > 0) this.#alarming = setTimeout(() => this.#alarm(), calmMs);
      else this.#alarm();
    } else if (state === 'reconnecting' || state === 'offline') {
      this.#alarm();
    } else {
      const told = this.#alarmed;
      this.#alarmed = false;
      if (state === 'live' && awayMs > 0 && (told || awayMs > CALM_MS)) this.#sayBack();
      else if (told) this.#rest();
    }
  }

  #sayBack() {
    const { awayMs, caughtUp, reloaded } = this.#stream.connection;
    const after = awayMs >= 1_000 ? ` after ${formatDuration(awayMs)}` : '';
    const [came, are] = caughtUp === 1 ? ['1 bucket', 'is'] : [`${caughtUp} buckets`, 'are'];
    const more = caughtUp > 0 ? ` ${came} came meanwhile and ${are} here now.` : '';
    const anew = reloaded ? ' All numbers were loaded anew.' : '';
    this.say(`Live again${after}.${more}${anew}`);
  }

  #alarm() {
    clearTimeout(this.#hiding);
    this.#alarmed = true;
    this.#rest();
  }

  /** What is shown while there is no news. */
  #rest() {
    const { state, since } = this.#stream.connection;
    if (!this.#alarmed) {
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
