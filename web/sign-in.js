/**
 * Exchanges a token for a session: the token of a screen's link, which is in the fragment because
 * browsers send that to nobody, or one that is pasted.
 */

const form = /** @type {HTMLFormElement} */ (document.getElementById('form'));
const field = /** @type {HTMLTextAreaElement} */ (document.getElementById('token'));
const said = /** @type {HTMLElement} */ (document.getElementById('said'));

const RETRY_MS = 5_000;

/** Where the session leads: the board that the link names, or the dashboard. */
function target() {
  const asked = new URLSearchParams(location.search);
  const board = asked.get('board');
  const page = board ? `./b/${encodeURIComponent(board)}` : './';
  return asked.has('wall') ? `${page}?wall` : page;
}

/** @param {string} token */
async function signIn(token) {
  said.textContent = 'Signing in…';
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch('session', {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
    });
  } catch {
    again(token);
    return;
  }
  if (answer.ok) {
    location.replace(new URL(target(), location.href));
  } else if (answer.status >= 500 || answer.status === 429) {
    again(token);
  } else {
    const problem = await answer.json().catch(() => ({}));
    ask(`${problem.title ?? 'Refused'}: ${problem.detail ?? answer.status}`);
  }
}

/** A screen on a wall has nobody who would try again. @param {string} token */
function again(token) {
  said.textContent = 'The server does not answer; trying again.';
  setTimeout(() => void signIn(token), RETRY_MS);
}

/** @param {string} why */
function ask(why) {
  said.textContent = why;
  form.hidden = false;
  field.focus();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const token = field.value.trim();
  if (token) void signIn(token);
});

const given = location.hash.slice(1);
if (given) void signIn(given);
else ask('');
