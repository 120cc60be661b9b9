/** The dashboard. */

import { Alerts } from './board/alerts.js';
import { Arranger } from './board/arrange.js';
import { newTile, PERIODS, setPeriod } from './board/board.js';
import { Boards } from './board/boards.js';
import { BoardsMenu } from './board/boards-menu.js';
import { saveBlob } from './board/csv.js';
import { editPlaylist, PlaylistChoice, showHistory, showKeys } from './board/dialogs.js';
import { firstTiles } from './board/first-board.js';
import { emptyBoard, Grid } from './board/grid.js';
import { icon } from './board/icons.js';
import { Picker } from './board/picker.js';
import { boardPicture, tilePicture } from './board/picture.js';
import { Release, wasWall } from './board/release.js';
import { SharedBoards } from './board/shared-boards.js';
import { Status } from './board/status.js';
import { Summary } from './board/summary.js';
import { themeSwitch } from './board/theme.js';
import { TileMenu } from './board/tile-menu.js';
import { Wall } from './board/wall.js';
import { openStream } from './stream/open.js';
import { h, isTyping, write } from './tile/dom.js';

/** @typedef {import('./board/frame.js').Frame} Frame */

const RETRY_MS = 2_000;
/** Targets and names change seldom, and this page stays open for days. */
const CATALOGUE_MS = 300_000;
/** How long a tile is marked that was just added. */
const NEW_MS = 2_500;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const stream = openStream();
const boards = new Boards();
const grid = new Grid(byId('grid'), boards);
const status = new Status(stream, {
  badge: byId('connection'),
  notice: byId('notice'),
  aloud: byId('aloud'),
});
const { pathname } = boards.home;
const shared = new SharedBoards(boards, stream, status);
const alerts = new Alerts(boards, stream, byId('alerts'), pathname);
const picker = new Picker(boards, () => stream.catalogue({ fresh: true }), showAdded);
const tileMenu = new TileMenu(boards, {
  remove,
  savePicture: (frame) => void savePicture(tilePicture(frame), frame.name),
  allowAlerts: () => alerts.allow(),
  catalogue: () => stream.catalogue(),
});
new Arranger(grid, boards, { say: (text) => status.announce(text), remove });
const choice = new PlaylistChoice(pathname);
const boardsMenu = new BoardsMenu(boards, shared, byId('boards'), {
  tell: (text, ...more) => status.tell(text, ...more),
  savePicture: () => void savePicture(boardPicture(grid, boards.current.name), boards.current.name),
  editPlaylist: () => editPlaylist(boards, choice),
  showHistory: () => void showHistory(shared),
});
const wall = new Wall(grid, boards, stream, {
  place: byId('place'),
  chosen: () => choice.chosen,
  tell: (text) => status.tell(text),
});
new Summary(grid, boards, stream, status, byId('summary'));
new Release(stream, {
  onWall: () => wall.on,
  tell: (text, button) => status.ask(text, button),
  busy: () => document.querySelector('dialog[open], :popover-open, .dragged, .resized') !== null,
});

document.body.append(picker.element, tileMenu.element, boardsMenu.element, alerts.element);
themeSwitch(/** @type {HTMLButtonElement} */ (byId('theme')));
byId('add').prepend(icon('add'));
byId('boards').append(icon('down'));
byId('wall').append(icon('wall'));
byId('alerts').append(icon('bell'));
byId('keys').append(icon('help'));
byId('add').addEventListener('click', () => void picker.open());
byId('wall').addEventListener('click', () => wall.enter());
byId('keys').addEventListener('click', showKeys);
byId('empty').append(emptyBoard(() => void picker.open()));
grid.element.addEventListener('click', (event) => {
  const opener = /** @type {Element} */ (event.target).closest('.more');
  const frame = grid.frame(opener?.closest('.cell')?.getAttribute('data-key') ?? '');
  if (frame) tileMenu.open(frame);
});
for (const period of PERIODS) {
  document.getElementById(`all-${period}`)?.addEventListener('change', () => {
    boards.edit((board) => {
      for (const tile of board.tiles) setPeriod(tile, period);
    });
  });
}
addEventListener('keydown', (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '?') showKeys();
  else if (event.key === 'a' && !wall.on) void picker.open();
  else if (event.key === 'w') wall.enter();
});
boards.addEventListener('change', show);
boards.addEventListener('copy', tellCopied);
boards.addEventListener('trouble', tellTroubles);
status.addEventListener('alarm', () => {
  // It may be that the server knows nobody here any more.
  if (status.alarmed) stream.catalogue({ fresh: true }).catch(signInWhere);
});
grid.element.addEventListener('kpi-change', (event) => {
  const key = /** @type {Element} */ (event.target).closest('.cell')?.getAttribute('data-key');
  grid.frame(key ?? '')?.label();
});
show();
tellCopied();
tellTroubles();
if (wasWall()) wall.enter();
void begin();

/** Show the board as it is now. */
function show() {
  const { name, tiles } = boards.current;
  write(byId('board-name'), name);
  byId('empty').hidden = tiles.length > 0 || boards.untouched;
  byId('grid').hidden = tiles.length === 0;
  for (const period of PERIODS) {
    const radio = /** @type {HTMLInputElement | null} */ (document.getElementById(`all-${period}`));
    if (radio) radio.checked = tiles.length > 0 && tiles.every((tile) => tile.period === period);
  }
  grid.update();
}

/** Tell of a link that says something else of a board that is here. */
function tellCopied() {
  const { copied } = boards;
  if (!copied) return;
  const back = h('button', { type: 'button', onclick: () => boards.show(copied.id) }, 'Show mine');
  status.tell(`This link shows another version of “${copied.name}”. Yours is unchanged.`, back);
}

function tellTroubles() {
  for (const text of boards.troubles.splice(0)) status.tell(text);
}

/** Tell of a tile that was added, and show it. @param {import('./board/board.js').Tile} tile @param {string} name */
function showAdded(tile, name) {
  const undo = () => {
    boards.edit((board) => {
      board.tiles = board.tiles.filter(({ key }) => key !== tile.key);
    });
    status.tell(`${name} is not added.`);
  };
  status.tell(`${name} is added.`, h('button', { type: 'button', onclick: undo }, 'Undo'));
  const element = grid.frame(tile.key)?.element;
  element?.scrollIntoView({ block: 'nearest' });
  element?.classList.add('new');
  setTimeout(() => element?.classList.remove('new'), NEW_MS);
}

/** Take a tile off the board; for a moment it can be put back. @param {Frame} frame */
function remove({ tile, name }) {
  const at = boards.current.tiles.indexOf(tile);
  if (at < 0) return;
  boards.edit((board) => {
    board.tiles.splice(at, 1);
  });
  const { id } = boards.current;
  const undo = () => {
    // Another board may be shown by now.
    boards.show(id);
    if (boards.current.id !== id) return;
    boards.edit((board) => {
      board.tiles.splice(at, 0, newTile(tile));
    });
    status.tell(`${name} is back.`);
  };
  status.tell(`${name} is removed.`, h('button', { type: 'button', onclick: undo }, 'Undo'));
  (grid.frames[Math.min(at, grid.frames.length - 1)]?.grip ?? byId('add')).focus();
}

/** @param {Promise<Blob>} drawn @param {string} name */
async function savePicture(drawn, name) {
  try {
    saveBlob(`${name.replaceAll(/[^\p{L}\p{N}]+/gu, '-')}.png`, await drawn);
  } catch {
    status.tell('This browser cannot draw the picture. Print it, or take a picture of the screen.');
  }
}

/** Once the server says what there is: fill a first board, and keep names and targets new. */
async function begin() {
  for (;;) {
    try {
      const { kpis, timezone } = await stream.catalogue();
      byId('nothing').hidden = kpis.length > 0 || boards.current.tiles.length > 0;
      if (kpis.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        await stream.catalogue({ fresh: true });
        continue;
      }
      if (boards.untouched && boards.current.tiles.length === 0) {
        boards.edit((board) => {
          board.tiles = firstTiles(kpis);
        });
      }
      boards.untouched = false;
      show();
      const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
      const days = timezone === here ? '' : ` Days begin at midnight in ${timezone}.`;
      write(byId('zone'), `Times are in ${here}.${days}`);
      setInterval(() => stream.catalogue({ fresh: true }).catch(() => {}), CATALOGUE_MS);
      return;
    } catch (error) {
      signInWhere(error);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Ask who is there, where the server wants to know it. @param {any} error */
function signInWhere(error) {
  if (error?.status !== 401) return;
  const target = new URL('sign-in', boards.home);
  if (boards.slug) target.searchParams.set('board', boards.slug);
  if (wall.on) target.searchParams.set('wall', '');
  location.assign(target);
}
