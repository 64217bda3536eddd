import type { Severity } from '../model/findings.ts';
import type { FindRow } from './html-apps.ts';
import { badge, code, place, table } from './html-parts.ts';
import { html, type Markup } from './markup.ts';
import type { ReportFinding } from './report-apps.ts';
import type { RunReport } from './run-report.ts';
import { countIgnored, countOf, helpOf, SEVERITIES, SEVERITY_TITLES } from './wording.ts';

/** Places of one code that the page lists; the rows of the apps lead to the others. */
const PLACES_SHOWN: Readonly<Record<Severity, number>> = { error: 200, warning: 50, note: 25 };

/** Findings by severity and code. Errors and warnings are open, notes are closed. */
export function* renderFindings({ findings, counts, ignored = [] }: RunReport, rowOf: FindRow): Generator<Markup> {
  yield html`<section aria-labelledby="findings">
<h2 id="findings">Findings</h2>
`;
  for (const severity of SEVERITIES) {
    const group = findings.filter((finding) => finding.severity === severity);
    yield html`<h3>${SEVERITY_TITLES[severity]}: <span data-count="${severity}">${counts.findings[severity]}</span></h3>
${group.length === 0 ? html`<p class="soft">None.</p>\n` : undefined}`;
    for (const rows of groupByCode(group)) yield renderGroup(severity, rows, rowOf);
  }
  yield html`${ignored.length === 0 ? undefined : renderIgnored(ignored)}</section>
`;
}

function renderIgnored(ignored: NonNullable<RunReport['ignored']>): Markup {
  const rows = ignored.map((each) => [code(each.code), String(each.count), each.reason]);
  const columns = ['Code', { number: 'Count' }, 'Reason'];
  return html`<h3>Ignored: <span data-count="ignored">${countIgnored(ignored)}</span></h3>
${table({ caption: 'Ignored findings', columns, rows, quiet: true })}`;
}

/** Runs of equal code: the findings are sorted by it. */
function groupByCode(findings: readonly ReportFinding[]): ReportFinding[][] {
  const groups: ReportFinding[][] = [];
  for (const finding of findings) {
    const last = groups.at(-1);
    if (last?.[0]?.code === finding.code) last.push(finding);
    else groups.push([finding]);
  }
  return groups;
}

function renderGroup(severity: Severity, findings: readonly ReportFinding[], rowOf: FindRow): Markup {
  const first = findings[0];
  if (first === undefined) return html``;
  const help = helpOf(first.code);
  const shown = findings.slice(0, PLACES_SHOWN[severity]);
  const hasFixes = shown.some((finding) => finding.hint !== undefined && finding.hint !== help);
  const rows = shown.map((finding) => [
    nameOf(finding, rowOf),
    place(finding),
    finding.message,
    ...(hasFixes ? [finding.hint ?? ''] : []),
  ]);
  const more = findings.length - shown.length;
  return html`<details class="card"${severity === 'note' ? undefined : html` open`}>
<summary><span class="row">${badge(severity, severity)} <h4>${code(first.code)}</h4> <span class="end">${countOf(findings.length, 'place')}</span></span></summary>
<div class="inside">
<p>${help}</p>
${table({ caption: `Where ${first.code} was found`, quiet: true, columns: ['App', 'Place', 'What was found', ...(hasFixes ? ['Fix'] : [])], rows })}${more > 0 ? html`<p class="soft">${countOf(more, 'more place')}: search the apps for <a href="#find=${first.code}">${first.code}</a>, or see the JSON report.</p>\n` : undefined}</div>
</details>
`;
}

function nameOf({ app, repository }: ReportFinding, rowOf: FindRow): Markup | string {
  if (app === undefined) return html`<span class="soft">the run as a whole</span>`;
  const row = rowOf(app, repository);
  return row === undefined ? app : html`<a href="#${row}">${app}</a>`;
}
