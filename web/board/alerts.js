/**
 * Announces a change of status of the tiles that ask for it: as the system's notification, with a
 * sound where that is wanted, and in a log of today's changes.
 *
 * @typedef {import('../stream/series.js').Status} Status
 * @typedef {{ at: number, name: string, from: Status, to: Status, value: string }} LogEntry
 */

import { h } from '../tile/dom.js';
import { formatShortValue } from '../tile/format.js';
import { STATUS_WORDS } from '../tile/judge.js';
import { formatClock } from '../tile/time.js';
import { closeByOpener, togglePopover } from './popover.js';

const MOST_ENTRIES = 200;
const TONE_SECONDS = 0.35;
const TONES = { bad: [440, 330], warning: [520, 520], good: [523, 659] };

export class Alerts {
  /**
   * @param {import('./grid.js').Grid} grid
   * @param {HTMLElement} opener Shown while there is something to read.
   * @param {string} path Of the dashboard, for what is kept in this browser.
   */
  constructor(grid, opener, path) {
    this.#grid = grid;
    this.#opener = opener;
    this.#key = `kpi-stream alerts ${path}`;
    this.element = h('div', {
      class: 'menu alerts',
      popover: 'auto',
      role: 'dialog',
      'aria-label': 'Changes of status today',
    });
    opener.setAttribute('aria-expanded', 'false');
    closeByOpener(this.element, '#alerts');
    opener.addEventListener('click', () => {
      this.#fill();
      togglePopover(this.element, opener);
    });
    grid.element.addEventListener('kpi-change', (event) => {
      const key = /** @type {Element} */ (event.target).closest('.cell')?.getAttribute('data-key');
      this.#look(key ?? '');
    });
    const kept = this.#read();
    this.#log = kept.log;
    this.#loud = kept.loud;
    this.#showOpener();
  }

  #grid;
  #opener;
  #key;
  /** @type {LogEntry[]} */
  #log;
  #loud;
  /** The last status of each tile that was known for certain. @type {Map<string, Status>} */
  #known = new Map();

  /** Ask for the right to notify, while somebody is there to say yes. */
  allow() {
    if (typeof Notification === 'function' && Notification.permission === 'default') {
      void Notification.requestPermission();
    }
  }

  /** @param {string} key Of a tile. */
  #look(key) {
    const frame = this.#grid.frame(key);
    const status = frame?.kpi?.status ?? null;
    // Where the number is not that of now, its status has not changed; nobody knows it.
    if (!frame?.kpi || status === null) return;
    const channel = `${key} ${frame.kpi.channel}`;
    const before = this.#known.get(channel);
    this.#known.set(channel, status);
    if (before === undefined || before === status || !frame.tile.alert) return;
    const value = formatShortValue(frame.kpi.series.latest?.value ?? null, frame.kpi.kpi);
    this.#announce({ at: Date.now(), name: frame.name, from: before, to: status, value });
  }

  /** @param {LogEntry} entry */
  #announce(entry) {
    this.#log = [entry, ...this.#log].filter(isToday).slice(0, MOST_ENTRIES);
    this.#keep();
    this.#showOpener();
    if (this.element.matches(':popover-open')) this.#fill();
    if (typeof Notification === 'function' && Notification.permission === 'granted') {
      try {
        new Notification(`${entry.name}: ${STATUS_WORDS[entry.to]}`, {
          body: entry.value,
          tag: entry.name,
        });
      } catch {
        // Some browsers let only a service worker notify; the log has it.
      }
    }
    if (this.#loud) sound(TONES[entry.to]);
  }

  #showOpener() {
    this.#log = this.#log.filter(isToday);
    const count = this.#log.length;
    this.#opener.hidden = count === 0;
    const text = `${count} ${count === 1 ? 'change' : 'changes'} of status today`;
    this.#opener.setAttribute('aria-label', text);
    this.#opener.title = text;
  }

  #fill() {
    const loud = h('input', { type: 'checkbox', checked: this.#loud });
    loud.addEventListener('change', () => {
      this.#loud = loud.checked;
      this.#keep();
      if (this.#loud) sound(TONES.good);
    });
    const entries = this.#log.map(({ at, name, to, value }) =>
      h(
        'li',
        { 'data-status': to },
        h('time', {}, formatClock(at)),
        h('b', {}, name),
        h('span', {}, `${STATUS_WORDS[to]} · ${value}`),
      ),
    );
    this.element.replaceChildren(
      h('h2', {}, 'Changes of status today'),
      h('ol', { tabindex: '0', 'aria-label': 'Changes' }, ...entries),
      h('label', { class: 'check' }, loud, h('span', {}, 'With a sound')),
    );
  }

  /** @returns {{ log: LogEntry[], loud: boolean }} */
  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? '{}');
      const log = Array.isArray(kept.log) ? kept.log.filter(isEntry).filter(isToday) : [];
      return { log, loud: kept.loud === true };
    } catch {
      return { log: [], loud: false };
    }
  }

  #keep() {
    try {
      localStorage.setItem(this.#key, JSON.stringify({ log: this.#log, loud: this.#loud }));
    } catch {
      // Then the log lasts as long as the page.
    }
  }
}

/** @param {any} raw */
const isEntry = (raw) =>
  Number.isFinite(raw?.at) && typeof raw.name === 'string' && raw.to in STATUS_WORDS;

/** @param {LogEntry} entry */
const isToday = ({ at }) => new Date(at).toDateString() === new Date().toDateString();

/** Two short tones. @param {number[]} tones In hertz. */
function sound(tones) {
  const audio = new AudioContext();
  for (const [at, tone] of tones.entries()) {
    const source = audio.createOscillator();
    const volume = audio.createGain();
    source.frequency.value = tone;
    volume.gain.value = 0.15;
    source.connect(volume).connect(audio.destination);
    source.start(audio.currentTime + at * TONE_SECONDS);
    source.stop(audio.currentTime + (at + 1) * TONE_SECONDS * 0.9);
    if (at === tones.length - 1) source.onended = () => void audio.close();
  }
}
