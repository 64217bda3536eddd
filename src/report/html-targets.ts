import type { TargetChange } from '../model/plan.ts';
import { code, limitedTable, table } from './html-parts.ts';
import { html, type Markup } from './markup.ts';
import type { ReportTarget, RunReport } from './run-report.ts';
import { describeUpdates, updatesSentence } from './updates.ts';
import { capitalize, countOf, formatBytes, targetsSentence } from './wording.ts';

const TARGETS_SHOWN = 200;
const FILES_SHOWN = 200;
const NAMES_SHOWN = 8;
const APPS_SHOWN = 500;
const CAUSE_NAMES_SHOWN = 100;

const GENERATIONS = [
  { map: 'dockerApp', title: 'with docker-app' },
  { map: 'composeApp', title: 'with Compose Bundles' },
] as const;

/** What devices of each tag and hardware id will do, in both generations, once they take the new targets. */
export function renderDevices(report: RunReport): Markup {
  const { targets } = report;
  const rows = targets.filter(isInstalled).flatMap((target) =>
    GENERATIONS.map(({ map, title }) => {
      const names = (change: TargetChange): string[] =>
        target.apps.filter((app) => app[map] === change).map(({ app }) => app);
      return [
        html`${target.tag ?? 'no tag'} · ${target.hardwareId ?? 'any'}`,
        title,
        listNames(names('added')),
        listNames(names('replaced')),
        String(names('unchanged').length),
        removedNames(names('removed')),
      ];
    }),
  );
  const columns = ['Tag and hardware id', 'Devices', 'Install', 'Update', { number: 'Unchanged' }, 'Remove'];
  return html`<section aria-labelledby="devices">
<h2 id="devices">What devices will see</h2>
<div class="card">
${renderUpdates(report)}${rows.length === 0 ? undefined : limitedTable({ caption: 'By tag, hardware id and generation of device', quiet: true, columns, rows }, { rows: 2 * TARGETS_SHOWN, noun: 'row' })}</div>
</section>
`;
}

/** In a sentence, then by tag and cause. */
function renderUpdates(report: RunReport): Markup {
  const sentence = updatesSentence(report);
  const updates = describeUpdates((report.updates ?? []).slice(0, TARGETS_SHOWN), CAUSE_NAMES_SHOWN);
  const details = updates.map(
    ({ devices, what, lines }) =>
      html`<p>${capitalize(devices)}: ${what}</p>\n<ul>${lines.map(({ why, who, apps, images }) => html`<li><b>${why}</b>, ${who}${apps === '' ? undefined : `: ${apps}`}${images === '' ? undefined : html` <span class="soft">${images}</span>`}</li>`)}</ul>\n`,
  );
  return html`${sentence === undefined ? undefined : html`<p>${capitalize(sentence)}.</p>\n`}${details}`;
}

function isInstalled({ kind }: ReportTarget): boolean {
  return kind === 'ostree';
}

function listNames(names: readonly string[]): Markup | string {
  if (names.length === 0) return html`<span class="soft">none</span>`;
  const more = names.length - NAMES_SHOWN;
  return `${names.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function removedNames(names: readonly string[]): Markup | string {
  const text = listNames(names);
  return typeof text === 'string'
    ? html`<span class="badge failed"><span aria-hidden="true">−</span> ${text}</span>`
    : text;
}

/** The planned targets: what each builds upon and how its two app maps differ from that; then the file targets. */
export function* renderTargets(report: RunReport): Generator<Markup> {
  const targets = report.targets.filter(isInstalled);
  const files = report.targets.filter((target) => target.kind === 'file');
  yield html`<section aria-labelledby="targets">
<h2 id="targets">Targets</h2>
<p>${targetsSentence(report)}</p>
`;
  const entries = new Map(report.apps.map((app) => [app.app, app]));
  for (const target of targets.slice(0, TARGETS_SHOWN)) yield renderTarget(target, entries);
  const more = targets.length - TARGETS_SHOWN;
  yield html`${more > 0 ? html`<p class="soft">${countOf(more, 'more target')} in the JSON report.</p>\n` : undefined}${files.length === 0 ? undefined : html`<div class="card">${renderFileTargets(files)}</div>\n`}</section>
`;
}

function renderTarget(target: ReportTarget, entries: ReadonlyMap<string, RunReport['apps'][number]>): Markup {
  const isChanged = ({ dockerApp, composeApp }: ReportTarget['apps'][number]): boolean =>
    [dockerApp, composeApp].some((change) => change !== 'unchanged' && change !== 'none');
  const changed = target.apps.filter(isChanged);
  // What changes comes first.
  const rows = [...changed, ...target.apps.filter((app) => !isChanged(app))].map(({ app, dockerApp, composeApp }) => {
    const { dockerApp: file, reference, former } = entries.get(app) ?? {};
    return [
      app,
      renderChange(dockerApp, former?.dockerApp, file?.name),
      renderChange(composeApp, former?.reference, reference),
    ];
  });
  return html`<details class="card">
<summary><span class="row"><h3>${code(target.name)}</h3> <span class="soft">${target.hardwareId}${target.tag === undefined ? undefined : html` · tag ${target.tag}`}</span> <span class="end">${countOf(changed.length, 'app')} changed of ${target.apps.length}</span></span></summary>
<div class="inside">
<dl class="facts"><dt>Builds upon</dt><dd>${target.parent === undefined ? 'nothing' : code(target.parent)}</dd>
<dt>Hardware id</dt><dd>${target.hardwareId ?? 'none'}</dd>
<dt>Tag</dt><dd>${target.tag ?? 'none'}</dd>
<dt>Version</dt><dd>${target.version ?? 'none'}</dd></dl>
${limitedTable({ caption: 'Apps against the target that it builds upon', columns: ['App', 'docker_apps', 'docker_compose_apps'], rows }, { rows: APPS_SHOWN, noun: 'app' })}</div>
</details>
`;
}

const CHANGES: Readonly<Record<TargetChange, { readonly kind: string; readonly sign: string }>> = {
  added: { kind: 'migrated', sign: '+' },
  replaced: { kind: 'held', sign: '↻' },
  removed: { kind: 'failed', sign: '−' },
  unchanged: { kind: 'unchanged', sign: '=' },
};

/** A sign, a word, and the entries before and after; `none` means that neither target has the app in that map. */
function renderChange(change: TargetChange | 'none', before: string | undefined, after: string | undefined): Markup {
  if (change === 'none') return html`<span class="soft">not there</span>`;
  const { kind, sign } = CHANGES[change];
  const was = (change === 'replaced' || change === 'removed') && before !== undefined && before !== after;
  const is = (change === 'replaced' || change === 'added') && after !== undefined;
  return html`<span class="badge ${kind}"><span aria-hidden="true">${sign}</span> ${change}</span>${was ? html`<br><del class="entry">${before}</del>` : undefined}${is ? html`<br><ins class="entry">${after}</ins>` : undefined}`;
}

function renderFileTargets(files: readonly ReportTarget[]): Markup {
  const rows = files.slice(0, FILES_SHOWN).map((file) => [code(file.name), formatBytes(file.length)]);
  const more = files.length - FILES_SHOWN;
  return html`${table({
    caption: 'File targets: the Docker Apps that devices of the old style fetch',
    columns: ['Name', { number: 'Size' }],
    rows,
  })}${more > 0 ? html`<p class="soft">${countOf(more, 'more file target')} in the JSON report.</p>\n` : undefined}`;
}
