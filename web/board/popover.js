/** Opens a menu beside what belongs to it, and closes it again by the same button. */

const GAP_PX = 6;
const EDGE_PX = 8;

/**
 * Show a popover beside its opener, within the window. A second press of the opener closes it: the
 * press itself has closed it by then, which the browser counts as a click outside.
 *
 * @param {HTMLElement} popover
 * @param {HTMLElement} opener
 * @param {{ start?: boolean }} [options] `start`: they begin at the same side.
 * @returns {boolean} Whether it is shown.
 */
export function togglePopover(popover, opener, { start = false } = {}) {
  if (closedBy.get(popover) === opener) {
    closedBy.delete(popover);
    return false;
  }
  closedBy.delete(popover);
  if (popover.matches(':popover-open')) popover.hidePopover();
  popover.showPopover();
  place(popover, opener, start);
  opener.setAttribute('aria-expanded', 'true');
  const shown = new AbortController();
  popover.addEventListener(
    'toggle',
    (event) => {
      // It is told of being opened too.
      if (/** @type {ToggleEvent} */ (event).newState !== 'closed') return;
      shown.abort();
      opener.setAttribute('aria-expanded', 'false');
      opener.focus();
    },
    { signal: shown.signal },
  );
  return true;
}

/** The popovers that the press of a button has just closed, and that button. @type {WeakMap<HTMLElement, Element>} */
const closedBy = new WeakMap();

/** Know when a press on an opener closes its popover. @param {HTMLElement} popover @param {string} openers A selector. */
export function closeByOpener(popover, openers) {
  let open = false;
  /** @type {Element | null} */
  let by = null;
  popover.addEventListener('toggle', (event) => {
    open = /** @type {ToggleEvent} */ (event).newState === 'open';
  });
  document.addEventListener(
    'pointerdown',
    (event) => {
      const pressed = /** @type {Element} */ (event.composedPath()[0] ?? event.target);
      by = open && pressed instanceof Element ? pressed.closest(openers) : null;
      closedBy.delete(popover);
      if (by?.getAttribute('aria-expanded') === 'true') closedBy.set(popover, by);
    },
    { capture: true },
  );
}

/** @param {HTMLElement} popover @param {HTMLElement} opener @param {boolean} start */
function place(popover, opener, start) {
  const at = opener.getBoundingClientRect();
  const { width, height } = popover.getBoundingClientRect();
  const wanted = start ? at.left : at.right - width;
  const left = Math.min(Math.max(EDGE_PX, wanted), innerWidth - width - EDGE_PX);
  const below = at.bottom + GAP_PX;
  const top = below + height > innerHeight - EDGE_PX ? at.top - GAP_PX - height : below;
  popover.style.left = `${Math.max(EDGE_PX, left)}px`;
  popover.style.top = `${Math.max(EDGE_PX, top)}px`;
}
