import { badge, code } from './html-parts.ts';
import { html, type Markup } from './markup.ts';
import type { ReportApp, ReportFinding } from './report-apps.ts';
import type { RunReport } from './run-report.ts';
import { countOf, formatBytes, placeOf, SEVERITIES, STATUSES, statusWord, worstFirst } from './wording.ts';

/** The apps of a report in the order of the page, each with its findings and the id of its row. */
export interface AppEntry {
  readonly app: ReportApp;
  readonly id: string;
  readonly findings: readonly ReportFinding[];
}

export function listEntries(report: RunReport): AppEntry[] {
  const findings = new Map<string, ReportFinding[]>();
  for (const finding of report.findings) {
    if (finding.app === undefined) continue;
    const key = entryKey(finding.app, finding.repository);
    const list = findings.get(key);
    if (list === undefined) findings.set(key, [finding]);
    else list.push(finding);
  }
  return worstFirst(report.apps).map((app, i) => ({
    app,
    id: `app-${i + 1}`,
    findings: findings.get(entryKey(app.app, app.origin.repository)) ?? [],
  }));
}

export function entryKey(app: string, repository: string): string {
  return JSON.stringify([app, repository]);
}

/** Id of the row of the app that a finding is about. */
export type FindRow = (app: string, repository: string) => string | undefined;

/**
 * The table of all apps, in pieces. It stands in `noscript`, where browsers with script read it as one text and build no elements: the page's script
 * takes its rows from there, a row a line, and shows as many as are looked at.
 */
export function* renderApps(report: RunReport, entries: readonly AppEntry[]): Generator<Markup> {
  if (entries.length === 0) {
    yield html`<section aria-labelledby="apps">
<h2 id="apps">Apps</h2>
<p class="soft">No app was selected.</p>
</section>
`;
    return;
  }
  yield html`<section aria-labelledby="apps">
<h2 id="apps">Apps</h2>
<form id="filters" class="filters" hidden>
<label>Search <input id="search" type="search" autocomplete="off" spellcheck="false"></label>
<label>Status <select id="status"><option value="">all</option>${STATUSES.map((status) => html`<option value="${status}">${statusWord(status, report)}</option>`)}</select></label>
<label>Show <select id="flag"><option value="">every app</option><option value="error">with errors</option><option value="warning">with warnings</option><option value="note">with notes</option><option value="new">new on devices</option><option value="drift">with moved tags</option></select></label>
<output id="shown" for="search status flag"></output>
</form>
<div id="app-list"></div>
<noscript id="app-rows"><div class="card"><table class="apps">
<caption class="quiet">Apps, those of most concern first</caption>
<thead><tr><th scope="col">App</th><th scope="col">Status</th><th scope="col">Source</th><th scope="col" class="number">Bundle</th><th scope="col">Findings</th><th scope="col">Platforms</th></tr></thead>
<tbody>
`;
  for (const entry of entries) yield renderRow(entry, report);
  yield html`</tbody>
</table></div>
<p class="soft">Without script this page has no diff and no tables of single apps: they are in the JSON and Markdown reports.</p>
</noscript>
</section>
`;
}

function renderRow({ app, id, findings }: AppEntry, report: RunReport): Markup {
  const counts = SEVERITIES.map((severity) => ({
    severity,
    count: findings.filter((finding) => finding.severity === severity).length,
  })).filter(({ count }) => count > 0);
  const { images, platforms } = app.details();
  const hasDrift = images.some(({ drift }) => drift !== undefined);
  const flags = [
    ...counts.map(({ severity }) => severity),
    ...(app.newOnDevices ? ['new'] : []),
    ...(hasDrift ? ['drift'] : []),
  ];
  const text = [
    app.app,
    placeOf(app.origin),
    app.kind ?? '',
    ...new Set(findings.map((finding) => finding.code)),
    ...images.flatMap(({ service, written }) => [service, written]),
    app.reference ?? '',
  ];
  return html`<tr id="${id}" data-status="${app.status}" data-flags="${flags.join(' ')}" data-text="${text.join(' ').toLowerCase()}"><th scope="row" data-label="App">${app.app}</th><td data-label="Status">${badge(app.status, statusWord(app.status, report))}${app.newOnDevices ? html` ${badge('new', 'new')}` : undefined}</td><td data-label="Source">${code(placeOf(app.origin))}</td><td data-label="Bundle" class="number">${app.bundle === undefined ? '' : formatBytes(app.bundle.size)}</td><td data-label="Findings">${counts.length === 0 ? html`<span class="soft">none</span>` : counts.map(({ severity, count }) => html`${badge(severity, countOf(count, severity))} `)}${hasDrift ? badge('held', 'drift') : undefined}</td><td data-label="Platforms" class="soft">${platforms.join(', ')}</td></tr>
`;
}
