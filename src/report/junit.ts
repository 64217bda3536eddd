import { escapeTerminal } from '../lib/escape-text.ts';
import type { ReportApp, ReportFinding } from './report-apps.ts';
import type { RunReport } from './run-report.ts';
import { updatesSentence } from './updates.ts';
import { placeOf } from './wording.ts';

/**
 * JUnit XML as CI systems read it, in pieces: one suite with a case per app, skipped packages included. A failed app is a failure with its errors, a held
 * or skipped one is skipped; what concerns the run as a whole is a case of its own. Times are left out: equal inputs give equal bytes.
 */
export function* renderJunit(report: RunReport): Generator<string> {
  const general = report.findings.filter(({ app, severity }) => app === undefined && severity === 'error');
  const { counts, skippedPackages, failure } = report;
  const cases = report.apps.length + skippedPackages.length + general.length + (failure === undefined ? 0 : 1);
  const totals = {
    tests: cases,
    failures: counts.failed,
    errors: general.length + (failure === undefined ? 0 : 1),
    skipped: skippedPackages.length + counts.held,
  };
  const name = `rebundle ${report.command} ${report.factory}`.trimEnd();
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  const { skipped: _skipped, ...sum } = totals;
  yield `<testsuites${attributes({ name, ...sum })}>\n`;
  yield `  <testsuite${attributes({ name, ...totals, timestamp: report.createdAt.replace(/Z$/, '') })}>\n`;
  yield `    <properties>\n${listProperties(report)}    </properties>\n`;
  const byApp = groupFindings(report);
  for (const app of report.apps) yield renderCase(app, byApp.get(keyOf(app.app, app.origin.repository)) ?? []);
  for (const { name: app, reason, ...where } of skippedPackages) {
    yield `    <testcase${attributes({ name: app, classname: where.repository })}>\n      <skipped${attributes({ message: `${placeOf(where)}: ${reason}` })}/>\n    </testcase>\n`;
  }
  for (const finding of general) yield generalCase(finding.code, finding.repository, describeFinding(finding));
  if (failure !== undefined) yield generalCase(failure.code, 'run', failure.message);
  yield '  </testsuite>\n</testsuites>\n';
}

function listProperties(report: RunReport): string {
  const { counts, status, verdict } = report;
  const sentence = updatesSentence(report);
  const { findings, ...plain } = counts;
  const all: Record<string, string | number> = {
    status,
    safe: String(verdict.safe),
    ...plain,
    ...(sentence === undefined ? {} : { devices: sentence }),
    ...Object.fromEntries(Object.entries(findings).map(([severity, count]) => [`findings.${severity}`, count])),
  };
  return Object.entries(all)
    .map(([name, value]) => `      <property${attributes({ name, value })}/>\n`)
    .join('');
}

function keyOf(app: string, repository: string): string {
  return JSON.stringify([app, repository]);
}

function groupFindings({ findings }: RunReport): ReadonlyMap<string, readonly ReportFinding[]> {
  const groups = new Map<string, ReportFinding[]>();
  for (const finding of findings) {
    if (finding.app === undefined) continue;
    const key = keyOf(finding.app, finding.repository);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return groups;
}

function renderCase(app: ReportApp, findings: readonly ReportFinding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const others = findings.filter(({ severity }) => severity !== 'error');
  const inside: string[] = [];
  if (app.status === 'held') inside.push(`<skipped${attributes({ message: `held: ${app.reason ?? 'waits'}` })}/>`);
  if (app.status === 'failed') {
    const [first] = errors;
    const type = first?.code ?? 'failed';
    const message = first?.message ?? app.reason ?? 'failed';
    inside.push(
      `<failure${attributes({ type, message })}>${escapeXml(errors.map(describeFinding).join('\n'), true)}</failure>`,
    );
  }
  if (others.length > 0)
    inside.push(`<system-out>${escapeXml(others.map(describeFinding).join('\n'), true)}</system-out>`);
  const head = `    <testcase${attributes({ name: app.app, classname: app.origin.repository })}`;
  return inside.length === 0
    ? `${head}/>\n`
    : `${head}>\n${inside.map((line) => `      ${line}\n`).join('')}    </testcase>\n`;
}

function generalCase(code: string, classname: string, message: string): string {
  return `    <testcase${attributes({ name: code, classname })}>\n      <error${attributes({ type: code, message })}/>\n    </testcase>\n`;
}

function describeFinding(finding: ReportFinding): string {
  const fix = finding.hint === undefined ? '' : ` Fix: ${finding.hint}`;
  return `${finding.severity} ${finding.code} ${placeOf(finding)}: ${finding.message}${fix}`;
}

function attributes(members: Readonly<Record<string, string | number>>): string {
  return Object.entries(members)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Without control characters, which XML 1.0 cannot hold; with `lines` line feeds stay. */
function escapeXml(text: string, lines = false): string {
  const parts = lines ? text.split('\n') : [text];
  return parts
    .map((part) =>
      escapeTerminal(part)
        .replace(/[\ufffe\uffff]/g, '\ufffd')
        .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? ''),
    )
    .join('\n');
}
