/** The views of a KPI, by name. */

import { barsView, lineView } from './view-chart.js';
import { gaugeView } from './view-gauge.js';
import { numberView } from './view-number.js';
import { tableView } from './view-table.js';

/** @type {Record<string, import('./view.js').MakeView>} */
export const VIEWS = {
  number: numberView,
  line: lineView,
  bars: barsView,
  gauge: gaugeView,
  table: tableView,
};
