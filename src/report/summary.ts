import { escapeTerminal, fitTerminal } from '../lib/escape-text.ts';
import { type Color, createPaint } from './paint.ts';
import type { ReportApp } from './report-apps.ts';
import type { RunReport } from './run-report.ts';
import { describeUpdates, formatUpdateLine, updatesSentence } from './updates.ts';
import {
  countIgnored,
  countOf,
  describeQuotas,
  describeTargets,
  firstErrors,
  formatBytes,
  headlineOf,
  type NextFlags,
  nextCommand,
  placeOf,
  statusWord,
} from './wording.ts';

interface SummaryOptions {
  /** Columns. */
  readonly width: number;
  readonly color: boolean;
  /** Flags that the next command needs too, as `--config factory.yml`; none by default. */
  readonly flags?: NextFlags;
}

/** One screen. */
const MAX_LINES = 24;
const FAILURES_SHOWN = 3;
/** Of the apps that change for one cause. */
const NAMES_SHOWN = 8;
const LABEL_WIDTH = 10;

const STATUS_COLORS: Readonly<Record<ReportApp['status'] | 'skipped', Color>> = {
  migrated: 'blue',
  unchanged: 'dim',
  skipped: 'dim',
  held: 'yellow',
  failed: 'red',
};

/** What a run came to, in at most 24 lines of `width` columns: totals, what is new, what failed, the report, the next command. */
export function renderSummary(report: RunReport, options: SummaryOptions): string {
  const paint = createPaint(options.color);
  const width = Math.max(20, options.width);
  /** Text after a label; cut before it is painted, so that no escape sequence is. */
  const row = (label: string, text: string, format?: Color) => {
    const fitted = fitTerminal(escapeTerminal(text), width - LABEL_WIDTH - 2);
    return `  ${paint('dim', label.padEnd(LABEL_WIDTH))}${format === undefined ? fitted : paint(format, fitted)}`;
  };
  const whole = (indent: number, text: string) =>
    ' '.repeat(indent) + fitTerminal(escapeTerminal(text), width - indent);

  const { counts, outputs, verdict } = report;
  const seconds = report.timing === undefined ? '' : ` (${(report.timing.totalMs / 1000).toFixed(1)} s)`;
  const lines = [
    paint(['bold', verdict.safe ? 'green' : 'red'], whole(0, `${headlineOf(report)}: ${report.factory}${seconds}`)),
    ...wrapCounts(report, width - LABEL_WIDTH - 2).map((parts, i) => {
      const painted = parts.map(({ text, status, count }) => (count > 0 ? paint(STATUS_COLORS[status], text) : text));
      return `  ${paint('dim', (i === 0 ? 'apps' : '').padEnd(LABEL_WIDTH))}${painted.join(', ')}`;
    }),
    row('bundles', `${counts.bundles}, ${formatBytes(counts.bundleBytes)}, ${formatBytes(counts.bytesSent)} sent`),
    row('images', `${counts.images} pinned`),
    row('targets', describeTargets(report)),
    row('findings', describeFindings(report)),
  ];
  const below: string[] = [];
  if (report.newOnDevices.length > 0) {
    below.push(paint(['bold', 'magenta'], whole(2, `NEW ON DEVICES: ${report.newOnDevices.join(', ')}`)));
  }
  const failures = firstErrors(report);
  for (const failure of failures.slice(0, FAILURES_SHOWN)) {
    below.push(paint('red', whole(2, `${failure.code} ${failure.app ?? failure.repository} ${placeOf(failure)}`)));
    below.push(whole(4, failure.message));
    if (failure.hint !== undefined) below.push(whole(4, `fix: ${failure.hint}`));
  }
  if (failures.length > FAILURES_SHOWN)
    below.push(whole(2, `${failures.length - FAILURES_SHOWN} more failures in the report`));
  const quotas = describeQuotas(report);
  if (quotas !== '') below.push(row('quota', quotas));
  const reportPath = outputs.html ?? outputs.markdown ?? outputs.json;
  if (reportPath !== undefined) below.push(row('report', reportPath));
  const next = nextCommand(report, options.flags);
  // Never cut: a command that is not whole is no command.
  below.push(`  ${paint('dim', 'next'.padEnd(LABEL_WIDTH))}${paint('bold', escapeTerminal(next.command))}`);
  below.push(row('', next.why));
  const room = Math.max(1, MAX_LINES - lines.length - below.length);
  lines.push(...listDevices(report, room).map((text, i) => row(i === 0 ? 'devices' : '', text)), ...below);
  return `${lines.join('\n')}\n`;
}

/** What devices will see, in at most `room` lines. */
function listDevices(report: RunReport, room: number): string[] {
  const sentence = updatesSentence(report);
  if (sentence === undefined) return [];
  const details = describeUpdates(report.updates ?? [], NAMES_SHOWN).flatMap(({ devices, what, lines }) => [
    `${devices}: ${what}`,
    ...lines.map((line) => `  ${formatUpdateLine(line)}`),
  ]);
  // One tag says it better than the sentence.
  const all = details.length > 0 && report.updates?.length === 1 ? details : [sentence, ...details];
  if (all.length <= room) return all;
  return room === 1 ? [sentence] : [...all.slice(0, room - 1), `${all.length - room + 1} more lines in the report`];
}

/** `1 error, 2 warnings, 0 notes, 3 ignored` */
function describeFindings({ counts, ignored = [] }: RunReport): string {
  const { error, warning, note } = counts.findings;
  const known = countIgnored(ignored);
  const open = `${countOf(error, 'error')}, ${countOf(warning, 'warning')}, ${countOf(note, 'note')}`;
  return known === 0 ? open : `${open}, ${known} ignored`;
}

interface CountPart {
  readonly text: string;
  readonly status: ReportApp['status'] | 'skipped';
  readonly count: number;
}

/** The app counts, broken into lines of at most `width` columns. */
function wrapCounts(report: RunReport, width: number): CountPart[][] {
  const { counts } = report;
  const lines: CountPart[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const status of ['migrated', 'unchanged', 'skipped', 'held', 'failed'] as const) {
    const part: CountPart = { text: `${counts[status]} ${statusWord(status, report)}`, status, count: counts[status] };
    if (used + part.text.length + 2 > width) {
      lines.push([]);
      used = 0;
    }
    lines.at(-1)?.push(part);
    used += part.text.length + 2;
  }
  return lines;
}
