/** The dashboard. */

import { Arranger } from './board/arrange.js';
import { newTile, PERIODS } from './board/board.js';
import { Boards } from './board/boards.js';
import { BoardsMenu } from './board/boards-menu.js';
import { firstTiles } from './board/first-board.js';
import { emptyBoard, Grid } from './board/grid.js';
import { icon } from './board/icons.js';
import { Picker } from './board/picker.js';
import { Status } from './board/status.js';
import { themeSwitch } from './board/theme.js';
import { TileMenu } from './board/tile-menu.js';
import { Wall } from './board/wall.js';
import { openStream } from './stream/open.js';
import { h, write } from './tile/dom.js';

/** @typedef {import('./board/frame.js').Frame} Frame */

const RETRY_MS = 2_000;
/** Targets and names change seldom, and this page stays open for days. */
const CATALOGUE_MS = 300_000;

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
const picker = new Picker(boards, () => stream.catalogue({ fresh: true }));
const tileMenu = new TileMenu(boards, remove);
new Arranger(grid, boards, { say: (text) => status.whisper(text), remove });
const boardsMenu = new BoardsMenu(boards, byId('boards'), (text) => status.say(text));
const wall = new Wall(grid, boards);

document.body.append(picker.element, tileMenu.element, boardsMenu.element);
themeSwitch(/** @type {HTMLButtonElement} */ (byId('theme')));
byId('add').prepend(icon('add'));
byId('boards').append(icon('down'));
byId('wall').append(icon('wall'));
byId('add').addEventListener('click', () => void picker.open());
byId('wall').addEventListener('click', () => wall.enter());
byId('empty').append(emptyBoard(() => void picker.open()));
grid.element.addEventListener('click', (event) => {
  const opener = /** @type {Element} */ (event.target).closest('.more');
  const frame = grid.frame(opener?.closest('.cell')?.getAttribute('data-key') ?? '');
  if (frame) tileMenu.open(frame);
});
for (const period of PERIODS) {
  byId(`all-${period}`).addEventListener('change', () => {
    boards.edit((board) => {
      for (const tile of board.tiles) tile.period = period;
    });
  });
}
boards.addEventListener('change', show);
boards.addEventListener('copy', sayCopied);
show();
sayCopied();
void begin();

/** Show the board as it is now. */
function show() {
  const { name, tiles } = boards.current;
  write(byId('board-name'), name);
  document.title = `${name} · kpi-stream`;
  byId('empty').hidden = tiles.length > 0 || boards.untouched;
  byId('grid').hidden = tiles.length === 0;
  for (const period of PERIODS) {
    const radio = /** @type {HTMLInputElement} */ (byId(`all-${period}`));
    radio.checked = tiles.length > 0 && tiles.every((tile) => tile.period === period);
  }
  grid.update();
}

/** Tell of a link that says something else of a board that is here. */
function sayCopied() {
  const { copied, current } = boards;
  if (!copied) return;
  const back = h('button', { type: 'button', onclick: () => boards.show(copied.id) }, 'Show mine');
  status.say(`Your “${copied.name}” is another by now. The link is “${current.name}”.`, back);
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
    status.say(`${name} is back.`);
  };
  status.say(`${name} is removed.`, h('button', { type: 'button', onclick: undo }, 'Undo'));
  (grid.frames[Math.min(at, grid.frames.length - 1)]?.grip ?? byId('add')).focus();
}

/** Once the server says what there is: name the controls, and fill a first board. */
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
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
