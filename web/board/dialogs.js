/** Dialogs of the board: what is shown on the wall, earlier versions, and the keys. */

import { h } from '../tile/dom.js';
import { formatTime } from '../tile/time.js';
import { bounded, TURN_SECONDS } from './playlist.js';

/**
 * @typedef {import('./boards.js').Boards} Boards
 * @typedef {import('./playlist.js').Chosen} Chosen
 */

/** @param {string} title @param {...Node} parts @returns {HTMLDialogElement} It is shown, and removed once closed. */
function dialog(title, ...parts) {
  const done = h('button', { type: 'button', class: 'primary' }, 'Done');
  const element = h(
    'dialog',
    { class: 'dialog', 'aria-label': title, closedby: 'any' },
    h('h2', {}, title),
    ...parts,
    h('footer', {}, done),
  );
  done.addEventListener('click', () => element.close());
  element.addEventListener('close', () => element.remove());
  document.body.append(element);
  element.showModal();
  return element;
}

/** What was chosen for the wall in this browser. */
export class PlaylistChoice {
  /** @param {string} path Of the dashboard. */
  constructor(path) {
    this.#key = `kpi-stream playlist ${path}`;
    /** @type {Chosen[]} */
    this.chosen = this.#read();
  }

  #key;

  /** @returns {Chosen[]} */
  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? '[]');
      return Array.isArray(kept) ? kept.filter((each) => typeof each?.id === 'string') : [];
    } catch {
      return [];
    }
  }

  /** @param {Chosen[]} chosen */
  keep(chosen) {
    this.chosen = chosen;
    try {
      localStorage.setItem(this.#key, JSON.stringify(chosen));
    } catch {
      // Then it lasts as long as the page.
    }
  }
}

/** Choose which boards the wall shows, in which order and for how long. @param {Boards} boards @param {PlaylistChoice} choice */
export function editPlaylist(boards, choice) {
  const list = h('ol', { class: 'playlist' });
  const known = new Map(boards.all.map((board) => [board.id, board]));
  const first = choice.chosen.filter(({ id }) => known.has(id));
  const rest = boards.all.filter(({ id }) => !first.some((each) => each.id === id));
  const rows = [
    ...first.map((each) => ({ ...each, on: true })),
    ...rest.map(({ id }) => ({ id, seconds: TURN_SECONDS, on: first.length === 0 })),
  ];
  const keep = () =>
    choice.keep(rows.filter(({ on }) => on).map(({ id, seconds }) => ({ id, seconds })));
  const fill = () => {
    list.replaceChildren(
      ...rows.map((row, at) => {
        const name = known.get(row.id)?.name ?? '';
        const on = h('input', { type: 'checkbox', checked: row.on });
        on.addEventListener('change', () => {
          row.on = on.checked;
          keep();
        });
        const seconds = h('input', {
          type: 'number',
          min: '5',
          value: row.seconds,
          'aria-label': `Seconds of ${name}`,
        });
        seconds.addEventListener('change', () => {
          row.seconds = bounded(Number(seconds.value));
          seconds.value = String(row.seconds);
          keep();
        });
        const up = h('button', { type: 'button', class: 'plain', disabled: at === 0 }, 'Up');
        up.setAttribute('aria-label', `${name} earlier`);
        up.addEventListener('click', () => {
          rows.splice(at - 1, 0, ...rows.splice(at, 1));
          keep();
          fill();
          /** @type {HTMLElement | null} */ (
            list.children[at - 1]?.querySelector('button')
          )?.focus();
        });
        const label = h('label', { class: 'check' }, on, h('span', {}, name));
        return h('li', {}, label, seconds, h('span', {}, 's'), up);
      }),
    );
  };
  fill();
  dialog('On the wall', list);
}

/** Earlier versions of a shared board, each to be taken again. @param {import('./shared-boards.js').SharedBoards} shared */
export async function showHistory(shared) {
  const versions = await shared.versions();
  const list = h('ol', { class: 'versions' });
  const open = dialog('Earlier versions', list);
  const rows = versions.map(({ version, name, updated_at, updated_by }, at) => {
    const when = formatTime(Date.parse(updated_at), { dateStyle: 'medium', timeStyle: 'short' });
    const take = () => {
      open.close();
      void shared.restore(version);
    };
    const button = h('button', { type: 'button', class: 'plain', onclick: take }, 'Restore');
    const said = [`${version}`, name, when, updated_by].filter(Boolean).join(' · ');
    return h('li', {}, h('span', {}, said), ...(at > 0 ? [button] : []));
  });
  list.replaceChildren(...rows);
  if (rows.length === 0) list.append(h('li', {}, 'The server does not answer.'));
}

const KEYS = [
  ['?', 'this list'],
  ['a', 'add a KPI'],
  ['w', 'fill the screen'],
  ['Arrow keys at ⠿', 'move a tile; with Shift its size; Delete removes it'],
  ['Arrow keys in a chart', 'step through the buckets'],
  ['+ − 0 in a chart', 'zoom in, out, back'],
  ['← → Space on the wall', 'board before, next, hold'],
  ['Esc', 'close, leave the wall'],
];

export const showKeys = () =>
  void dialog(
    'Keys',
    h(
      'dl',
      { class: 'key-list' },
      ...KEYS.flatMap(([key = '', what = '']) => [
        h('dt', {}, h('kbd', {}, key)),
        h('dd', {}, what),
      ]),
    ),
  );
