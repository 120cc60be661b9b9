/** What is around a tile's view: name, status, freshness, and room for the controls of a board. */

import { h, write } from './dom.js';
import { STATUS_WORDS } from './judge.js';
import { styled, tileStyle } from './tile-style.js';

/** @typedef {import('../stream/series.js').Status} Status */

export class TileFrame {
  /** @param {ShadowRoot} root */
  constructor(root) {
    root.adoptedStyleSheets = [tileStyle];
    this.#name = h('h2', { class: 'name' });
    this.#tag = h(
      'span',
      { class: 'tag', hidden: true, title: 'simulated' },
      'sim',
      h('i', {}, 'ulated'),
    );
    this.#word = h('span');
    this.#sign = h('span', { class: 'sign' }, this.#word);
    this.now = h('span', { class: 'now' });
    this.#fresh = h('span', { class: 'fresh' });
    this.body = h('div', { class: 'body' });
    this.#tile = h(
      'article',
      { class: 'tile', 'data-state': 'waiting', hidden: true },
      h(
        'header',
        {},
        this.#name,
        this.#tag,
        this.now,
        h('slot', { name: 'controls', class: 'controls' }),
      ),
      this.body,
      h('footer', {}, h('slot', { name: 'periods' }), this.#sign, this.#fresh),
    );
    root.append(this.#tile);
    void styled.then(() => {
      this.#tile.hidden = false;
    });
  }

  #tile;
  #name;
  #tag;
  #sign;
  #word;
  #fresh;
  body;
  now;

  get state() {
    return this.#tile.dataset.state ?? '';
  }

  /** @param {string} name @param {string} title @param {boolean} simulated */
  nameAs(name, title, simulated) {
    write(this.#name, name);
    this.#name.title = title;
    this.#tag.hidden = !simulated;
  }

  /**
   * @param {import('./freshness.js').Freshness} fresh
   * @param {Status | null} status Shown only where the number is that of now.
   * @returns {boolean} Whether the look is another than before.
   */
  show({ state, text, why }, status) {
    const shown = state === 'live' && status ? status : '';
    const { dataset } = this.#tile;
    const changed = dataset.state !== state || (dataset.status ?? '') !== shown;
    if (changed) {
      dataset.state = state;
      dataset.status = shown;
      write(this.#word, shown && shown !== 'good' ? STATUS_WORDS[shown] : '');
      this.#sign.title = this.#word.textContent ?? '';
    }
    write(this.#fresh, text);
    this.#fresh.hidden = text === '';
    // While all is well nothing is said, but whoever wants to know it finds it at the name.
    if (this.#fresh.title !== why) this.#fresh.title = why;
    return changed;
  }
}
