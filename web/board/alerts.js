/**
 * Announces a change of status of the tiles that ask for it, whichever board is shown: as the
 * system's notification, with a sound where that is wanted, and in a log of today's changes. Of
 * several tabs of a browser one announces; all show the log.
 *
 * @typedef {import('../stream/series.js').Status} Status
 * @typedef {import('./status-watch.js').StatusChange} StatusChange
 *
 * @typedef {object} LogEntry
 * @property {number} at
 * @property {string} name
 * @property {Status} to
 * @property {string} value
 * @property {string} [channel]
 * @property {number} [start] Of the bucket that changed the status.
 */

import { h } from '../tile/dom.js';
import { formatShortValue } from '../tile/format.js';
import { STATUS_WORDS } from '../tile/judge.js';
import { formatClock } from '../tile/time.js';
import { closeByOpener, togglePopover } from './popover.js';
import { Sound } from './sound.js';
import { StatusWatch } from './status-watch.js';

const MOST_ENTRIES = 200;
/** Over plain HTTP there are no locks: tabs wait so long at most, and see what another has told. */
const SPREAD_MS = 1_000;

export class Alerts {
  /**
   * @param {import('./boards.js').Boards} boards
   * @param {import('../stream/open.js').Stream} stream
   * @param {HTMLElement} opener Shown while a tile asks for alerts, or there is something to read.
   * @param {string} path Of the dashboard, for what is kept in this browser.
   */
  constructor(boards, stream, opener, path) {
    this.#boards = boards;
    this.#opener = opener;
    this.#key = `kpi-stream alerts ${path}`;
    this.element = h('div', {
      class: 'menu alerts',
      popover: 'auto',
      role: 'dialog',
      'aria-label': 'Changes of status today',
    });
    this.element.append(
      h('h2', {}, 'Changes of status today'),
      this.#list,
      h('label', { class: 'check' }, this.#box, h('span', {}, 'With a sound')),
    );
    this.#box.addEventListener('change', () => {
      this.#loud = this.#box.checked;
      this.#keep();
      if (this.#loud) void this.#sound.play('good');
    });
    opener.setAttribute('aria-expanded', 'false');
    closeByOpener(this.element, '#alerts');
    opener.addEventListener('click', () => {
      this.#show();
      togglePopover(this.element, opener);
    });
    boards.addEventListener('change', () => this.#show());
    addEventListener('storage', ({ key }) => {
      if (key !== this.#key) return;
      this.#read();
      this.#show();
    });
    // Held until the tab is closed: the one that has it announces, then the next.
    void navigator.locks?.request(this.#key, () => {
      this.#first = true;
      return new Promise(() => {});
    });
    new StatusWatch(boards, stream, path, (change) => void this.#changed(change));
    this.#read();
    this.#show();
  }

  #boards;
  #opener;
  #key;
  /** @type {LogEntry[]} */
  #log = [];
  #loud = false;
  /** Whether this tab is the one that announces. */
  #first = false;
  #sound = new Sound();
  #list = h('div');
  #box = h('input', { type: 'checkbox' });

  /** Ask for the right to notify, while somebody is there to say yes. */
  allow() {
    if (typeof Notification === 'function' && Notification.permission === 'default') {
      void Notification.requestPermission();
    }
  }

  /** @param {StatusChange} change */
  async #changed({ channel, name, kpi, start, value, to }) {
    if (navigator.locks ? !this.#first : await this.#isTold({ channel, start, to })) return;
    this.#read();
    const text = formatShortValue(value, kpi);
    this.#announce({ at: Date.now(), name, to, value: text, channel, start });
  }

  /** Whether another tab has told it, which is seen where tabs wait differently long. @param {Partial<LogEntry>} change */
  async #isTold({ channel, start, to }) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * SPREAD_MS));
    this.#read();
    return this.#log.some(
      (entry) => entry.channel === channel && entry.start === start && entry.to === to,
    );
  }

  /** @param {LogEntry} entry */
  #announce(entry) {
    this.#log = [entry, ...this.#log].filter(isToday).slice(0, MOST_ENTRIES);
    this.#keep();
    this.#show();
    if (typeof Notification === 'function' && Notification.permission === 'granted') {
      try {
        const shown = new Notification(`${entry.name}: ${STATUS_WORDS[entry.to]}`, {
          body: entry.value,
          tag: entry.channel ?? entry.name,
        });
        shown.onclick = () => window.focus();
      } catch {
        // Some browsers let only a service worker notify; the log has it.
      }
    }
    if (this.#loud) void this.#sound.play(entry.to);
  }

  #show() {
    this.#log = this.#log.filter(isToday);
    const count = this.#log.length;
    const asked = this.#boards.all.some(({ tiles }) => tiles.some(({ alert }) => alert));
    this.#opener.hidden = count === 0 && !asked;
    const text = `${count} ${count === 1 ? 'change' : 'changes'} of status today`;
    this.#opener.setAttribute('aria-label', text);
    this.#opener.title = text;
    this.#fill();
  }

  #fill() {
    this.#box.checked = this.#loud;
    const entries = this.#log.map(({ at, name, to, value }) =>
      h(
        'li',
        { 'data-status': to },
        h('time', {}, formatClock(at)),
        h('b', {}, name),
        h('span', {}, `${STATUS_WORDS[to]} · ${value}`),
      ),
    );
    const list = h('ol', { tabindex: '0', 'aria-label': 'Changes' }, ...entries);
    this.#list.replaceChildren(entries.length > 0 ? list : h('p', {}, 'None so far.'));
  }

  /** Take what this browser keeps, which another tab may have written. */
  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? 'null');
      if (!kept) return;
      this.#log = Array.isArray(kept.log) ? kept.log.filter(isEntry).filter(isToday) : [];
      this.#loud = kept.loud === true;
    } catch {
      // Then the log is what this page has seen.
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
