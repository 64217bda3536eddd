import { join, relative, resolve } from 'node:path';
import { isUrl } from '../config.ts';
import type { ScannedSource } from '../pipeline/migration.ts';
import type { MigrationOutcome } from '../pipeline/run.ts';
import type { RunReport, RunReportInput } from '../report/run-report.ts';
import { renderSummary } from '../report/summary.ts';
import type { Invocation } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { combineStatus } from './exit-status.ts';
import { writeFailedList } from './failed-list.ts';
import { repeatFlags } from './repeated-flags.ts';
import { writeReports } from './report-files.ts';
import { reporterKind, wantsColor } from './reporters.ts';
import { type Finished, hasBundle, resultStatus, sourceStatus } from './session.ts';
import type { Setup } from './setup.ts';

/** The targets that a plan proposes, in the output folder. */
export const PROPOSED_TARGETS = 'targets.planned.json';

interface RunEnd {
  readonly invocation: Invocation;
  readonly environment: CliEnvironment;
  readonly setup: Setup;
  readonly planPath: string;
  /** Where bundles went, as people know it. */
  readonly destination: string;
  /** Changes wait for `apply`. */
  readonly pending: boolean;
  readonly timing: () => NonNullable<RunReportInput['timing']>;
}

/** What is left of a run when its reports are written. */
type EndedOutcome = Omit<MigrationOutcome, 'apps' | 'scanned'> & {
  readonly scanned: readonly Omit<ScannedSource, 'entries'>[];
};

/** Writes the reports and the failed list of a run that came to its end, and says what the program prints and exits with. */
export async function finishRun(outcome: EndedOutcome, run: RunEnd): Promise<Finished> {
  const { invocation, environment, setup, pending } = run;
  const { command, flags } = invocation;
  const { plan, results, bytesSent } = outcome;
  const status = combineStatus(
    sourceStatus(outcome.scanned),
    resultStatus(results, flags.errorOn, plan.diagnostics),
    pending ? 2 : 0,
  );
  const sources = outcome.scanned.map(({ source, packages, error }) => ({
    repository: source.origin.repository,
    packages,
    ...(error === undefined ? {} : { error }),
  }));
  await writeFailedList({ plan, results, sources }, setup);
  const outputs = describeOutputs(outcome, run);
  const report = await writeReports(
    { plan, results, command, status, sources, bytesSent, timing: run.timing(), outputs },
    { out: setup.out, cwd: environment.cwd, requests: flags.reports },
  );
  const summary = summarize(report, run);
  const references = results.filter(hasBundle).map(({ app, reference }) => `${app}\t${reference}\n`);
  return {
    status,
    results,
    bytesSent,
    // On a terminal the summary says it better.
    ...(environment.stdoutIsTerminal ? {} : { stdout: references.join('') }),
    ...(summary === undefined ? {} : { summary }),
  };
}

/** Where everything lies that the run wrote, relative to the working folder. */
function describeOutputs(
  { targets }: Pick<MigrationOutcome, 'targets'>,
  { invocation: { command }, environment, setup, planPath, destination }: RunEnd,
): RunReportInput['outputs'] {
  const shown = (path: string): string => relative(environment.cwd, path);
  const plan = shown(planPath);
  if (command === 'plan')
    return { plan, ...(targets === undefined ? {} : { plannedTargets: shown(join(setup.out, PROPOSED_TARGETS)) }) };
  const repo = targets === undefined ? undefined : setup.config.targets?.repo;
  return {
    plan,
    apps: shown(join(setup.out, 'apps')),
    destination,
    ...(repo === undefined ? {} : { targets: isUrl(repo) ? repo : shown(resolve(environment.cwd, repo)) }),
  };
}

/** What people read at the end; undefined where a machine reads, or nobody. */
function summarize(report: RunReport, { invocation, environment }: RunEnd): string | undefined {
  const kind = reporterKind(invocation.flags, environment);
  if ((kind !== 'live' && kind !== 'lines') || invocation.flags.verbosity === 'quiet') return undefined;
  return renderSummary(report, {
    width: environment.width(),
    color: wantsColor(environment),
    flags: repeatFlags(invocation),
  });
}
