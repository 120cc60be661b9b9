/** The few icons, drawn on a 16 × 16 grid. */

import { svg } from '../tile/dom.js';

const PATHS = {
  add: 'M8 3v10M3 8h10',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  grip: 'M6 4h.01M6 8h.01M6 12h.01M10 4h.01M10 8h.01M10 12h.01',
  number: 'M4 5.5 5.5 4v8M4 12h3M9 5.6C9.4 3.6 12.4 3.6 12.4 6 12.4 8 9 9.500 9 12h3.600',
  line: 'M2 11.500 5.500 7 8.500 9.500 14 4',
  bars: 'M3.500 13V8M8 13V3.500M12.500 13V6',
  gauge: 'M2.500 12a5.500 5.500 0 1 1 11 0M8 12l2.500-4',
  table: 'M2.500 4h11M2.500 8h11M2.500 12h11',
  wall: 'M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1.500v1M8 13.500v1M1.500 8h1M13.500 8h1M3.400 3.400l.7.7M11.900 11.900l.7.7M3.400 12.600l.7-.7M11.900 4.100l.7-.7',
  moon: 'M13 9.500A5.500 5.500 0 0 1 6.500 3 5.500 5.500 0 1 0 13 9.500',
  auto: 'M8 2.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11M8 2.500v11M8 5h3.500M8 8h5.500M8 11h3.500',
  down: 'M4 6l4 4 4-4',
  download: 'M8 2.500v8M4.500 7.500 8 11l3.500-3.500M3 13.500h10',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3.500 8.500l3 3 6-7',
  rank: 'M2.500 4h11M2.500 8h7M2.500 12h4',
  status:
    'M2.500 2.500h4.500V7H2.500ZM9 2.500h4.500V7H9ZM2.500 9h4.500v4.500H2.500ZM9 9h4.500v4.500H9Z',
  heading: 'M4 3v10M12 3v10M4 8h8',
  text: 'M2.500 4h11M2.500 7h11M2.500 10h11M2.500 13h6',
  picture: 'M2.500 3h11v10h-11ZM3 11l3-3 2.500 2.500L11 8l2.500 2.500',
  bell: 'M4 11V7.500a4 4 0 0 1 8 0V11l1 1.500H3ZM7 14.500h2',
  help: 'M6 6a2 2 0 1 1 2.600 1.900c-.4.2-.6.500-.6 1V10M8 12.500h.01M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13',
  search: 'M7 2.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9M10.500 10.500l3 3',
};

/** @typedef {keyof typeof PATHS} IconName */

/** @param {IconName} name */
export function icon(name) {
  const path = svg('path', { d: PATHS[name] });
  return svg('svg', { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true' }, path);
}
