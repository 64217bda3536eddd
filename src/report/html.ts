import { createHash } from 'node:crypto';
import { renderApps } from './html-apps.ts';
import { renderFindings } from './html-findings.ts';
import { badge, code, place, table } from './html-parts.ts';
import { STYLE } from './html-style.ts';
import { renderTargets } from './html-targets.ts';
import { html, type Markup, renderMarkup } from './markup.ts';
import type { RunReport } from './run-report.ts';
import { capitalize, countOf, firstErrors, formatBytes, headlineOf, STATUSES, statusWord } from './wording.ts';

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

/**
 * One self-contained page without script: verdict and totals, what is urgent, findings, apps, targets, and what was skipped.
 * The content security policy allows this one style sheet and nothing else.
 */
export function renderHtml(report: RunReport): string {
  const title = html`<title>${headlineOf(report)} · ${report.factory} · rebundle ${report.command}</title>`;
  const body = html`<a class="skip" href="#main">Skip to the findings</a>
${renderHeader(report)}<main id="main">
${renderFindings(report)}${renderApps(report)}${renderTargets(report)}${renderSkipped(report)}${renderSources(report)}</main>
<footer><p>Made by <code>rebundle ${report.command}</code> from the plan of ${report.createdAt}. Values of parameters whose names look like secrets are masked.</p></footer>
`;
  // The style sheet is a constant of ours and must not be escaped: its hash is in the policy.
  return [
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
    `${renderMarkup(body)}</body>`,
    '</html>',
    '',
  ].join('\n');
}

function renderHeader(report: RunReport): Markup {
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
${renderTotals(report)}${renderUrgent(report)}<nav aria-label="Sections"><ul>
<li><a href="#findings">Findings</a></li><li><a href="#apps">Apps</a></li><li><a href="#targets">Targets</a></li><li><a href="#skipped">Skipped</a></li><li><a href="#sources">Repositories</a></li>
</ul></nav>
</header>
`;
}

function renderTotals(report: RunReport): Markup {
  const { counts, targetVersion } = report;
  const total = (key: string, label: string, count: number, detail = '') =>
    html`<div class="${key}${count === 0 ? ' zero' : ''}"><dt>${label}${detail === '' ? undefined : html`<small>${detail}</small>`}</dt><dd data-count="${key}">${count}</dd></div>\n`;
  const done = STATUSES.reduce((sum, status) => sum + counts[status], 0);
  let from = 0;
  const bars = STATUSES.filter((status) => counts[status] > 0).map((status) => {
    const width = (counts[status] / done) * 1000;
    from += width;
    return html`<rect class="${status}" x="${(from - width).toFixed(1)}" width="${width.toFixed(1)}" height="12"></rect>`;
  });
  const label = STATUSES.map((status) => `${counts[status]} ${statusWord(status, report)}`).join(', ');
  return html`<dl class="totals" aria-label="Totals">
${total('migrated', `apps ${statusWord('migrated', report)}`, counts.migrated)}${total('unchanged', 'apps unchanged', counts.unchanged)}${total('held', 'apps held', counts.held)}${total('failed', 'apps failed', counts.failed)}${total('skipped', 'packages skipped', counts.skipped)}${total('bundles', 'bundles', counts.bundles, `${formatBytes(counts.bundleBytes)}, ${formatBytes(counts.bytesSent)} sent`)}${total('images', 'images pinned', counts.images)}${total('targets', 'targets', counts.targets, targetVersion === undefined ? '' : `version ${targetVersion}`)}</dl>
${done === 0 ? undefined : html`<svg class="bar" role="img" aria-label="Apps by status: ${label}" viewBox="0 0 1000 12" preserveAspectRatio="none">${bars}</svg>\n`}`;
}

/** What a reviewer must not miss: new on devices, failed, held. */
function renderUrgent(report: RunReport): Markup {
  const held = report.apps.filter((app) => app.status === 'held');
  const errors = firstErrors(report);
  const fresh = report.newOnDevices;
  if (held.length + errors.length + fresh.length === 0) return html``;
  return html`<div class="first">
${fresh.length === 0 ? undefined : html`<section class="card new" aria-labelledby="new"><h3 id="new">${badge('new', 'NEW ON DEVICES')}</h3><p>No target named ${fresh.length === 1 ? 'this app' : 'these apps'} before. Devices start ${fresh.length === 1 ? 'it' : 'them'} once the new targets reach them.</p><ul>${fresh.map((name) => html`<li><b>${name}</b></li>`)}</ul></section>\n`}${errors.length === 0 ? undefined : html`<section class="card failed" aria-labelledby="failed"><h3 id="failed">${badge('failed', 'FAILED')}</h3><ul>${errors.map((error) => html`<li><b>${error.app ?? error.repository}</b> ${code(error.code)} ${place(error)}<br>${error.message}${error.hint === undefined ? undefined : html`<br><span class="fix"><b>Fix:</b> ${error.hint}</span>`}</li>`)}</ul></section>\n`}${held.length === 0 ? undefined : html`<section class="card held" aria-labelledby="held"><h3 id="held">${badge('held', 'HELD')}</h3><p>Fine in themselves, but no target is written for them while an app fails.</p><ul>${held.map((app) => html`<li><b>${app.app}</b>${app.reason === undefined ? undefined : html` <span class="soft">${app.reason}</span>`}</li>`)}</ul></section>\n`}</div>
`;
}

function renderSkipped({ skippedPackages, skippedTargets }: RunReport): Markup {
  const packages = skippedPackages.map(({ name, reason, ...where }) => [name, place(where), reason]);
  const targets = skippedTargets.map(({ name, reason }) => [code(name), reason]);
  return html`<section aria-labelledby="skipped">
<h2 id="skipped">Skipped</h2>
<div class="card">
${packages.length === 0 ? html`<p class="soft">No package was skipped.</p>\n` : table({ caption: countOf(packages.length, 'package'), columns: ['Package', 'Place', 'Reason'], rows: packages })}${targets.length === 0 ? html`<p class="soft">No target was skipped.</p>\n` : table({ caption: countOf(targets.length, 'target'), columns: ['Target', 'Reason'], rows: targets })}</div>
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
${table({ caption: `${sources.length === 1 ? '1 repository' : `${sources.length} repositories`}, ${countOf(counts.skipped, 'package')} skipped`, columns: ['Repository', 'Commit', { number: 'Packages' }, { number: 'Selected' }, 'State'], rows })}</div>
</section>
`;
}
