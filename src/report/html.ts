import { createHash } from 'node:crypto';
import { renderApp } from './html-app.ts';
import { entryKey, type FindRow, listEntries, renderApps } from './html-apps.ts';
import { renderCharts, renderTiming } from './html-charts.ts';
import { renderFindings } from './html-findings.ts';
import { badge, code, limitedTable, place } from './html-parts.ts';
import { SCRIPT } from './html-script.ts';
import { STYLE } from './html-style.ts';
import { renderDevices, renderTargets } from './html-targets.ts';
import { html, type Markup, renderMarkup } from './markup.ts';
import type { RunReport } from './run-report.ts';
import { listRemovals } from './verdict.ts';
import { capitalize, countOf, firstErrors, formatBytes, headlineOf, statusWord } from './wording.ts';

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const SCRIPT_HASH = createHash('sha256').update(SCRIPT).digest('base64');
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; script-src 'sha256-${SCRIPT_HASH}'; base-uri 'none'; form-action 'none'`;
/** Names of apps in one list at the top. */
const NAMES_SHOWN = 50;
const SKIPPED_SHOWN = 500;

/**
 * One self-contained page, in pieces: verdict and totals, what is urgent, what devices will see, findings, apps, targets, and what was skipped. The content
 * security policy allows its one style sheet and its one script, and no network. Without script all but the details of single apps can be read.
 */
export function* renderHtml(report: RunReport): Generator<string> {
  const title = html`<title>${headlineOf(report)} · ${report.factory} · rebundle ${report.command}</title>`;
  // Style sheet and script are constants of ours and must not be escaped: their hashes are in the policy.
  yield [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<meta name="referrer" content="no-referrer">',
    renderMarkup(title),
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '',
  ].join('\n');
  for (const piece of renderBody(report)) yield renderMarkup(piece);
  yield `<script>${SCRIPT}</script>\n</body>\n</html>\n`;
}

function* renderBody(report: RunReport): Generator<Markup> {
  const entries = listEntries(report);
  const rows = new Map(entries.map(({ app, id }) => [entryKey(app.app, app.origin.repository), id]));
  const rowOf: FindRow = (app, repository) => rows.get(entryKey(app, repository));
  yield html`<a class="skip" href="#main">Skip to the findings</a>
${renderHeader(report, rowOf)}<main id="main">
${renderCharts(report)}${renderDevices(report)}`;
  yield* renderFindings(report, rowOf);
  yield* renderApps(report, entries);
  yield* renderTargets(report);
  yield html`${renderSkipped(report)}${renderSources(report)}${renderTiming(report)}</main>
<footer><p>Made by <code>rebundle ${report.command}</code> from the plan of ${report.createdAt}. Values that look like secrets are masked.</p></footer>
`;
  // Browsers keep these as texts: elements are made of one when its row is opened.
  for (const entry of entries)
    yield html`<script type="text/plain" id="data-${entry.id}">${renderApp(entry)}</script>\n`;
}

function renderHeader(report: RunReport, rowOf: FindRow): Markup {
  const { verdict } = report;
  const version = report.targetVersion;
  return html`<header>
<p class="eyebrow">rebundle ${report.command}</p>
<h1>From Docker Apps to Compose Bundles: ${report.factory}</h1>
<ul class="meta">
<li>Registry <b>${report.registry}</b></li>
<li>Plan of <b><time datetime="${report.createdAt}">${report.createdAt.replace('T', ' ').replace('Z', ' UTC')}</time></b></li>
${version === undefined ? undefined : html`<li>Target version <b>${version}</b></li>\n`}<li>Exit status <b>${report.status}</b></li>
</ul>
<section class="card verdict ${verdict.safe ? 'safe' : 'unsafe'}" aria-labelledby="verdict">
<h2 id="verdict"><span aria-hidden="true">${verdict.safe ? '✓' : '✕'}</span> ${headlineOf(report)}</h2>
<ul>${verdict.because.map((reason) => html`<li>${capitalize(reason)}</li>`)}</ul>
</section>
${renderTotals(report)}${renderUrgent(report, rowOf)}<nav aria-label="Sections"><ul>
<li><a href="#devices">What devices will see</a></li><li><a href="#findings">Findings</a></li><li><a href="#apps">Apps</a></li><li><a href="#targets">Targets</a></li><li><a href="#skipped">Skipped</a></li><li><a href="#sources">Repositories</a></li>
</ul></nav>
</header>
`;
}

function renderTotals(report: RunReport): Markup {
  const { counts, targetVersion } = report;
  const total = (key: string, label: string, count: number, detail = '') =>
    html`<div class="${key}${count === 0 ? ' zero' : ''}"><dt>${label}${detail === '' ? undefined : html`<small>${detail}</small>`}</dt><dd data-count="${key}">${count}</dd></div>\n`;
  return html`<dl class="totals" aria-label="Totals">
${total('migrated', `apps ${statusWord('migrated', report)}`, counts.migrated)}${total('unchanged', 'apps unchanged', counts.unchanged)}${total('held', 'apps held', counts.held)}${total('failed', 'apps failed', counts.failed)}${total('skipped', 'packages skipped', counts.skipped)}${total('bundles', 'bundles', counts.bundles, `${formatBytes(counts.bundleBytes)}, ${formatBytes(counts.bytesSent)} sent`)}${total('images', 'images pinned', counts.images)}${total('targets', 'targets', counts.targets, targetVersion === undefined ? '' : `version ${targetVersion}`)}</dl>
`;
}

/** What a reviewer must not miss: new on devices, removed, failed, held. */
function renderUrgent(report: RunReport, rowOf: FindRow): Markup {
  const held = report.apps.filter((app) => app.status === 'held');
  const errors = firstErrors(report);
  const fresh = report.newOnDevices;
  const removed = listRemovals(report.targets);
  const card = (kind: 'new' | 'failed' | 'held', title: string, intro: string, items: readonly Markup[]): Markup => {
    if (items.length === 0) return html``;
    const id = title.toLowerCase().replaceAll(' ', '-');
    const more = items.length - NAMES_SHOWN;
    return html`<section class="card ${kind}" aria-labelledby="${id}"><h3 id="${id}">${badge(kind, title)}</h3>${intro === '' ? undefined : html`<p>${intro}</p>`}<ul>${items.slice(0, NAMES_SHOWN)}${more > 0 ? html`<li class="soft">${more} more below</li>` : undefined}</ul></section>
`;
  };
  const link = (app: string, repository: string): Markup => {
    const row = rowOf(app, repository);
    return row === undefined ? html`<b>${app}</b>` : html`<a href="#${row}"><b>${app}</b></a>`;
  };
  const cards = [
    card(
      'new',
      'NEW ON DEVICES',
      'No target named these apps before. Devices start them once the new targets reach them.',
      fresh.map((name) => html`<li><b>${name}</b></li>`),
    ),
    card(
      'failed',
      'REMOVED',
      'A new target lacks these apps: devices remove them with their folders.',
      removed.map((name) => html`<li><b>${name}</b></li>`),
    ),
    card(
      'failed',
      'FAILED',
      '',
      errors.map(
        (error) =>
          html`<li>${error.app === undefined ? html`<b>${error.repository}</b>` : link(error.app, error.repository)} ${code(error.code)} ${place(error)}<br>${error.message}${error.hint === undefined ? undefined : html`<br><span class="fix"><b>Fix:</b> ${error.hint}</span>`}</li>`,
      ),
    ),
    card(
      'held',
      'HELD',
      'Fine in themselves, but no target is written for them while an app fails.',
      held.map(
        (app) =>
          html`<li>${link(app.app, app.origin.repository)}${app.reason === undefined ? undefined : html` <span class="soft">${app.reason}</span>`}</li>`,
      ),
    ),
  ];
  return html`<div class="first">
${cards}</div>
`;
}

function renderSkipped({ skippedPackages, skippedTargets }: RunReport): Markup {
  const packages = skippedPackages.map(({ name, reason, ...where }) => [name, place(where), reason]);
  const targets = skippedTargets.map(({ name, reason }) => [code(name), reason]);
  return html`<section aria-labelledby="skipped">
<h2 id="skipped">Skipped</h2>
<div class="card">
${packages.length === 0 ? html`<p class="soft">No package was skipped.</p>\n` : limitedTable({ caption: countOf(packages.length, 'package'), columns: ['Package', 'Place', 'Reason'], rows: packages }, { rows: SKIPPED_SHOWN, noun: 'package' })}${targets.length === 0 ? html`<p class="soft">No target was skipped.</p>\n` : limitedTable({ caption: countOf(targets.length, 'target'), columns: ['Target', 'Reason'], rows: targets }, { rows: SKIPPED_SHOWN, noun: 'target' })}</div>
</section>
`;
}

function renderSources({ sources, counts }: RunReport): Markup {
  const rows = sources.map((source) => [
    code(source.repository),
    source.commit === undefined ? html`<span class="soft">not known</span>` : code(source.commit.slice(0, 12)),
    String(source.packages),
    String(source.selected),
    source.error === undefined ? 'read' : html`${badge('error', 'not read')} ${source.error}`,
  ]);
  return html`<section aria-labelledby="sources">
<h2 id="sources">Repositories</h2>
<div class="card">
${limitedTable({ caption: `${sources.length === 1 ? '1 repository' : `${sources.length} repositories`}, ${countOf(counts.skipped, 'package')} skipped`, columns: ['Repository', 'Commit', { number: 'Packages' }, { number: 'Selected' }, 'State'], rows }, { rows: SKIPPED_SHOWN, noun: 'row' })}</div>
</section>
`;
}
