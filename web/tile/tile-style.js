/** The look of a tile; colours follow the page's `color-scheme` and its `--kpi-…` variables. */

const CSS = `
:host {
  --ink: var(--kpi-ink, light-dark(#1d1f20, #eceae5));
  --muted: var(--kpi-muted, light-dark(#63676a, #9aa0a3));
  --surface: var(--kpi-surface, light-dark(#ffffff, #17191b));
  --hairline: var(--kpi-hairline, light-dark(#e5e2dc, #2a2d30));
  --line: var(--kpi-line, light-dark(#2456c7, #86a8ff));
  --band: color-mix(in oklab, var(--line) 12%, transparent);
  --good: var(--kpi-good, light-dark(#17713f, #63cb93));
  --bad: var(--kpi-bad, light-dark(#b1352a, #f28b7d));
  --warn: var(--kpi-warn, light-dark(#8a5a00, #e3b04b));
  display: block;
  container: tile / size;
  min-block-size: 0;
  color: var(--ink);
  font: 400 0.875rem/1.35 var(--kpi-font, "Inter Variable", Inter, ui-sans-serif, system-ui, "Segoe UI", sans-serif);
  font-variant-numeric: tabular-nums lining-nums;
  -webkit-font-smoothing: antialiased;
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; margin: 0; }
.tile {
  position: relative;
  display: grid;
  grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr);
  block-size: 100%;
  padding: 0.875rem 1rem 0.75rem;
  background: var(--surface);
  border: 1px solid var(--hairline);
  border-radius: 0.75rem;
  overflow: clip;
}
header, footer { display: flex; align-items: center; gap: 0.5rem; min-inline-size: 0; }
header { min-block-size: 1.5rem; }
.name {
  flex: 0 1 auto;
  font-size: 0.875rem; font-weight: 550; letter-spacing: -0.005em;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
.tag {
  flex: none;
  padding: 0 0.4em; border: 1px solid var(--hairline); border-radius: 1em;
  font-size: 0.6875rem; line-height: 1.5; color: var(--muted);
}
slot.controls { display: block; position: absolute; z-index: 1; inset: 0.625rem 0.875rem auto auto; }
:host(:is(:hover, :focus-within)) slot.controls { background: var(--surface); box-shadow: -0.75rem 0 0.75rem var(--surface); }
.now { flex: none; margin-inline-start: 0.5rem; font-size: 1.125rem; font-weight: 600; line-height: 1.2; letter-spacing: -0.01em; white-space: nowrap; }
.now::after { content: "  " attr(data-trend) / ""; font-size: 0.875rem; letter-spacing: 0; color: var(--muted); }
.now[data-tone="good"]::after { color: var(--good); }
.now[data-tone="bad"]::after { color: var(--bad); }
.tag i { font-style: normal; }
@container tile (inline-size < 17rem) { .tag i { display: none; } }
footer { justify-content: space-between; font-size: 0.75rem; color: var(--muted); padding-block-start: 0.5rem; }
.fresh { display: inline-flex; align-items: center; gap: 0.4rem; min-inline-size: 0; white-space: nowrap; margin-inline-start: auto; }
.fresh > span { overflow: hidden; text-overflow: ellipsis; }
.dot { flex: none; inline-size: 0.5rem; block-size: 0.5rem; border-radius: 50%; border: 1.5px solid var(--muted); }
.body { position: relative; min-block-size: 0; }
.body > :not(.tip) { block-size: 100%; }
p { padding: 0; }

[data-state="live"] .dot { background: var(--good); border-color: var(--good); }
:is([data-state="offline"], [data-state="unknown"]) .dot { border-radius: 1px; }
[data-state="stale"] .dot { background: linear-gradient(currentcolor 50%, transparent 50%); }
.tile:is([data-state="stale"], [data-state="late"], [data-state="gap"], [data-state="reconnecting"], [data-state="offline"], [data-state="unknown"]) {
  --tone: var(--warn);
  background: repeating-linear-gradient(135deg, transparent 0 9px, color-mix(in oklab, var(--tone) 12%, transparent) 9px 10px), var(--surface);
  border-color: color-mix(in oklab, var(--tone) 55%, var(--hairline));
  .digits, .unit, .now, .delta, .now::after { color: var(--muted); }
  .goal::before, .spark, .uplot, .filled { filter: grayscale(1); }
  .spark, .filled { opacity: 0.5; }
  .uplot { opacity: 0.85; }
  .fresh { padding: 0.1rem 0.5rem; font-weight: 600; margin-block: -0.15rem; color: var(--surface); background: var(--tone); border-radius: 1rem; }
  .dot { border-color: currentcolor; }
}

.tile:is([data-state="offline"], [data-state="unknown"]) { --tone: var(--bad); }
/* Where there is little room the age counts for more than the dot: the words say the same. */
@container tile (inline-size < 22rem) { .tile:is([data-state="stale"], [data-state="late"], [data-state="gap"], [data-state="reconnecting"], [data-state="offline"]) .dot { display: none; } }

.number { display: grid; grid-template-rows: auto auto minmax(0, 1fr); }
.figure { display: flex; align-items: baseline; gap: 0.1em; white-space: nowrap; line-height: 1.08; font-size: clamp(1.5rem, min(29cqb, calc(88cqi / var(--chars, 6) * 1.5)), 13rem); }
.number .figure { padding-block-start: 0.12em; }
/* Not thinner: where the system has an extra light, it is not read from across a room. */
.digits { font-weight: 400; letter-spacing: -0.035em; }
.number .digits { margin-inline-start: -0.04em; }
.unit { font-size: 0.4em; font-weight: 450; color: var(--muted); }
.beside { display: flex; gap: 0.9em; align-items: baseline; min-block-size: 1.35em; font-size: clamp(0.8125rem, 6.8cqb, 1.75rem); white-space: nowrap; overflow: hidden; }
.delta:empty { display: none; }
.delta { font-weight: 600; color: var(--muted); }
.delta[data-tone="good"] { color: var(--good); }
.delta[data-tone="bad"] { color: var(--bad); }
.goal { color: var(--muted); overflow: hidden; text-overflow: ellipsis; }
.goal[data-target]:not([data-target=""])::before { content: ""; display: inline-block; inline-size: 0.55em; block-size: 0.55em; margin-inline-end: 0.45em; border-radius: 50%; vertical-align: 0.06em; }
.goal[data-target="met"]::before { background: var(--good); }
.goal[data-target="missed"]::before { box-shadow: inset 0 0 0 0.14em var(--bad); }
/* The end of the line stays within the tile, dot and all. */
.sparkbox { position: relative; min-block-size: 0; margin: 0.4rem 0 0 -1rem; }
.spark { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; overflow: visible; }
.spark path { fill: none; stroke-linecap: round; stroke-linejoin: round; }
.spark .line { stroke: var(--line); stroke-width: 0.1rem; }
.spark .area { fill: var(--band); opacity: 0.7; }
.spark .target { stroke: var(--muted); stroke-width: 1px; stroke-dasharray: 2 4; opacity: 0.7; }
.spark .marks { stroke: var(--warn); stroke-width: 0.375rem; }
.spark .last { stroke: var(--line); stroke-width: 0.375rem; }
@container tile (block-size < 9.5rem) { .sparkbox { display: none; } .figure { font-size: clamp(1.5rem, min(38cqb, calc(88cqi / var(--chars, 6) * 1.55)), 13rem); } }
@container tile (inline-size < 12rem) { .goal { display: none; } }

.chart { position: relative; margin: 0.25rem -0.5rem 0 -0.75rem; }
.plot { block-size: 100%; outline-offset: 2px; border-radius: 0.25rem; cursor: crosshair; }
.back { position: absolute; inset: 0.25rem 0.5rem auto auto; padding: 0.15rem 0.6rem; font: inherit; font-size: 0.75rem; color: var(--ink); background: var(--surface); border: 1px solid var(--hairline); border-radius: 1rem; cursor: pointer; }
.uplot, .uplot *, .uplot *::before { box-sizing: border-box; }
.uplot { position: absolute; inset: 0; line-height: 1.5; }
.u-wrap { position: relative; user-select: none; }
.u-over, .u-under { position: absolute; }
.u-under { overflow: hidden; }
.uplot canvas { display: block; position: relative; inline-size: 100%; block-size: 100%; }
.u-axis { position: absolute; }
.u-legend { display: none; }
.u-select { background: var(--band); position: absolute; pointer-events: none; }
.u-cursor-x { position: absolute; inset: 0 auto auto 0; block-size: 100%; border-inline-start: 1px solid var(--muted); pointer-events: none; will-change: transform; opacity: 0.6; }
.u-cursor-y { display: none; }
.u-cursor-pt { position: absolute; inset: 0 auto auto 0; border-radius: 50%; pointer-events: none; will-change: transform; background-clip: padding-box !important; }
.u-off { display: none; }
.u-hz .u-cursor-x { transition: none; }

.gauge { position: relative; display: grid; grid-template-rows: minmax(0, 1fr) auto; justify-items: center; padding-block-start: 0.25rem; }
.gauge svg { block-size: 100%; max-inline-size: 100%; min-block-size: 0; overflow: visible; }
.gauge path { fill: none; }
.gauge .track { stroke: var(--hairline); stroke-width: 12; }
.gauge .filled { stroke: var(--line); stroke-width: 12; transition: stroke-dasharray 0.6s ease-out; }
.gauge[data-target="met"] .filled { stroke: var(--good); }
.gauge[data-target="missed"] .filled { stroke: var(--bad); }
.gauge .tick { stroke: var(--ink); stroke-width: 2; }
.gauge .figure { position: absolute; inset: auto 0 22% 0; justify-content: center; font-size: clamp(1.25rem, min(24cqb, 13cqi), 9rem); }
.ends { display: flex; justify-content: space-between; gap: 1rem; inline-size: min(100%, 100cqb); color: var(--muted); font-size: 0.75rem; }

.table { overflow: auto; margin: 0.25rem -0.25rem 0; padding-inline: 0.25rem; scrollbar-width: thin; }
table { inline-size: 100%; border-collapse: collapse; font-size: 0.8125rem; }
th, td { padding: 0.22rem 0 0.22rem 0.9rem; text-align: end; white-space: nowrap; font-weight: 400; }
th:first-child { text-align: start; padding-inline-start: 0; }
thead th { position: sticky; inset-block-start: 0; background: var(--surface); color: var(--muted); font-size: 0.75rem; box-shadow: 0 1px var(--hairline); }
tbody th { color: var(--muted); }
tbody td:nth-child(2) { font-weight: 600; }
tbody tr + tr > * { border-block-start: 1px solid color-mix(in oklab, var(--hairline) 60%, transparent); }
tr.gap td { color: var(--muted); font-weight: 400; }
em { color: var(--warn); font-style: normal; }
@container tile (inline-size < 26rem) { th:nth-child(n + 3), td:nth-child(n + 3) { display: none; } }

.tip {
  position: absolute; z-index: 2; inset-block-start: 0.375rem; inset-inline-start: calc(var(--at, 0) * 100%);
  transform: translateX(calc(var(--at, 0) * -100%));
  display: grid; padding: 0.4rem 0.65rem; pointer-events: none; white-space: nowrap;
  background: var(--ink); color: var(--surface); border-radius: 0.5rem; font-size: 0.75rem; line-height: 1.4;
}
.tip[hidden] { display: none; }
.tip b { font-size: 0.875rem; }
.hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.message { display: grid; place-content: center; text-align: center; color: var(--muted); padding: 0.5rem; }
:focus-visible { outline: 2px solid var(--line); outline-offset: 2px; }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }
@media (forced-colors: active) { .dot { forced-color-adjust: none; } }
`;

export const tileStyle = new CSSStyleSheet();
tileStyle.replaceSync(CSS);
