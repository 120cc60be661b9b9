import assert from 'node:assert/strict';
import test from 'node:test';
import { newBoard, newTile, readBoard, setPeriod, toStored } from '../../../web/board/board.js';
import { slugOf } from '../../../web/board/board-server.js';
import { cell, toCsv } from '../../../web/board/csv.js';
import { firstTiles } from '../../../web/board/first-board.js';
import { fromFragment, toFragment } from '../../../web/board/link.js';
import { rowsOf } from '../../../web/board/packing.js';
import { find } from '../../../web/board/picker.js';
import { playlist } from '../../../web/board/playlist.js';
import { BoardStorage, storageKey } from '../../../web/board/storage.js';
import { summaryText } from '../../../web/board/summary.js';
import { unnamed } from '../../../web/stream/catalogue.js';
import { matching } from '../../../web/stream/pattern.js';

/** @param {Partial<import('../../../web/stream/catalogue.js').Kpi>} more */
const kpi = (more) => ({ ...unnamed('a'), name: 'A', ...more });

test('a board comes back from its link as it was', () => {
  const board = newBoard('Nord & Süd / Schicht #2', [
    newTile({ code: 'orders' }),
    newTile({
      code: 'sensor.7-b_C',
      period: 'hour',
      view: 'line',
      width: 3,
      height: 2,
      depth: 720,
    }),
    newTile({ code: 'orders', period: 'day', view: 'table' }),
    newTile({ code: 'plant1.*', view: 'rank', width: 2 }),
    newTile({ view: 'heading', title: 'Halle 2, Süd & 100 % + more' }),
    newTile({
      code: 'a',
      view: 'line',
      title: 'Mine, and yours',
      more: ['b.c', 'd-e'],
      earlier: 'week',
      alert: true,
    }),
  ]);
  const read = fromFragment(toFragment(board));
  assert.deepEqual(read && toStored(read), toStored(board));
});

test('a link is short and says what it shows', () => {
  const board = {
    ...newBoard('Ops', [newTile({ code: 'cpu', view: 'line', width: 2 })]),
    id: 'k3',
  };
  assert.equal(toFragment(board), '#id=k3&name=Ops&t=cpu:minute,line,2x1');
});

test('a link that was tampered with shows what can be shown', () => {
  const board = fromFragment(
    '#name=&t=ok:hour,9x9,99999,pie&t=no%0Ane:minute&t=bad:eon&t=:minute&t=',
  );
  assert.deepEqual(
    board?.tiles.map(({ code, period, view, width, height, depth }) =>
      [code, period, view, width, height, depth].join(' '),
    ),
    ['ok hour number 4 4 1440', 'bad minute number 1 1 60'],
  );
  assert.equal(board?.name, 'Board');
  assert.equal(fromFragment('#somewhere'), null);
  assert.equal(fromFragment(''), null);
});

test('only boards are read from files', () => {
  for (const raw of [null, 7, 'x', {}, { tiles: 'no' }]) assert.equal(readBoard(raw), null);
  assert.deepEqual(readBoard({ tiles: [{ code: '<b>' }, null, 7] })?.tiles, []);
  const odd = readBoard({ id: 7, name: { toString: 1 }, tiles: [] });
  assert.equal(typeof odd?.id, 'string');
  assert.equal(odd?.name, 'Board');
});

test('a first board mixes business and machine, and has what can be judged first', () => {
  const kpis = [
    kpi({ code: 'm1' }),
    kpi({ code: 'm2', target: 1, direction: 'up' }),
    kpi({ code: 's1', simulated: true }),
    kpi({ code: 's2', simulated: true, target: 1, direction: 'up' }),
  ];
  assert.deepEqual(
    firstTiles(kpis).map(({ code }) => code),
    ['s2', 'm2', 's1', 'm1'],
  );
  const many = Array.from({ length: 40 }, (_, at) => kpi({ code: `m${at}` }));
  assert.equal(firstTiles(many).length, 8);
  assert.deepEqual(firstTiles([]), []);
});

test('every word is looked for in name, code and unit', () => {
  const kpis = [
    kpi({ code: 'disk_read', name: 'Disk read', unit: 'MB/s' }),
    kpi({ code: 'net_in', name: 'Network received', unit: 'MB/s' }),
    kpi({ code: 'readings', name: 'A reading', unit: '%' }),
  ];
  assert.deepEqual(
    find(kpis, 'mb/s').map(({ code }) => code),
    ['disk_read', 'net_in'],
  );
  assert.deepEqual(
    find(kpis, ' READ disk ').map(({ code }) => code),
    ['disk_read'],
  );
  assert.deepEqual(
    find(kpis, 'read').map(({ code }) => code),
    ['disk_read', 'readings'],
  );
  assert.equal(find(kpis, '').length, 3);
  assert.equal(find(kpis, 'zebra').length, 0);
});

test('a file has all digits, and nothing in a gap', () => {
  const [start, end] = [Date.UTC(2026, 4, 4, 11), Date.UTC(2026, 4, 4, 12)];
  const text = toCsv('a.b', 'hour', [
    { start, end, value: 0.1 + 0.2, points: 3, min: -1, max: 1e21, corrected: true },
    { start, end, value: null, points: 0, min: null, max: null, corrected: false },
  ]);
  assert.equal(
    text,
    'kpi,period,bucket,end,value,points,min,max,corrected\r\n' +
      'a.b,hour,2026-05-04T11:00:00.000Z,2026-05-04T12:00:00.000Z,0.30000000000000004,3,-1,1e+21,true\r\n' +
      'a.b,hour,2026-05-04T11:00:00.000Z,2026-05-04T12:00:00.000Z,,0,,,false\r\n',
  );
});

test('each period has the range that was chosen for it', () => {
  const tile = newTile({ code: 'a', depth: 1_440 });
  setPeriod(tile, 'day');
  assert.equal(tile.depth, 60);
  tile.depth = 365;
  setPeriod(tile, 'minute');
  assert.equal(tile.depth, 1_440);
  setPeriod(tile, 'day');
  assert.equal(tile.depth, 365);
  const [read] = readBoard({ tiles: [tile] })?.tiles ?? [];
  assert.deepEqual(read?.depths, { minute: 1_440, day: 365 });
});

test('what fills a board is packed as the page packs it', () => {
  /** @param {[number, number][]} sizes @param {number} columns */
  const rows = (sizes, columns) =>
    rowsOf(
      sizes.map(([width, height]) => newTile({ code: 'a', width, height })),
      columns,
    );
  assert.equal(rows([], 4), 0.25);
  assert.equal(
    rows(
      [
        [1, 1],
        [2, 2],
        [1, 1],
      ],
      4,
    ),
    2,
  );
  assert.equal(
    rows(
      [
        [3, 1],
        [3, 1],
        [1, 1],
      ],
      4,
    ),
    2,
  );
  assert.equal(rows([[4, 1]], 2), 1);
  assert.equal(rowsOf([newTile({ view: 'heading' }), newTile({ code: 'a' })], 3), 1.25);
});

test('two dashboards on one host share no storage', () => {
  assert.equal(storageKey('/'), 'kpi-stream boards');
  assert.notEqual(storageKey('/a/'), storageKey('/b/'));
});

test('boards that cannot be read are kept aside, and it is said once', () => {
  const kept = new Map([['kpi-stream boards', '[{"tiles": [']]);
  Object.assign(globalThis, {
    localStorage: {
      getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => kept.set(key, value),
    },
  });
  /** @type {string[]} */
  const told = [];
  const storage = new BoardStorage('/', (text) => told.push(text));
  assert.deepEqual(storage.read(), []);
  assert.deepEqual(storage.read(), []);
  storage.write([newBoard('New')]);
  assert.equal(kept.get('kpi-stream boards (unreadable)'), '[{"tiles": [');
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /unreadable/);
});

test('where nothing can be kept, it is said', () => {
  Object.assign(globalThis, {
    localStorage: {
      getItem: () => null,
      setItem: () => {
        throw new DOMException('full', 'QuotaExceededError');
      },
    },
  });
  /** @type {string[]} */
  const told = [];
  const storage = new BoardStorage('/', (text) => told.push(text));
  storage.write([newBoard('New')]);
  storage.write([newBoard('New')]);
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /keeps no data/);
});

test('a pattern names all KPIs whose code is like it', () => {
  const kpis = ['plant1.a', 'plant1.b', 'plant10.a', 'plant1xa'].map((code) => kpi({ code }));
  assert.deepEqual(
    matching(kpis, 'plant1.*').map(({ code }) => code),
    ['plant1.a', 'plant1.b'],
  );
  assert.equal(matching(kpis, '*.a').length, 2);
  assert.equal(matching(kpis, 'plant').length, 0);
});

test('a wall shows the boards of its address, else those chosen, else all', () => {
  const boards = ['a', 'b', 'c'].map((id) => ({ ...newBoard(id), id }));
  /** @param {string} address @param {{ id: string, seconds: number }[]} [chosen] */
  const of = (address, chosen = []) =>
    playlist(boards, new URLSearchParams(address), chosen).map(
      ({ board, seconds }) => `${board.id} ${seconds}`,
    );
  assert.deepEqual(of(''), ['a 30', 'b 30', 'c 30']);
  assert.deepEqual(of('wall=60&boards=c,a:7,gone'), ['c 60', 'a 7']);
  assert.deepEqual(of('wall', [{ id: 'b', seconds: 12 }]), ['b 12']);
  assert.deepEqual(of('wall=1&boards=gone'), ['a 5', 'b 5', 'c 5']);
});

test('what is off target is said in few words', () => {
  assert.equal(summaryText({ bad: 0, warning: 0, judged: 5 }), '');
  assert.equal(summaryText({ bad: 2, warning: 1, judged: 8 }), '2 of 8 off target');
  assert.equal(summaryText({ bad: 0, warning: 1, judged: 8 }), '1 of 8 near the limit');
});

test('a name becomes an address', () => {
  assert.equal(slugOf('Nord & Süd / Schicht #2'), 'nord-sud-schicht-2');
  assert.equal(slugOf('  '), '');
});

test('no cell of a CSV file is a formula, and numbers stay numbers', () => {
  const formulas = [
    '=1+1',
    '+1+1',
    '-2+3',
    '@SUM(1)',
    '\t=1',
    '\r=1',
    '\n=1',
    ' =1',
    '"=1',
    "'=1",
    '\u{feff}=1',
    '\u00a0=1',
    '\u200b=1',
    '\0=1',
    '＝1+1',
    '＋1',
    '－1+1',
    '＠SUM(1)',
    '−1+1',
    '-a.b',
    "+cmd|' /C calc'!A0",
    '=HYPERLINK("http://x","y")',
    '-1;=2',
    '+1e',
    '-',
    '=',
    '\ttext',
  ];
  for (const text of formulas) {
    const written = cell(text);
    const plain = written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written;
    assert.equal(plain, `'${text}`);
    assert.equal(written.startsWith('"'), /[",\r\n]/.test(text), written);
  }
  for (const value of [-1, 0, 1.5, -2.25e-7, 1e21, '-12.5', '+3', '1e-9'])
    assert.equal(cell(value), String(value));
  for (const text of ['a=b', 'plant1.oee', 'a-b', '1+1', '', '2026-05-04T12:00:00.000Z', 'true'])
    assert.equal(cell(text), text);
  assert.equal(cell('a,"b"'), '"a,""b"""');
  const line = toCsv('-a.b', 'hour', [
    { start: 0, end: 1, value: -4.5, points: 2, min: -9, max: -1e-9, corrected: false },
  ]).split('\r\n')[1];
  assert.equal(
    line,
    "'-a.b,hour,1970-01-01T00:00:00.000Z,1970-01-01T00:00:00.001Z,-4.5,2,-9,-1e-9,false",
  );
});
