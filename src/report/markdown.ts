import type { Severity } from '../model/findings.ts';
import { DOWNLOAD_TITLES, listDownloads } from './downloads.ts';
import { codeCell, escapeMarkdown, fencedBlock } from './markdown-escape.ts';
import type { ReportApp, ReportFinding } from './report-apps.ts';
import type { RunReport } from './run-report.ts';
import { describeUpdates, updatesSentence } from './updates.ts';
import {
  capitalize,
  countIgnored,
  countOf,
  formatBytes,
  headlineOf,
  placeOf,
  SEVERITIES,
  SEVERITY_TITLES,
  STATUSES,
  statusWord,
  targetsSentence,
  worstFirst,
} from './wording.ts';

/** Job summaries above 1 MiB vanish; this leaves room for what else a job writes. */
const BUDGET_BYTES = 900 * 1024;
/** Of the apps that change for one cause. */
const NAMES_SHOWN = 100;

interface Section {
  readonly title: string;
  /** Lines before the rows; of a table its two head lines. */
  readonly head: string;
  /** Each ends in a line feed; made as long as there is room. */
  readonly rows: Iterable<string>;
  readonly count: number;
  /** What a row is, for `3 more apps in ...`. */
  readonly noun: string;
}

/**
 * GitHub Markdown of at most `budgetBytes` bytes of UTF-8: totals first, then what is worst. A section that does not fit says
 * how many more rows it has and where they are.
 */
export function renderMarkdown(report: RunReport, budgetBytes: number = BUDGET_BYTES): string {
  const top = renderTop(report);
  const sections = listSections(report).filter((section) => section.count > 0);
  const rest = report.outputs.html ?? report.outputs.json;
  const where = rest === undefined ? 'the full report' : codeCell(rest);
  const closing = (section: Section, more: number) =>
    `\n${more} more ${section.noun}${more === 1 ? '' : 's'} in ${where}.\n`;
  const frame = (section: Section) => `\n## ${section.title}\n`;
  const fixed = sections.map((section) => bytesOf(frame(section) + closing(section, section.count)));
  let room = budgetBytes - bytesOf(top) - fixed.reduce((sum, bytes) => sum + bytes, 0);
  if (room < 0) return cutLines(top, budgetBytes);
  const parts = sections.map((section) => {
    const kept: string[] = [];
    let cost = bytesOf(`\n${section.head}`);
    for (const row of section.rows) {
      if (cost + bytesOf(row) > room) break;
      cost += bytesOf(row);
      kept.push(row);
    }
    const more = section.count - kept.length;
    if (kept.length > 0) room -= cost;
    const body = kept.length > 0 ? `\n${section.head}${kept.join('')}` : '';
    return `${frame(section)}${body}${more > 0 ? closing(section, more) : ''}`;
  });
  return top + parts.join('');
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

/** As many whole lines as fit. */
function cutLines(text: string, budgetBytes: number): string {
  let result = '';
  for (const line of text.split(/(?<=\n)/)) {
    if (bytesOf(result + line) > budgetBytes) break;
    result += line;
  }
  return result;
}

function renderTop(report: RunReport): string {
  const { counts, verdict } = report;
  const sentence = updatesSentence(report);
  const rows: readonly (readonly [string, string | number])[] = [
    ...STATUSES.map((status) => [`apps ${statusWord(status, report)}`, counts[status]] as const),
    ['packages skipped', counts.skipped],
    ['bundles', counts.bundles],
    ['bundle bytes', formatBytes(counts.bundleBytes)],
    ['bytes sent', formatBytes(counts.bytesSent)],
    ['images pinned', counts.images],
    ['tags that moved', counts.drifted],
    ['apps that devices see change', counts.updated],
    ['targets', counts.targets],
    ...SEVERITIES.map((severity) => [SEVERITY_TITLES[severity].toLowerCase(), counts.findings[severity]] as const),
  ];
  return [
    `# ${verdict.safe ? '✅' : '❌'} ${headlineOf(report)}: ${escapeMarkdown(report.factory)}`,
    '',
    ...verdict.because.map((reason) => `- ${escapeMarkdown(reason)}`),
    '',
    '| Total | Count |',
    '| --- | ---: |',
    ...rows.map(([label, value]) => `| ${label} | ${value} |`),
    '',
    escapeMarkdown(`${targetsSentence(report)}${sentence === undefined ? '' : ` ${capitalize(sentence)}.`}`),
    '',
  ].join('\n');
}

function listSections(report: RunReport): Section[] {
  const { counts } = report;
  const held = report.apps.filter((app) => app.status === 'held');
  return [
    {
      title: 'NEW ON DEVICES',
      head: 'No target named these apps before.\n\n',
      rows: report.newOnDevices.map((name) => `- ${codeCell(name)}\n`),
      count: report.newOnDevices.length,
      noun: 'app',
    },
    { title: 'What devices will see', ...updateTable(report), noun: 'row' },
    listFindings(report, 'error'),
    {
      title: `Held: ${counts.held}`,
      ...tableOf(['App', 'Reason'], held, (app) => [
        codeCell(app.app),
        escapeMarkdown(app.reason ?? 'waits for the apps that failed'),
      ]),
      noun: 'app',
    },
    listFindings(report, 'warning'),
    listFindings(report, 'note'),
    ...listIgnored(report),
    { title: 'Apps', ...appTable(report), noun: 'app' },
    { title: 'Targets', ...targetTable(report), noun: 'target' },
    { title: 'Images', ...imageTable(report), noun: 'image' },
    { title: 'What devices download', ...downloadTable(report), noun: 'row' },
    {
      title: `Skipped packages: ${counts.skipped}`,
      ...tableOf(['Package', 'Place', 'Reason'], report.skippedPackages, (row) => [
        codeCell(row.name),
        codeCell(placeOf(row)),
        escapeMarkdown(row.reason),
      ]),
      noun: 'package',
    },
    {
      title: 'Skipped targets',
      ...tableOf(['Target', 'Reason'], report.skippedTargets, (row) => [
        codeCell(row.name),
        escapeMarkdown(row.reason),
      ]),
      noun: 'target',
    },
    { title: 'Changes', head: '', ...listDiffs(report), noun: 'change' },
  ];
}

function updateTable(report: RunReport): Rows {
  const rows = describeUpdates(report.updates ?? [], NAMES_SHOWN).flatMap(({ devices, lines }) =>
    lines.map(({ why, who, apps, images }) => [devices, why, who, apps, images]),
  );
  return tableOf(['Tag and hardware ids', 'Cause', 'Devices', 'Apps', 'Images'], rows, (cells) =>
    cells.map(escapeMarkdown),
  );
}

/** Equal codes stand together: the findings are sorted so. */
function listFindings(report: RunReport, severity: Severity): Section {
  const found = report.findings.filter((finding) => finding.severity === severity);
  return {
    title: `${SEVERITY_TITLES[severity]}: ${report.counts.findings[severity]}`,
    ...tableOf(['App', 'Code', 'Place', 'What was found', 'Fix'], found, findingCells),
    noun: 'finding',
  };
}

/** Nothing where no finding is ignored. */
function listIgnored({ ignored = [] }: RunReport): Section[] {
  const table = tableOf(['Code', 'Count', 'Reason'], ignored, ({ code, count, reason }) => [
    codeCell(code),
    String(count),
    escapeMarkdown(reason),
  ]);
  return ignored.length === 0 ? [] : [{ title: `Ignored: ${countIgnored(ignored)}`, ...table, noun: 'kind' }];
}

type Rows = Pick<Section, 'head' | 'rows' | 'count'>;

function tableOf<T>(columns: readonly string[], items: readonly T[], cellsOf: (item: T) => readonly string[]): Rows {
  return { head: tableHead(columns), rows: mapRows(items, (item) => [cellsOf(item)]), count: items.length };
}

function tableHead(columns: readonly string[]): string {
  return `| ${columns.join(' | ')} |\n|${columns.map(() => ' --- |').join('')}\n`;
}

function* mapRows<T>(items: Iterable<T>, rowsOf: (item: T) => Iterable<readonly string[]>): Generator<string> {
  for (const item of items) for (const cells of rowsOf(item)) yield `| ${cells.join(' | ')} |\n`;
}

function findingCells(finding: ReportFinding): string[] {
  return [
    codeCell(finding.app ?? ''),
    codeCell(finding.code),
    codeCell(placeOf(finding)),
    escapeMarkdown(finding.message),
    escapeMarkdown(finding.hint ?? ''),
  ];
}

function appTable(report: RunReport): Rows {
  return tableOf(['Status', 'App', 'Source', 'Bundle', 'Size', 'Platforms'], worstFirst(report.apps), (app) => [
    app.status,
    codeCell(app.app),
    codeCell(placeOf(app.origin)),
    codeCell(app.reference ?? ''),
    app.bundle === undefined ? '' : formatBytes(app.bundle.size),
    codeCell(app.details().platforms.join(', ')),
  ]);
}

function targetTable(report: RunReport): Rows {
  return tableOf(['Target', 'Builds upon', 'Tag', 'Hardware id', 'App changes'], report.targets, (target) => [
    codeCell(target.name),
    codeCell(target.parent ?? ''),
    codeCell(target.tag ?? ''),
    codeCell(target.hardwareId ?? ''),
    target.kind === 'file' ? `file, ${formatBytes(target.length)}` : describeChanges(target.apps),
  ]);
}

/** `docker_apps 2 added, docker_compose_apps 1 replaced`. */
function describeChanges(apps: RunReport['targets'][number]['apps']): string {
  const parts = (['dockerApp', 'composeApp'] as const).flatMap((map) => {
    const counted = (['added', 'replaced', 'removed'] as const).flatMap((change) => {
      const count = apps.filter((app) => app[map] === change).length;
      return count === 0 ? [] : [`${count} ${change}`];
    });
    const name = map === 'dockerApp' ? 'docker_apps' : 'docker_compose_apps';
    return counted.length === 0 ? [] : [`\`${name}\` ${counted.join(', ')}`];
  });
  return parts.length === 0 ? `none of ${countOf(apps.length, 'app')}` : parts.join('; ');
}

function imageTable({ apps }: RunReport): Rows {
  const rowsOf = ({ app, details }: ReportApp): string[][] =>
    details().images.map((image) => [
      codeCell(app),
      codeCell(image.service),
      codeCell(image.written),
      codeCell(image.pinned),
      codeCell(image.platforms.join(', ')),
    ]);
  return {
    head: tableHead(['App', 'Service', 'Written', 'Pinned to', 'Platforms']),
    rows: mapRows(worstFirst(apps), rowsOf),
    count: apps.reduce((sum, { details }) => sum + details().images.length, 0),
  };
}

function downloadTable({ apps }: RunReport): Rows {
  const rowsOf = (app: ReportApp): string[][] =>
    listDownloads(app).map(([platform = '', ...cells]) => [codeCell(app.app), codeCell(platform), ...cells]);
  return {
    head: tableHead(['App', 'Platform', ...DOWNLOAD_TITLES]),
    rows: mapRows(worstFirst(apps), rowsOf),
    count: apps.reduce((sum, app) => sum + listDownloads(app).length, 0),
  };
}

function listDiffs({ apps }: RunReport): Pick<Section, 'rows' | 'count'> {
  return {
    rows: renderDiffs(worstFirst(apps)),
    count: apps.reduce((sum, { details }) => sum + ((details().diff ?? '') === '' ? 0 : 1), 0),
  };
}

function* renderDiffs(apps: readonly ReportApp[]): Generator<string> {
  for (const { app, details } of apps) {
    const { diff = '' } = details();
    if (diff === '') continue;
    yield `### ${escapeMarkdown(app)}\n\n${fencedBlock('diff', diff.replace(/\n$/, '').split('\n'))}\n`;
  }
}
