import assert from 'node:assert/strict';
import test, { beforeEach, mock } from 'node:test';
import { FakeButton, pass, settle, withheld } from './fakes.js';

/** What a browser has and Node has not, as far as boards need it. */
const kept = new Map();
Object.assign(globalThis, {
  addEventListener: () => {},
  localStorage: {
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ text) => kept.set(key, text),
  },
  document: { createElement: () => new FakeButton() },
});

const { Boards } = await import('../../../web/board/boards.js');
const { SharedBoards } = await import('../../../web/board/shared-boards.js');
const { newTile, toStored } = await import('../../../web/board/board.js');

const HOME = new URL('../../../', import.meta.url);

/** The boards of the server, as it keeps them: the newest last. @type {{ name: string, definition: any }[]} */
let versions = [];
/** What becomes of the next requests of each kind; then they are answered. @type {Record<string, ((answer: () => any) => any)[]>} */
let fate = {};
/** @type {string[]} */
let requests = [];

const ok = (/** @type {object} */ body) => ({ ok: true, status: 200, json: async () => body });
const refusal = (/** @type {number} */ status, detail = '') => ({
  ok: false,
  status,
  json: async () => ({ detail }),
});
/** It is done, and the answer never comes. */
const lost = (/** @type {() => any} */ answer) => {
  answer();
  throw new TypeError('network');
};

/** @param {string} method @param {Record<string, string>} headers @param {string} body */
function answer(method, headers, body) {
  const version = versions.length;
  const latest = versions.at(-1);
  if (method === 'GET') return latest ? ok({ ...latest, version }) : refusal(404);
  const match = headers['If-Match'];
  if (match ? match !== `"${version}"` : version > 0) return refusal(412);
  if (method === 'DELETE') {
    versions.length = 0;
    return ok({});
  }
  versions.push(JSON.parse(body));
  return ok({ version: version + 1 });
}

/** Change the board as somebody else does. @param {string} name */
const theyName = (name) =>
  versions.push({ .../** @type {{ definition: any }} */ (versions.at(-1)), name });

/** Open the page on the board, with what this browser keeps. */
async function open() {
  const status = {
    /** @type {string[]} */
    told: [],
    tell: (/** @type {string} */ text) => status.told.push(text),
    /** @type {(text: string, ...buttons: any[]) => void} */
    ask(text, ...buttons) {
      status.told.push(text);
      status.buttons = buttons;
    },
    /** @type {any[]} */
    buttons: [],
    /** @param {string} text */
    press(text) {
      const button = status.buttons.find((each) => each.text === text);
      button.dispatchEvent(new Event('click'));
    },
  };
  const stream = Object.assign(new EventTarget(), {
    followBoards() {},
    connection: { state: 'live' },
  });
  const boards = new Boards();
  const shared = new SharedBoards(boards, /** @type {any} */ (stream), /** @type {any} */ (status));
  await settle();
  const rename = (/** @type {string} */ name) =>
    boards.edit((board) => {
      board.name = name;
    });
  return { boards, shared, status, stream, rename };
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  kept.clear();
  requests = [];
  fate = { GET: [], PUT: [], DELETE: [] };
  const { tiles } = toStored({ id: 'a', name: '', tiles: [newTile({ code: 'orders' })] });
  versions = [{ name: 'Ops', definition: { tiles } }];
  Object.assign(globalThis, {
    location: new URL('b/ops', HOME),
    history: { state: null, pushState() {}, replaceState() {} },
    fetch: async (/** @type {URL} */ _, /** @type {any} */ { method = 'GET', headers, body }) => {
      requests.push(method);
      const said = () => answer(method, headers, body);
      const act = fate[method]?.shift();
      return act ? act(said) : said();
    },
  });
});

test('a change is written, with the version it is a change of', async () => {
  const { boards, rename, status } = await open();
  rename('Mine');
  await pass(400);
  assert.deepEqual(
    versions.map(({ name }) => name),
    ['Ops', 'Mine'],
  );
  assert.deepEqual(boards.current.shared, { slug: 'ops', version: 2 });
  assert.deepEqual(status.told, []);
});

test("a change of which the answer was lost is nobody else's", async () => {
  const { boards, rename, status } = await open();
  fate.PUT = [lost];
  rename('Mine');
  await pass(400);
  await pass(5_000);
  assert.deepEqual(requests, ['GET', 'PUT', 'PUT', 'GET']);
  assert.deepEqual(status.told, []);
  assert.deepEqual(boards.current.shared, { slug: 'ops', version: 2 });
  assert.equal(versions.length, 2);
});

test('a change beside one that is slow to be written waits for it', async () => {
  const { boards, rename, status } = await open();
  const slow = withheld();
  fate.PUT = [(said) => slow.until.then(said)];
  rename('First');
  await pass(400);
  rename('Second');
  await pass(400);
  slow.end();
  await settle();
  await pass(400);
  assert.deepEqual(status.told, []);
  assert.deepEqual(
    versions.map(({ name }) => name),
    ['Ops', 'First', 'Second'],
  );
  assert.deepEqual(boards.current.shared, { slug: 'ops', version: 3 });
});

test('a read that fails is no deletion', async () => {
  for (const failed of [() => refusal(503), () => refusal(429), () => refusal(401), lost]) {
    versions.length = 1;
    kept.clear();
    const { rename, status } = await open();
    theyName('Theirs');
    fate.GET = [failed];
    rename('Mine');
    await pass(400);
    assert.deepEqual(status.told, []);
    await pass(5_000);
    assert.deepEqual(status.told, ['Somebody else has changed “Mine” meanwhile.']);
  }
});

test('a board that the server does not tell of is asked for again', async () => {
  fate.GET = [() => refusal(503)];
  const { boards, status } = await open();
  assert.match(status.told.join(), /^The server does not say/);
  await pass(5_000);
  assert.equal(boards.current.name, 'Ops');
});

test('a change that is refused is said to be so, and theirs can be taken', async () => {
  const { boards, rename, status } = await open();
  fate.PUT = [() => refusal(403, 'You may only look.')];
  rename('Mine');
  await pass(400);
  assert.deepEqual(status.told, ['“Mine” is not written: You may only look.']);
  status.press('Take theirs');
  assert.equal(boards.current.name, 'Ops');
  assert.deepEqual(boards.current.shared, { slug: 'ops', version: 1 });
});

test('a change while nobody is signed in is written when somebody is', async () => {
  const { rename, status } = await open();
  fate.PUT = [() => refusal(401)];
  rename('Mine');
  await pass(400);
  await pass(5_000);
  assert.deepEqual(status.told, []);
  assert.equal(versions.at(-1)?.name, 'Mine');
});

test('what was not written is not overwritten when the page is loaded anew', async () => {
  const before = await open();
  fate.PUT = [() => refusal(503)];
  before.rename('Mine');
  await pass(400);
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  const { boards, status } = await open();
  assert.equal(boards.current.name, 'Mine');
  await pass(0);
  assert.equal(versions.at(-1)?.name, 'Mine');
  assert.deepEqual(status.told, []);
});

test('what is changed while somebody is asked what to keep is kept, too', async () => {
  const { boards, rename, status } = await open();
  theyName('Theirs');
  rename('Mine');
  await pass(400);
  assert.deepEqual(status.told, ['Somebody else has changed “Mine” meanwhile.']);
  rename('Mine, more');
  theyName('Theirs, more');
  await pass(400);
  status.press('Keep both');
  assert.deepEqual(
    boards.all.map(({ name }) => name),
    ['Theirs', 'Mine, more (mine)'],
  );
});

test("keeping both of a board that was deleted leaves one of one's own", async () => {
  const { boards, rename, status } = await open();
  versions.length = 0;
  rename('Mine');
  await pass(400);
  assert.deepEqual(status.told, ['Somebody else has deleted “Mine” meanwhile.']);
  status.press('Keep both');
  const own = boards.all.filter(({ tiles }) => tiles.length > 0);
  assert.deepEqual(
    own.map(({ name, shared }) => [name, shared]),
    [['Mine (mine)', undefined]],
  );
});

test('a board that is answered for while another is shown leaves that alone', async () => {
  const { boards, rename, status } = await open();
  versions.length = 0;
  rename('Mine');
  await pass(400);
  boards.add({ id: 'other', name: 'Other', tiles: [] });
  status.press('Take theirs');
  assert.deepEqual(
    boards.all.map(({ name }) => name),
    ['Other'],
  );
  assert.equal(boards.current.name, 'Other');
});

test("what others change while one's own is being written is taken after it", async () => {
  const { boards, rename, stream, status } = await open();
  fate.PUT = [
    (said) => {
      const answered = said();
      theyName('Theirs');
      const detail = { slug: 'ops', version: 3 };
      stream.dispatchEvent(new CustomEvent('board', { detail }));
      return answered;
    },
  ];
  rename('Mine');
  await pass(400);
  await settle();
  assert.equal(boards.current.name, 'Theirs');
  assert.deepEqual(status.told, []);
});

test('a board that is deleted while a change is being written is deleted as it is then', async () => {
  const { boards, shared, rename, status } = await open();
  const slow = withheld();
  fate.PUT = [(said) => slow.until.then(said)];
  rename('Mine');
  await pass(400);
  const removal = shared.remove();
  await settle();
  slow.end();
  const undo = await removal;
  assert.deepEqual(status.told, []);
  assert.equal(versions.length, 0);
  undo?.();
  await settle();
  assert.equal(versions.at(-1)?.name, 'Mine');
  assert.equal(boards.current.shared?.unwritten, undefined);
});
