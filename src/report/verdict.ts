import { compareText } from '../lib/bytes.ts';
import type { DeviceUpdate } from '../model/plan.ts';
import type { ReportApp, ReportFinding } from './report-apps.ts';
import type { ReportSource, ReportTarget } from './run-report.ts';
import { describeWhole } from './updates.ts';

/** Whether the change may go to devices as it is. `because` has at least one sentence, the gravest first. */
export interface Verdict {
  readonly safe: boolean;
  readonly because: readonly string[];
}

interface Judged {
  readonly status: number;
  readonly failure?: { readonly code: string; readonly message: string } | undefined;
  readonly hasChanges: boolean;
  readonly apps: readonly ReportApp[];
  readonly sources: readonly ReportSource[];
  readonly targets: readonly ReportTarget[];
  readonly findings: readonly ReportFinding[];
  readonly newOnDevices: readonly string[];
  readonly updates: readonly DeviceUpdate[] | undefined;
}

const NAMES_SHOWN = 5;

/** `3 apps failed: a, b, c`; of many names the first five. */
function sentence(count: number, [one, many]: readonly [string, string], names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
  return `${count} ${count === 1 ? one : many}: ${shown}${more}`;
}

/** Not safe: an app failed or waits, an app leaves a target, a repository was not read, or the run itself ended in error. */
export function judgeRun(run: Judged): Verdict {
  const namesOf = (status: ReportApp['status']) =>
    run.apps.filter((app) => app.status === status).map((app) => app.app);
  const failed = namesOf('failed');
  const held = namesOf('held');
  const removed = listRemovals(run.targets);
  const unread = run.sources.filter((source) => source.error !== undefined).map((source) => source.repository);
  const against: string[] = [];
  if (run.failure !== undefined) {
    against.push(`the run ended early and this report is a part: ${run.failure.code}: ${run.failure.message}`);
  }
  if (failed.length > 0) against.push(sentence(failed.length, ['app failed', 'apps failed'], failed));
  if (held.length > 0) {
    against.push(sentence(held.length, ['app is held back by that', 'apps are held back by that'], held));
  }
  if (unread.length > 0) {
    against.push(sentence(unread.length, ['repository could not be read', 'repositories could not be read'], unread));
  }
  if (removed.length > 0) {
    against.push(sentence(removed.length, ['app leaves a target', 'apps leave a target'], removed));
  }
  const errors = run.findings.filter((finding) => finding.severity === 'error').length;
  if (errors > 0 && failed.length + unread.length === 0) {
    against.push(errors === 1 ? '1 finding is an error' : `${errors} findings are errors`);
  }
  if (against.length === 0 && run.status !== 0 && run.status !== 2) {
    against.push(`the run ended with exit status ${run.status}`);
  }
  return against.length > 0 ? { safe: false, because: against } : { safe: true, because: reasonsFor(run) };
}

function reasonsFor(run: Judged): string[] {
  const done = run.apps.length;
  const reasons = [
    done === 0
      ? 'no app was selected'
      : `${done === 1 ? 'the one app is' : `all ${done} apps are`} converted, with every image pinned to its digest`,
  ];
  reasons.push(describeWhole(run.updates));
  if (run.hasChanges) reasons.push('no app leaves a target');
  if (run.newOnDevices.length > 0) {
    reasons.push(
      sentence(
        run.newOnDevices.length,
        ['app starts on devices for the first time', 'apps start on devices for the first time'],
        run.newOnDevices,
      ),
    );
  }
  return reasons;
}

/** The apps that some new target lacks in a map in which its parent had them. */
export function listRemovals(targets: readonly ReportTarget[]): string[] {
  const rows = targets.flatMap((target) =>
    target.apps.filter((app) => app.dockerApp === 'removed' || app.composeApp === 'removed'),
  );
  return [...new Set(rows.map((row) => row.app))].sort(compareText);
}
