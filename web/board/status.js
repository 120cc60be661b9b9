/**
 * How the connection is: nothing while all is well, a word where it matters, and a notice where the
 * numbers are not those of now. Said aloud only when it changes.
 */

import { calmMs } from '../stream/status.js';
import { h, write } from '../tile/dom.js';
import { formatClockSeconds, formatDuration, formatTime } from '../tile/time.js';

/** @typedef {import('../stream/open.js').Stream} Stream */

const WORDS = {
  idle: '',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
};
const NOTICE_MS = 8_000;
/** An interruption that long is told of, also where nobody saw it. */
const TOLD_FROM_MS = 5_000;

export class Status extends EventTarget {
  /**
   * @param {Stream} stream
   * @param {{ badge: HTMLElement, notice: HTMLElement, aloud: HTMLElement }} places
   */
  constructor(stream, { badge, notice, aloud }) {
    super();
    this.#stream = stream;
    this.#badge = badge;
    this.#notice = notice;
    this.#aloud = aloud;
    this.#word = h('span', { class: 'word' });
    this.#clock = h('time', { class: 'clock' });
    badge.replaceChildren(h('i', { class: 'dot' }), this.#word, this.#clock);
    stream.addEventListener('connection', () => this.#changed());
    setInterval(() => this.#writeClock(), 1_000);
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
  /** What nobody has answered yet. @type {{ text: string, answers: HTMLElement[] }[]} */
  #questions = [];
  /** Whether the numbers are not those of now, and that is shown. */
  alarmed = false;

  /** Tell something for a moment. @param {string} text @param {...Node} more */
  tell(text, ...more) {
    this.#showFor(NOTICE_MS, text, ...more);
  }

  /**
   * Ask something: it stays until it is answered, or comes back after what is more urgent.
   *
   * @param {string} text
   * @param {...HTMLElement} answers
   */
  ask(text, ...answers) {
    const question = { text, answers };
    this.#questions.push(question);
    for (const answer of answers) {
      answer.addEventListener('click', () => {
        this.#questions = this.#questions.filter((each) => each !== question);
        this.#rest();
      });
    }
    clearTimeout(this.#hiding);
    this.#rest();
  }

  /** For those who cannot see it. @param {string} text */
  announce(text) {
    write(this.#aloud, text);
  }

  #changed() {
    const { state, awayMs } = this.#stream.connection;
    this.#badge.dataset.state = state;
    write(this.#word, WORDS[state]);
    this.#writeClock();
    clearTimeout(this.#alarming);
    const left = calmMs(this.#stream.connection);
    if (left === 0 || (left !== null && this.alarmed)) {
      this.#alarm();
    } else if (left !== null) {
      this.#alarming = setTimeout(() => this.#alarm(), left);
    } else {
      const told = this.alarmed;
      this.#setAlarmed(false);
      if (state === 'live' && awayMs > 0 && (told || awayMs > TOLD_FROM_MS)) this.#tellBack();
      else if (told) this.#rest();
    }
  }

  #tellBack() {
    const { awayMs, caughtUp, reloaded } = this.#stream.connection;
    const after = awayMs >= 1_000 ? ` after ${formatDuration(awayMs)}` : '';
    const [came, are] = caughtUp === 1 ? ['1 bucket', 'is'] : [`${caughtUp} buckets`, 'are'];
    const more = caughtUp > 0 ? ` ${came} came meanwhile and ${are} here now.` : '';
    const anew = reloaded ? ' All numbers were loaded anew.' : '';
    this.tell(`Live again${after}.${more}${anew}`);
  }

  #alarm() {
    clearTimeout(this.#hiding);
    this.#setAlarmed(true);
    this.#rest();
  }

  /** @param {boolean} alarmed */
  #setAlarmed(alarmed) {
    this.alarmed = alarmed;
    document.documentElement.classList.toggle('not-live', alarmed);
    this.dispatchEvent(new Event('alarm'));
  }

  /** What is shown while there is no news. */
  #rest() {
    const { state, since } = this.#stream.connection;
    const [question] = this.#questions;
    if (!this.alarmed) {
      this.#notice.hidden = true;
      if (question) this.#show('news', question.text, ...question.answers);
      return;
    }
    const at = formatClockSeconds(since - Date.now() + this.#stream.now());
    const why = state === 'offline' ? 'No network' : 'The server has not answered';
    const then = state === 'connecting' ? '' : ' The numbers are from then.';
    const retry = h(
      'button',
      { type: 'button', onclick: () => this.#stream.retryNow() },
      'Try now',
    );
    this.#show('trouble', `${why} since ${at}.${then}`, retry);
  }

  /** @param {number} forMs @param {string} text @param {...Node} more */
  #showFor(forMs, text, ...more) {
    clearTimeout(this.#hiding);
    this.#show('news', text, ...more);
    this.#hiding = setTimeout(() => this.#rest(), forMs);
  }

  /** @param {string} kind @param {string} text @param {...Node} more */
  #show(kind, text, ...more) {
    this.#notice.dataset.kind = kind;
    this.#notice.replaceChildren(h('span', {}, text), ...more);
    this.#notice.hidden = false;
    this.announce(text);
  }

  #writeClock() {
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
