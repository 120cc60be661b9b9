import assert from 'node:assert/strict';
import test from 'node:test';
import { newBoard, newTile, plain, readBoard } from '../../../web/board/board.js';
import { toCsv } from '../../../web/board/csv.js';
import { firstTiles } from '../../../web/board/first-board.js';
import { fromFragment, toFragment } from '../../../web/board/link.js';
import { find } from '../../../web/board/picker.js';

/** @param {Partial<import('../../../web/stream/catalogue.js').Kpi>} more */
const kpi = (more) => ({
  code: 'a',
  name: 'A',
  unit: '',
  decimals: null,
  direction: null,
  target: null,
  simulated: false,
  ...more,
});

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
  ]);
  const read = fromFragment(toFragment(board));
  assert.deepEqual(read && plain(read), plain(board));
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
