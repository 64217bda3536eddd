import type { Drift } from '../model/plan.ts';
import { DOWNLOAD_TITLES, listDownloads } from './downloads.ts';
import type { AppEntry } from './html-apps.ts';
import { renderDiff } from './html-diff.ts';
import { badge, code, limitedTable, place, reference, table } from './html-parts.ts';
import { html, type Markup } from './markup.ts';
import type { ReportApp, ReportAppDetails, ReportFinding } from './report-apps.ts';
import { countOf, formatBytes, placeOf } from './wording.ts';

const FILES_SHOWN = 500;
const FINDINGS_SHOWN = 100;
/** Columns for platforms; images with more have them in one cell. */
const PLATFORM_COLUMNS = 8;

/** All that is known of one app, as the page shows it when its row is opened. */
export function renderApp({ app, findings }: AppEntry): Markup {
  const details = app.details();
  const more = findings.length - FINDINGS_SHOWN;
  return html`${renderFacts(app, details)}${findings.slice(0, FINDINGS_SHOWN).map(renderFinding)}${more > 0 ? html`<p class="soft">${countOf(more, 'more finding')} in the JSON report.</p>\n` : undefined}${renderComposeDiff(app, details)}${renderPackageDiff(app, details)}${renderImages(details)}${renderVariables(details)}${renderStorage(details)}${renderDownloads(app)}${renderFiles(details)}`;
}

function renderFacts(app: ReportApp, { platforms }: ReportAppDetails): Markup {
  const { bundle, dockerApp, origin, former } = app;
  const fact = (name: string, value: Markup | string | undefined) =>
    value === undefined ? html`` : html`<dt>${name}</dt><dd>${value}</dd>\n`;
  const fromTo = (before: string | undefined, after: Markup, now: string): Markup =>
    before === undefined || before === now
      ? after
      : html`${after}<br><span class="soft">before: ${reference(before)}</span>`;
  return html`<dl class="facts">
${fact('Source', code(placeOf(origin)))}${fact('Form', app.kind)}${fact('Commit', origin.commit === undefined ? undefined : code(origin.commit))}${fact('Reason', app.reason)}${fact('Compose Bundle', app.reference === undefined ? undefined : fromTo(former?.reference, reference(app.reference), app.reference))}${fact('Bundle size', bundle === undefined ? undefined : formatBytes(bundle.size))}${fact('Docker App', dockerApp === undefined ? undefined : fromTo(former?.dockerApp, html`${code(dockerApp.name)}, ${formatBytes(dockerApp.length)}, ${dockerApp.reused ? 'as published before' : 'new entry'}`, dockerApp.name))}${fact('Platforms', platforms.length === 0 ? undefined : platforms.join(', '))}</dl>
`;
}

function renderFinding(finding: ReportFinding): Markup {
  return html`<div class="finding">${badge(finding.severity, finding.severity)} ${code(finding.code)} ${place(finding)}<p>${finding.message}</p>${finding.hint === undefined ? undefined : html`<p class="fix"><b>Fix:</b> ${finding.hint}</p>`}</div>
`;
}

function renderComposeDiff(
  { app, kind, origin }: ReportApp,
  { diff = '', composeLine, changes = [] }: ReportAppDetails,
): Markup {
  if (diff === '') return html``;
  return renderDiff({
    caption: 'From the package to docker-compose.yml, before its images are pinned',
    before: kind === 'single-file' ? origin.path : `compose part of ${origin.path}`,
    after: `${app}/docker-compose.yml`,
    diff,
    changes,
    ...(composeLine === undefined ? {} : { firstLine: composeLine }),
  });
}

function renderPackageDiff({ origin, dockerApp }: ReportApp, { dockerAppDiff = '' }: ReportAppDetails): Markup {
  if (dockerAppDiff === '') return html``;
  return renderDiff({
    caption: 'The .dockerapp that devices of the old style get',
    before: origin.path,
    after: dockerApp?.name ?? 'published',
    diff: dockerAppDiff,
  });
}

const DRIFTS: Readonly<Record<Drift['kind'], string>> = {
  metadata: 'the tag moved, devices would run the same',
  layers: 'the tag names other content by now',
  gone: 'the tag is gone',
};

function renderImages({ images }: ReportAppDetails): Markup {
  if (images.length === 0) return html``;
  const platforms = [...new Set(images.flatMap((image) => image.platforms))];
  const isMatrix = platforms.length <= PLATFORM_COLUMNS;
  const hasDrift = images.some(({ drift }) => drift !== undefined);
  const rows = images.map((image) => [
    image.service,
    code(image.written),
    reference(image.pinned),
    ...(isMatrix
      ? platforms.map((platform) =>
          image.platforms.includes(platform)
            ? html`<span class="yes">✓ yes</span>`
            : html`<span class="no">✕ no</span>`,
        )
      : [image.platforms.join(', ')]),
    ...(hasDrift ? [image.drift === undefined ? 'none' : badge('held', DRIFTS[image.drift.kind])] : []),
  ]);
  const columns = [
    'Service',
    'Written',
    'Pinned to',
    ...(isMatrix ? platforms : ['Platforms']),
    ...(hasDrift ? ['Drift'] : []),
  ];
  return table({ caption: 'Images, their digests and platforms', columns, rows });
}

function renderVariables({ variables }: ReportAppDetails): Markup {
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

function renderStorage({ storage = [] }: ReportAppDetails): Markup {
  if (storage.length === 0) return html``;
  const rows = storage.map(({ service, target, kind, source }) => [
    service,
    code(target),
    kind,
    code(source),
    STAYS[kind],
  ]);
  return table({
    caption: 'Data that stays on the device',
    columns: ['Service', 'In the container', 'Kind', 'On the device', 'From Docker App to bundle'],
    rows,
  });
}

const STAYS = {
  volume: 'the same volume in both styles',
  'host path': 'the same path in both styles',
  'app folder': 'moves with the folder of the app: docker_apps_root and compose_apps_root may differ',
} as const;

function renderDownloads(app: ReportApp): Markup {
  const rows = listDownloads(app);
  if (rows.length === 0) return html``;
  const columns = ['Platform', ...DOWNLOAD_TITLES.map((number) => ({ number }))];
  return table({ caption: 'What a device downloads', columns, rows });
}

function renderFiles({ files }: ReportAppDetails): Markup {
  if (files.length === 0) return html``;
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const rows = files.map((file) => [code(file.path), formatBytes(file.size), reference(file.digest)]);
  const caption = `Bundle contents: ${countOf(files.length, 'file')}, ${formatBytes(bytes)} unpacked`;
  const columns = ['File', { number: 'Size' }, 'Digest'];
  return limitedTable({ caption, columns, rows }, { rows: FILES_SHOWN, noun: 'file' });
}
