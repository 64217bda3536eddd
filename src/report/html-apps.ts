import { isDiffHeader } from '../lib/redact.ts';
import { DOWNLOAD_TITLES, listDownloads } from './downloads.ts';
import { badge, code, place, reference, table } from './html-parts.ts';
import { html, type Markup } from './markup.ts';
import type { ReportApp, ReportFinding } from './report-apps.ts';
import type { RunReport } from './run-report.ts';
import { countOf, formatBytes, placeOf, worstFirst } from './wording.ts';

/** Lines of one diff that the page shows. */
const DIFF_LINES = 2_000;

/** One section per app, worst first; failed apps are open. */
export function renderApps(report: RunReport): Markup {
  const findings = new Map<string, ReportFinding[]>();
  for (const finding of report.findings) {
    const key = keyOf(finding.app, finding.repository);
    const list = findings.get(key);
    if (list === undefined) findings.set(key, [finding]);
    else list.push(finding);
  }
  const apps = worstFirst(report.apps).map((app) =>
    renderApp(app, findings.get(keyOf(app.app, app.origin.repository)) ?? []),
  );
  return html`<section aria-labelledby="apps">
<h2 id="apps">Apps</h2>
${apps.length === 0 ? html`<p class="soft">No app was selected.</p>\n` : apps}</section>
`;
}

function keyOf(app: string | undefined, repository: string): string {
  return JSON.stringify([app ?? '', repository]);
}

function renderApp(app: ReportApp, findings: readonly ReportFinding[]): Markup {
  return html`<details class="card app"${app.status === 'failed' ? html` open` : undefined}>
<summary><span class="row">${badge(app.status, app.status)} <h3>${app.app}</h3>${app.newOnDevices ? html` ${badge('new', 'new on devices')}` : undefined} <span class="end">${placeOf(app.origin)}</span></span></summary>
<div class="inside">
${renderFacts(app)}${findings.map(renderFinding)}${renderImages(app)}${renderVariables(app)}${renderDownloads(app)}${renderFiles(app)}${renderDiff(app)}</div>
</details>
`;
}

function renderFacts(app: ReportApp): Markup {
  const { bundle, dockerApp, origin } = app;
  const fact = (name: string, value: Markup | string | undefined) =>
    value === undefined ? html`` : html`<dt>${name}</dt><dd>${value}</dd>\n`;
  return html`<dl class="facts">
${fact('Source', code(placeOf(origin)))}${fact('Form', app.kind)}${fact('Commit', origin.commit === undefined ? undefined : code(origin.commit))}${fact('Reason', app.reason)}${fact('Compose Bundle', app.reference === undefined ? undefined : reference(app.reference))}${fact('Bundle size', bundle === undefined ? undefined : formatBytes(bundle.size))}${fact('Docker App', dockerApp === undefined ? undefined : html`${code(dockerApp.name)}, ${formatBytes(dockerApp.length)}, ${dockerApp.reused ? 'as published before' : 'new entry'}`)}${fact('Platforms', app.platforms.length === 0 ? undefined : app.platforms.join(', '))}</dl>
`;
}

function renderFinding(finding: ReportFinding): Markup {
  return html`<div class="finding">${badge(finding.severity, finding.severity)} ${code(finding.code)} ${place(finding)}<p>${finding.message}</p>${finding.hint === undefined ? undefined : html`<p class="fix"><b>Fix:</b> ${finding.hint}</p>`}</div>
`;
}

function renderImages({ images }: ReportApp): Markup {
  if (images.length === 0) return html``;
  const rows = images.map((image) => [
    image.service,
    code(image.written),
    reference(image.pinned),
    image.platforms.join(', '),
  ]);
  return table({ caption: 'Images', columns: ['Service', 'Written', 'Pinned to', 'Platforms'], rows });
}

function renderVariables({ variables }: ReportApp): Markup {
  if (variables.length === 0) return html``;
  const rows = variables.map((variable) => [
    code(variable.parameter),
    variable.variable === undefined ? html`<span class="soft">put in as a value</span>` : code(variable.variable),
    variable.value === '' ? html`<span class="soft">empty</span>` : code(variable.value),
    String(variable.uses),
    variable.fixed ?? 'yes',
  ]);
  return table({
    caption: 'Parameters and their variables',
    columns: ['Parameter', 'Variable', 'Default', { number: 'Uses' }, 'Can be overridden on a device'],
    rows,
  });
}

function renderDownloads(app: ReportApp): Markup {
  const rows = listDownloads(app);
  if (rows.length === 0) return html``;
  const columns = ['Platform', ...DOWNLOAD_TITLES.map((number) => ({ number }))];
  return table({ caption: 'What a device downloads', columns, rows });
}

function renderFiles({ files }: ReportApp): Markup {
  if (files.length === 0) return html``;
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const rows = files.map((file) => [code(file.path), formatBytes(file.size), reference(file.digest)]);
  return table({
    caption: `Bundle contents: ${countOf(files.length, 'file')}, ${formatBytes(bytes)} unpacked`,
    columns: ['File', { number: 'Size' }, 'Digest'],
    rows,
  });
}

function renderDiff({ diff }: ReportApp): Markup {
  if (diff === undefined || diff === '') return html``;
  const lines = diff.replace(/\n$/, '').split('\n');
  const more = lines.length - DIFF_LINES;
  return html`<h4>Changes to the compose file</h4>
<pre class="diff">${lines.slice(0, DIFF_LINES).map(renderDiffLine)}</pre>
${more > 0 ? html`<p class="soft">${more} more lines; the converted file has them all.</p>\n` : undefined}`;
}

function renderDiffLine(line: string, index: number): Markup {
  if (isDiffHeader(line, index)) return html`<span class="hunk">${line}</span>`;
  if (line.startsWith('+')) return html`<ins>${line}</ins>`;
  return line.startsWith('-') ? html`<del>${line}</del>` : html`<span>${line}</span>`;
}
