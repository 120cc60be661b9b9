/** Light, dark, or as the system is; remembered, and applied by the page's first script. */

import { icon } from './icons.js';

export const THEME_KEY = 'kpi-stream theme';
const ORDER = /** @type {const} */ (['auto', 'light', 'dark']);
const ICONS = /** @type {const} */ ({ auto: 'auto', light: 'sun', dark: 'moon' });
const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };

/** @param {HTMLButtonElement} button */
export function themeSwitch(button) {
  let theme = ORDER.find((each) => each === remembered()) ?? 'auto';
  const apply = () => {
    document.documentElement.style.colorScheme = theme === 'auto' ? 'light dark' : theme;
    button.replaceChildren(icon(ICONS[theme]));
    const label = `Colours: ${theme}; switch to ${NEXT[theme]}`;
    button.setAttribute('aria-label', label);
    button.title = label;
    document.dispatchEvent(new Event('kpi-theme'));
  };
  button.addEventListener('click', () => {
    theme = /** @type {typeof theme} */ (NEXT[theme]);
    try {
      localStorage.setItem(THEME_KEY, theme);
    } catch {
      // Then it lasts as long as the page.
    }
    apply();
  });
  apply();
}

function remembered() {
  try {
    return localStorage.getItem(THEME_KEY);
  } catch {
    return null;
  }
}
