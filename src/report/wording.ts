import { ERRORS } from '../errors.ts';
import type { AppStatus, Diagnostic } from '../model/app.ts';
import { FINDINGS, type Severity } from '../model/findings.ts';
import type { ReportApp, ReportFinding } from './report-apps.ts';
import type { RunReport } from './run-report.ts';

/** Bytes as people read them: `812 B`, `4.1 KiB`, `12 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Milliseconds as people read them: `340 ms`, `4.1 s`, `3 min 20 s`. */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** `1 app`, `2 apps`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Findings that the configuration says are known. */
export function countIgnored(ignored: NonNullable<RunReport['ignored']>): number {
  return ignored.reduce((sum, { count }) => sum + count, 0);
}

/** `repository/path:line:column`, as much of it as is known. */
export function placeOf(place: { repository: string; path: string; line?: number; column?: number }): string {
  const repository = place.repository.replace(/\/$/, '');
  const file = place.path === '' ? repository : repository === '' ? place.path : `${repository}/${place.path}`;
  return place.line === undefined ? file : `${file}:${place.line}:${place.column ?? 1}`;
}

const HELP = { ...ERRORS, ...FINDINGS };

/** What a code means, from the table that README lists too. */
export function helpOf(code: Diagnostic['code']): string {
  return HELP[code].help;
}

/** Of most concern first. */
export const STATUSES: readonly Exclude<AppStatus, 'skipped'>[] = ['failed', 'held', 'migrated', 'unchanged'];
export const SEVERITIES: readonly Severity[] = ['error', 'warning', 'note'];

export const SEVERITY_TITLES: Readonly<Record<Severity, string>> = {
  error: 'Errors',
  warning: 'Warnings',
  note: 'Notes',
};

/** A status in words: what a plan proposes has not happened yet. */
export function statusWord(status: AppStatus, { command }: RunReport): string {
  return status === 'migrated' && command === 'plan' ? 'to migrate' : status;
}

/** Apps in the order in which a reviewer wants them. */
export function worstFirst(apps: readonly ReportApp[]): ReportApp[] {
  return STATUSES.flatMap((status) => apps.filter((app) => app.status === status));
}

/** The verdict in two to four words. */
export function headlineOf(report: RunReport): string {
  if (!report.verdict.safe) return report.command === 'plan' ? 'Not safe to apply' : 'Needs attention';
  if (!report.hasChanges) return 'Nothing to do';
  return report.command === 'plan' ? 'Safe to apply' : 'Done';
}

/** `2 targets and 4 file targets planned as version 43`. */
export function describeTargets({ counts, outputs, targetVersion }: RunReport): string {
  if (counts.targets + counts.fileTargets === 0) return 'no target is added';
  const version = targetVersion === undefined ? '' : ` as version ${targetVersion}`;
  const what = `${countOf(counts.targets, 'target')} and ${countOf(counts.fileTargets, 'file target')}`;
  return `${what} ${outputs.targets === undefined ? 'planned' : 'added'}${version}`;
}

/** `docker.io 76 of 100 requests`, by host; empty where no registry named a limit. */
export function describeQuotas({ timing }: RunReport): string {
  const rows = (timing?.quotas ?? []).map(({ host, remaining, limit }) =>
    limit === undefined ? `${host} ${countOf(remaining, 'request')}` : `${host} ${remaining} of ${limit} requests`,
  );
  return rows.join(', ');
}

/** What becomes of the planned targets, in one sentence. */
export function targetsSentence(report: RunReport): string {
  const { counts, outputs, failure } = report;
  const isOpen = counts.targets > 0 && outputs.targets === undefined;
  const rest =
    isOpen && failure !== undefined
      ? '; the run ended before it was certain that they are written'
      : isOpen && counts.failed + counts.held > 0
        ? '; none is written while an app fails, unless --allow-partial is given'
        : '';
  return `${capitalize(describeTargets(report) + rest)}.`;
}

export function capitalize(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** The first error of an app, which is why it failed. */
export function firstErrors(report: RunReport): ReportFinding[] {
  const seen = new Set<string>();
  return report.findings.filter((finding) => {
    const key = JSON.stringify([finding.app, finding.repository, finding.app === undefined ? finding.message : '']);
    if (finding.severity !== 'error' || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

export function quoteShell(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What this run was started with, as a shell reads it. */
export interface NextFlags {
  /** What every next command needs, too. */
  readonly always: string;
  /** What one that is about the same plan needs besides. */
  readonly samePlan: string;
}

/** The command to type next, and why. */
export function nextCommand(
  report: RunReport,
  { always, samePlan }: NextFlags = { always: '', samePlan: '' },
): { command: string; why: string } {
  const line = (...words: string[]) => ['rebundle', ...words, always].filter((part) => part !== '').join(' ');
  const { command, outputs } = report;
  // What apply refuses or fails at needs a new plan.
  if (!report.verdict.safe)
    return { command: line(command === 'apply' ? 'plan' : command, samePlan), why: 'after the errors are corrected' };
  if (command === 'plan' && report.hasChanges && outputs.plan !== undefined) {
    return { command: line('apply', quoteShell(outputs.plan), samePlan), why: 'publishes exactly this plan' };
  }
  if (command === 'convert' || command === 'scan') {
    return { command: line('plan'), why: 'shows what a run would publish' };
  }
  return { command: line('run'), why: 'any time again: an unchanged app causes no update' };
}
