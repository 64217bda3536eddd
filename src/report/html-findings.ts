import type { Severity } from '../model/findings.ts';
import { badge, code, place, table } from './html-parts.ts';
import { html, type Markup } from './markup.ts';
import type { ReportFinding } from './report-apps.ts';
import type { RunReport } from './run-report.ts';
import { countIgnored, countOf, helpOf, SEVERITIES, SEVERITY_TITLES } from './wording.ts';

/** Findings by severity and code. Errors and warnings are open, notes are closed. */
export function renderFindings({ findings, counts, ignored = [] }: RunReport): Markup {
  const groups = SEVERITIES.map((severity) => {
    const group = findings.filter((finding) => finding.severity === severity);
    return html`<h3>${SEVERITY_TITLES[severity]}: <span data-count="${severity}">${counts.findings[severity]}</span></h3>
${group.length === 0 ? html`<p class="soft">None.</p>\n` : groupByCode(group).map((rows) => renderGroup(severity, rows))}`;
  });
  return html`<section aria-labelledby="findings">
<h2 id="findings">Findings</h2>
${groups}${ignored.length === 0 ? undefined : renderIgnored(ignored)}</section>
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

function renderGroup(severity: Severity, findings: readonly ReportFinding[]): Markup {
  const first = findings[0];
  if (first === undefined) return html``;
  const help = helpOf(first.code);
  const hasFixes = findings.some((finding) => finding.hint !== undefined && finding.hint !== help);
  const rows = findings.map((finding) => [
    finding.app ?? html`<span class="soft">whole repository</span>`,
    place(finding),
    finding.message,
    ...(hasFixes ? [finding.hint ?? ''] : []),
  ]);
  return html`<details class="card"${severity === 'note' ? undefined : html` open`}>
<summary><span class="row">${badge(severity, severity)} <h4>${code(first.code)}</h4> <span class="end">${countOf(findings.length, 'place')}</span></span></summary>
<div class="inside">
<p>${help}</p>
${table({ caption: `Where ${first.code} was found`, quiet: true, columns: ['App', 'Place', 'What was found', ...(hasFixes ? ['Fix'] : [])], rows })}</div>
</details>
`;
}
