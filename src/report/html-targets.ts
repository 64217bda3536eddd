import { code, table } from './html-parts.ts';
import { html, type Markup } from './markup.ts';
import type { ReportTarget, RunReport } from './run-report.ts';
import { countOf, formatBytes, targetsSentence } from './wording.ts';

/** The planned targets: what each builds upon and how its two app maps differ from that; then the file targets. */
export function renderTargets(report: RunReport): Markup {
  const targets = report.targets.filter((target) => target.kind === 'ostree');
  const files = report.targets.filter((target) => target.kind === 'file');
  return html`<section aria-labelledby="targets">
<h2 id="targets">Targets</h2>
<p>${targetsSentence(report)}</p>
${targets.map(renderTarget)}${files.length === 0 ? undefined : html`<div class="card">${renderFileTargets(files)}</div>\n`}</section>
`;
}

function renderTarget(target: ReportTarget): Markup {
  const changed = target.apps.filter((app) =>
    [app.dockerApp, app.composeApp].some((change) => change !== 'unchanged' && change !== 'none'),
  );
  const rows = target.apps.map((app) => [app.app, change(app.dockerApp), change(app.composeApp)]);
  return html`<details class="card">
<summary><span class="row"><h3>${code(target.name)}</h3> <span class="soft">${target.hardwareId}${target.tag === undefined ? undefined : html` · tag ${target.tag}`}</span> <span class="end">${countOf(changed.length, 'app')} changed of ${target.apps.length}</span></span></summary>
<div class="inside">
<dl class="facts"><dt>Builds upon</dt><dd>${target.parent === undefined ? 'nothing' : code(target.parent)}</dd>
<dt>Hardware id</dt><dd>${target.hardwareId ?? 'none'}</dd>
<dt>Tag</dt><dd>${target.tag ?? 'none'}</dd>
<dt>Version</dt><dd>${target.version ?? 'none'}</dd></dl>
${table({ caption: 'Apps against the target that it builds upon', columns: ['App', 'docker_apps', 'docker_compose_apps'], rows })}</div>
</details>
`;
}

/** A sign and a word; `none` means that neither target has the app in that map. */
function change(kind: ReportTarget['apps'][number]['dockerApp']): Markup {
  switch (kind) {
    case 'added':
      return html`<span class="badge migrated"><span aria-hidden="true">+</span> added</span>`;
    case 'replaced':
      return html`<span class="badge held"><span aria-hidden="true">↻</span> replaced</span>`;
    case 'removed':
      return html`<span class="badge failed"><span aria-hidden="true">−</span> removed</span>`;
    case 'unchanged':
      return html`<span class="badge"><span aria-hidden="true">=</span> unchanged</span>`;
    case 'none':
      return html`<span class="soft">not there</span>`;
  }
}

function renderFileTargets(files: readonly ReportTarget[]): Markup {
  return table({
    caption: 'File targets: the Docker Apps that devices of the old style fetch',
    columns: ['Name', { number: 'Size' }],
    rows: files.map((file) => [code(file.name), formatBytes(file.length)]),
  });
}
