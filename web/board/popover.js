/** Puts a popover beside what opened it, within the window. */

const GAP_PX = 6;
const EDGE_PX = 8;

/** @param {HTMLElement} popover @param {HTMLElement} opener */
export function placeBeside(popover, opener) {
  const at = opener.getBoundingClientRect();
  const { width, height } = popover.getBoundingClientRect();
  const left = Math.min(Math.max(EDGE_PX, at.right - width), innerWidth - width - EDGE_PX);
  const below = at.bottom + GAP_PX;
  const top = below + height > innerHeight - EDGE_PX ? at.top - GAP_PX - height : below;
  popover.style.left = `${Math.max(EDGE_PX, left)}px`;
  popover.style.top = `${Math.max(EDGE_PX, top)}px`;
  popover.addEventListener(
    'toggle',
    (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === 'closed') opener.focus();
    },
    { once: true },
  );
}
