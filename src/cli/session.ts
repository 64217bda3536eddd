import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { RebundleError } from '../errors.ts';
import type { Emit, RunCounts } from '../events.ts';
import { createTurns } from '../lib/limit.ts';
import type { AppResult, Diagnostic } from '../model/app.ts';
import type { Severity } from '../model/findings.ts';
import type { MigrationContext, ScannedSource } from '../pipeline/migration.ts';
import { createMemoryRegistry } from '../registry/memory.ts';
import { readCreatedAt } from './clock.ts';
import type { CommandResult, Invocation } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { combineStatus, type ExitStatus } from './exit-status.ts';
import { isWithin } from './output.ts';
import { createReporter } from './reporters.ts';
import type { Setup } from './setup.ts';

/** What a command gives for its last event and the people who read. */
export interface Finished extends CommandResult {
  readonly results: readonly AppResult[];
  readonly bytesSent?: number;
  /** For people, after the last event. */
  readonly summary?: string;
}

/** Runs a command between `run:start` and `run:end`, with the reporter that the flags ask for; it is closed whatever happens. */
export async function withReporter(
  invocation: Invocation,
  environment: CliEnvironment,
  setup: Setup,
  work: (emit: Emit) => Promise<Finished>,
): Promise<CommandResult> {
  const reporter = await createReporter(invocation.flags, environment);
  try {
    reporter.onEvent({ type: 'run:start', command: invocation.command, repositories: setup.sources.length });
    const { summary, results, bytesSent = 0, ...result } = await work((event) => reporter.onEvent(event));
    reporter.onEvent({ type: 'run:end', status: result.status, counts: countResults(results, bytesSent) });
    await reporter.close?.();
    if (summary !== undefined) environment.writeError(summary.endsWith('\n') ? summary : `${summary}\n`);
    return result;
  } catch (thrown) {
    await reporter.close?.();
    throw thrown;
  }
}

function countResults(results: readonly AppResult[], bytesSent: number): RunCounts {
  const count = (status: AppResult['status']): number => results.filter((result) => result.status === status).length;
  return {
    migrated: count('migrated'),
    unchanged: count('unchanged'),
    skipped: count('skipped'),
    held: count('held'),
    failed: count('failed'),
    bundles: results.filter(hasBundle).length,
    bytesSent,
  };
}

/** True where the run made a bundle that is, or can be, published: an app that failed may have the reference of one that is not. */
export function hasBundle({ status, reference }: AppResult): boolean {
  return status !== 'failed' && reference !== undefined;
}

/** 1 where a repository could not be read. */
export function sourceStatus(scanned: readonly Pick<ScannedSource, 'error'>[]): ExitStatus {
  return scanned.some(({ error }) => error !== undefined) ? 1 : 0;
}

/** 1 where an app failed or is held, 3 where a finding, of an app or of the run as a whole (`more`), reaches a lowered `--error-on`. */
export function resultStatus(
  results: readonly AppResult[],
  errorOn: Severity,
  more: readonly Diagnostic[] = [],
): ExitStatus {
  const failed = results.some(({ status }) => status === 'failed' || status === 'held');
  const reached = (diagnostic: Diagnostic): boolean =>
    errorOn === 'note' || (errorOn === 'warning' && diagnostic.severity !== 'note');
  const over =
    errorOn !== 'error' && [{ diagnostics: more }, ...results].some(({ diagnostics }) => diagnostics.some(reached));
  return combineStatus(failed ? 1 : 0, over ? 3 : 0);
}

/** A context for commands that ask no registry: an empty one stands in every place. */
export function offlineContext(setup: Setup, environment: CliEnvironment, emit: Emit): MigrationContext {
  const empty = createMemoryRegistry();
  return {
    sources: setup.sources,
    imageRegistry: () => empty,
    destination: empty,
    createdAt: readCreatedAt(environment.env, environment.now),
    tool: environment.version,
    emit,
    limit: setup.limit,
    nextTurn: createTurns(() => setImmediate()),
    signal: environment.signal,
  };
}

/** Output never goes where input is: a folder for an app may not lie in a repository, unless `--out` as a whole is kept out of its scan. */
export function checkOutput({ out, roots }: Setup): void {
  for (const [repository, root] of roots) {
    const kept = out !== root && isWithin(root, out);
    if (!kept && isWithin(root, join(out, 'apps'))) {
      throw new RebundleError('OUTPUT_UNSAFE', `--out ${out} is the folder of the repository ${repository}`, {
        hint: 'Choose another --out.',
      });
    }
  }
}
