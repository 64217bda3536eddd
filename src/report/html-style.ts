/** The style sheet of the HTML report. Colours are told apart by people who do not see red and green, and never stand alone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #ffffff; --ink: #1b2430; --soft: #566173; --line: #dde1e8; --tint: #f1f3f6;
  --link: #0b5394; --edge: #7d8898;
  --bad-mark: #fad3c0; --good-mark: #c4e4f5;
  --bad: #a8320a; --bad-tint: #fdeee7; --bad-fill: #d55e00;
  --wait: #7a5600; --wait-tint: #fdf3d9; --wait-fill: #e6a100;
  --good: #0b5f8a; --good-tint: #e4f2fa; --good-fill: #0072b2;
  --calm: #4c5666; --calm-tint: #eceff3; --calm-fill: #9aa4b2;
  --new: #7a2f63; --new-tint: #f9eaf4;
  --mono: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1a2029; --ink: #e5e9f0; --soft: #a0abbb; --line: #303947; --tint: #222a35;
    --link: #7cc0f0; --edge: #7b879a;
    --bad-mark: #5d2f1c; --good-mark: #1a4a66;
    --bad: #ffa37a; --bad-tint: #3a1f14; --bad-fill: #e8702a;
    --wait: #f2c55c; --wait-tint: #352a10; --wait-fill: #d99a06;
    --good: #82c7ef; --good-tint: #122c3d; --good-fill: #3a9bd6;
    --calm: #b4bdca; --calm-tint: #262e39; --calm-fill: #66717f;
    --new: #eda6d4; --new-tint: #351d2e;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
a { color: var(--link); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--good-fill); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: 0.5rem 1rem; z-index: 1; }
header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2.5rem; }
.eyebrow { margin: 0; color: var(--soft); font-size: 0.8rem; font-weight: 600; letter-spacing: 0.08em; text-transform: uppercase; }
h1 { margin: 0.1rem 0 0.4rem; font-size: 2rem; line-height: 1.2; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { margin: 2.75rem 0 0.9rem; font-size: 1.3rem; letter-spacing: -0.01em; }
h3 { margin: 1.6rem 0 0.6rem; font-size: 1.02rem; }
h4 { margin: 1.4rem 0 0.4rem; font-size: 0.92rem; }
p { margin: 0.4rem 0; }
code, pre { font-family: var(--mono); font-size: 0.86em; }
code { overflow-wrap: anywhere; }
.meta { display: flex; flex-wrap: wrap; gap: 0.2rem 1.5rem; margin: 0; padding: 0; list-style: none; color: var(--soft); font-size: 0.9rem; }
.meta b { color: var(--ink); font-weight: 600; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.35rem; }
.verdict { margin-top: 1.5rem; border-left: 6px solid var(--good-fill); }
.verdict.unsafe { border-left-color: var(--bad-fill); }
.verdict h2 { margin: 0; font-size: 1.45rem; color: var(--good); }
.verdict.unsafe h2 { color: var(--bad); }
.verdict ul { margin: 0.4rem 0 0; padding-left: 1.2rem; }
.verdict li { overflow-wrap: anywhere; }
.totals { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.75rem; margin: 1rem 0 0; }
.totals div { display: flex; flex-direction: column-reverse; justify-content: flex-end; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 0.7rem 1rem 0.8rem; }
.totals dt { color: var(--soft); font-size: 0.86rem; }
.totals dd { margin: 0; font-size: 1.7rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; }
.totals small { display: block; font-size: 0.8rem; }
.totals .failed { border-top: 4px solid var(--bad-fill); } .totals .failed dd { color: var(--bad); }
.totals .held { border-top: 4px solid var(--wait-fill); } .totals .held dd { color: var(--wait); }
.totals .migrated { border-top: 4px solid var(--good-fill); } .totals .migrated dd { color: var(--good); }
.totals .unchanged, .totals .skipped { border-top: 4px solid var(--calm-fill); }
.totals .zero dd { color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 0.75rem; margin-top: 1.5rem; }
figure { margin: 0; }
figcaption { font-weight: 600; font-size: 0.92rem; margin-bottom: 0.6rem; }
.chart { margin: 0; padding: 0; list-style: none; font-size: 0.88rem; }
.chart li { display: grid; grid-template-columns: minmax(5rem, 9rem) 1fr minmax(4.2rem, max-content); align-items: center; gap: 0.7rem; padding: 0.15rem 0; }
.chart .label { overflow-wrap: anywhere; }
.chart .value { text-align: right; font-variant-numeric: tabular-nums; }
.chart svg { display: block; width: 100%; height: 0.7rem; border-radius: 4px; background: var(--tint); }
.chart rect { fill: var(--good-fill); }
.chart .failed { fill: var(--bad-fill); } .chart .held { fill: var(--wait-fill); } .chart .unchanged { fill: var(--calm-fill); }
.filters { display: flex; flex-wrap: wrap; align-items: end; gap: 0.6rem 1rem; margin: 0 0 0.75rem; font-size: 0.9rem; }
.filters[hidden] { display: none; }
.filters label { display: flex; flex-direction: column; gap: 0.2rem; color: var(--soft); }
.filters input, .filters select, .more { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--edge); border-radius: 8px; padding: 0.45rem 0.7rem; min-height: 2.6rem; }
.filters input { width: min(22rem, 80vw); }
.filters output { margin-left: auto; padding-bottom: 0.6rem; color: var(--soft); }
.more { display: block; margin: 0.9rem auto 0; padding-inline: 1.4rem; cursor: pointer; }
.more[hidden] { display: none; }
.more:hover { background: var(--tint); }
.apps { margin-top: 0; }
.apps button.open { font: inherit; font-weight: 600; color: var(--link); background: none; border: 0; padding: 0.1rem 0; text-align: left; cursor: pointer; overflow-wrap: anywhere; }
.apps button.open::before { content: ""; display: inline-block; width: 0.42rem; height: 0.42rem; margin-right: 0.6rem; border: solid currentcolor; border-width: 0 2px 2px 0; transform: translateY(-0.1em) rotate(-45deg); }
.apps button.open[aria-expanded="true"]::before { transform: translateY(-0.2em) rotate(45deg); }
.apps .detail > td { padding: 0.2rem 0 1.6rem 1.1rem; border-left: 3px solid var(--line); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.4rem 1.2rem; margin: 1.5rem 0 0; padding: 0.7rem 0; list-style: none; border-block: 1px solid var(--line); font-size: 0.92rem; }
.badge { display: inline-flex; align-items: center; gap: 0.35em; padding: 0.12em 0.65em; border-radius: 1em; font-size: 0.8rem; font-weight: 600; white-space: nowrap; background: var(--calm-tint); color: var(--calm); }
.badge.failed, .badge.error { background: var(--bad-tint); color: var(--bad); }
.badge.held, .badge.warning { background: var(--wait-tint); color: var(--wait); }
.badge.migrated, .badge.note { background: var(--good-tint); color: var(--good); }
.badge.new { background: var(--new-tint); color: var(--new); }
.first { display: grid; gap: 0.75rem; margin: 1rem 0 0; }
.first section { border-left: 6px solid var(--calm-fill); }
.first .new { border-left-color: var(--new); } .first .failed { border-left-color: var(--bad-fill); } .first .held { border-left-color: var(--wait-fill); }
.first h3 { margin: 0 0 0.3rem; }
.first ul { margin: 0; padding: 0; list-style: none; }
.first li { padding: 0.45rem 0; overflow-wrap: anywhere; }
.first li + li { border-top: 1px solid var(--line); }
.fix { color: var(--soft); }
.fix b { color: var(--ink); }
table { width: 100%; margin: 0.9rem 0 0; border-collapse: collapse; font-size: 0.9rem; }
caption.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
caption { padding: 0 0 0.4rem; text-align: left; font-weight: 600; font-size: 0.92rem; }
th, td { padding: 0.5rem 0.9rem 0.5rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { color: var(--soft); font-size: 0.78rem; font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; min-width: 6.5rem; }
tbody tr:last-child > * { border-bottom: 0; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.digest { color: var(--soft); }
.place { color: var(--soft); }
details.card { margin-top: 0.75rem; padding: 0; }
summary { display: flex; align-items: baseline; gap: 0.75rem; cursor: pointer; padding: 0.8rem 1.35rem; border-radius: 12px; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: ""; flex: none; width: 0.5rem; height: 0.5rem; border: solid var(--soft); border-width: 0 2px 2px 0; transform: translateY(-1px) rotate(-45deg); }
details[open] > summary::before { transform: translateY(-3px) rotate(45deg); }
summary:hover { background: var(--tint); }
details.card > .inside { padding: 0.2rem 1.35rem 1.3rem; border-top: 1px solid var(--line); }
summary .row { display: flex; flex: 1; flex-wrap: wrap; align-items: baseline; gap: 0.3rem 0.9rem; min-width: 0; }
summary h3, summary h4 { display: inline; margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
summary .end { margin-left: auto; color: var(--soft); font-size: 0.86rem; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1.2rem; margin: 0.9rem 0 0; font-size: 0.9rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.finding { margin: 0.9rem 0 0; padding: 0.7rem 1rem; background: var(--tint); border-radius: 8px; font-size: 0.92rem; overflow-wrap: anywhere; }
.diff { table-layout: fixed; font-size: 0.82rem; }
.diff td { padding: 0.1rem 0.6rem; border: 0; font-family: var(--mono); white-space: pre-wrap; line-height: 1.5; }
.diff .line { width: 3.2rem; padding: 0.1rem 0.6rem 0.1rem 0; color: var(--soft); text-align: right; white-space: nowrap; }
.diff.why thead th:last-child { width: 22%; }
.diff thead th { white-space: normal; padding: 0.5rem 0.6rem; }
.diff .old { background: var(--bad-tint); box-shadow: inset 3px 0 var(--bad-fill); }
.diff .new { background: var(--good-tint); box-shadow: inset 3px 0 var(--good-fill); }
.diff .none { background: var(--tint); }
.diff .gap td { color: var(--soft); background: var(--tint); text-align: center; }
.diff del { color: var(--bad); background: var(--bad-mark); text-decoration: none; border-radius: 3px; }
.diff ins { color: var(--good); background: var(--good-mark); text-decoration: none; border-radius: 3px; }
.diff .reason { font-family: inherit; font-size: 0.95em; white-space: normal; color: var(--soft); }
.diff .reason span { display: block; }
.diff .reason b { color: var(--ink); font-weight: 600; }
.yes { color: var(--good); white-space: nowrap; } .no { color: var(--bad); white-space: nowrap; }
.entry { font-family: var(--mono); font-size: 0.82em; text-decoration: none; }
del.entry { color: var(--bad); text-decoration: line-through; } ins.entry { color: var(--good); }
footer { padding-top: 2.5rem; padding-bottom: 3rem; color: var(--soft); font-size: 0.86rem; }
@media (max-width: 44rem) {
  header, main, footer { padding-left: 1rem; padding-right: 1rem; }
  header { padding-top: 1.5rem; }
  h1 { font-size: 1.55rem; }
  .card { padding: 0.9rem 1rem; }
  summary { padding: 0.8rem 1rem; }
  details.card > .inside { padding: 0 1rem 1rem; }
  summary .end { margin-left: 0; flex-basis: 100%; }
  .totals { grid-template-columns: repeat(2, 1fr); }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 0.5rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, th, td, caption { display: block; }
  tbody tr { padding: 0.55rem 0; border-bottom: 1px solid var(--line); }
  tbody tr:last-child { border-bottom: 0; }
  th, td { padding: 0.12rem 0; border: 0; }
  tbody [data-label]::before { content: attr(data-label); display: block; color: var(--soft); font-size: 0.76rem; font-weight: 500; }
  tbody th { font-weight: 650; }
  tbody th[data-label]::before { content: none; }
  .number { text-align: left; }
  td:empty { display: none; }
  .chart li { grid-template-columns: 6rem 1fr max-content; }
  .filters label, .filters input, .filters select { width: 100%; }
  .filters output { margin-left: 0; }
  .apps .detail > td { padding-left: 0.7rem; }
  .diff, .diff tbody { display: block; }
  .diff tbody tr { padding: 0; border: 0; }
  .diff td { display: block; padding: 0.1rem 0.5rem; }
  .diff .line, .diff .none, .diff .same + .line + .same { display: none; }
}
@media print {
  :root { --page: #fff; --card: #fff; }
  body { font-size: 10.5pt; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  nav, .skip { display: none; }
  .card, .totals div, tr, .finding { break-inside: avoid; }
  details.card, .verdict { break-inside: auto; }
  h2, h3, summary, caption { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .filters, .more { display: none; }
  .chart svg, .badge, .diff td, .diff ins, .diff del { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
