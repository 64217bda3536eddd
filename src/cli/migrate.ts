import { join, relative, resolve } from 'node:path';
import { isUrl, requireIdentity } from '../config.ts';
import { RebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { MigrationPlan } from '../model/plan.ts';
import { hasErrors, type MigrationContext } from '../pipeline/migration.ts';
import type { MigrationOutcome } from '../pipeline/run.ts';
import { formatPlan, parsePlan } from '../pipeline/state.ts';
import { renderSummary } from '../report/summary.ts';
import type { CommandResult, Invocation } from './command.ts';
import { writeEnvFiles } from './env-output.ts';
import type { CliEnvironment } from './environment.ts';
import { combineStatus } from './exit-status.ts';
import type { Flags } from './options.ts';
import { assertOwnTree, readOptional, removeTree, replaceTree, writeOutput } from './output.ts';
import { type Places, withPlaces } from './places.ts';
import { writeReports } from './report-files.ts';
import { reporterKind, wantsColor } from './reporters.ts';
import { checkOutput, offlineContext, resultStatus, sourceStatus, withReporter } from './session.ts';
import { appFolder, prepareSetup, type Setup } from './setup.ts';
import { treeOf } from './trees.ts';
import { loadRunSigning, openTufRepo } from './tuf-files.ts';
import { readTufFlags } from './tuf-options.ts';

const PLAN_FILE = 'plan.json';
/** Manifests and configs of images by digest: what a registry said once need not be asked again. */
const CACHE = 'cache';

export const PROPOSED_TARGETS = 'targets.planned.json';

interface MigrationWork {
  readonly setup: Setup;
  readonly context: MigrationContext;
  readonly planPath: string;
  /** The plan that is in the output folder, where one can be read. */
  readonly earlier?: MigrationPlan;
}

/** What plan, apply and run share: the context, the reports, the summary and the exit status. */
export async function migrate(
  invocation: Invocation,
  environment: CliEnvironment,
  work: (input: MigrationWork) => Promise<{ readonly outcome: MigrationOutcome; readonly pending: boolean }>,
): Promise<CommandResult> {
  const { command, flags } = invocation;
  const setup = await prepareSetup(invocation, environment);
  requireIdentity(setup.config);
  checkOutput(setup);
  if (command !== 'plan' && setup.config.publish.to?.kind === 'memory' && setup.config.targets !== undefined) {
    throw new RebundleError('USAGE', '--to memory: publishes nothing that a target could name', {
      hint: 'Use rebundle plan, or name a folder.',
    });
  }
  const started = environment.now();
  return withReporter(invocation, environment, setup, (emit) =>
    withPlaces({ config: setup.config, environment, emit, cache: join(setup.out, CACHE) }, async (places) => {
      const context = await createContext({ invocation, setup, places, environment, emit });
      const planPath = join(setup.out, PLAN_FILE);
      const earlier = await readEarlierPlan(planPath);
      const { outcome, pending } = await work({
        setup,
        context,
        planPath,
        ...(earlier === undefined ? {} : { earlier }),
      });
      await writeEnvFiles(outcome.apps, setup);
      const status = combineStatus(
        sourceStatus(outcome.scanned),
        resultStatus(outcome.results, flags.errorOn, outcome.plan.diagnostics),
        pending ? 2 : 0,
      );
      const shown = (path: string): string => relative(environment.cwd, path);
      const showRepo = (repo: string): string => (isUrl(repo) ? repo : shown(resolve(environment.cwd, repo)));
      const wroteTargets = command !== 'plan' && outcome.targets !== undefined;
      const report = await writeReports(
        {
          plan: outcome.plan,
          results: outcome.results,
          command,
          status,
          sources: outcome.scanned.map(({ source, packages, error }) => ({
            repository: source.origin.repository,
            packages,
            ...(error === undefined ? {} : { error }),
          })),
          bytesSent: outcome.bytesSent,
          timing: { totalMs: Math.round(environment.now() - started) },
          outputs: {
            plan: shown(planPath),
            ...(command === 'plan'
              ? {}
              : { apps: shown(join(setup.out, 'apps')), destination: places.destinationName }),
            ...(wroteTargets && setup.config.targets !== undefined
              ? { targets: showRepo(setup.config.targets.repo) }
              : {}),
            ...(command === 'plan' && outcome.targets !== undefined
              ? { plannedTargets: shown(join(setup.out, PROPOSED_TARGETS)) }
              : {}),
          },
        },
        { out: setup.out, cwd: environment.cwd, requests: flags.reports },
      );
      const kind = reporterKind(flags, environment);
      const summary =
        (kind === 'live' || kind === 'lines') && flags.verbosity !== 'quiet'
          ? renderSummary(report, {
              width: environment.width(),
              color: wantsColor(environment),
              flags: repeatedFlags(flags),
            })
          : undefined;
      const references = outcome.results.flatMap(({ app, reference }) =>
        reference === undefined ? [] : [`${app}\t${reference}\n`],
      );
      return {
        status,
        results: outcome.results,
        bytesSent: outcome.bytesSent,
        // On a terminal the summary says it better.
        ...(environment.stdoutIsTerminal ? {} : { stdout: references.join('') }),
        ...(summary === undefined ? {} : { summary }),
      };
    }),
  );
}

/** The flags that the next command of a user has to have, too. */
function repeatedFlags({ config, out, tag }: Flags): string {
  return Object.entries({ config, out, tag })
    .flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]))
    .join(' ');
}

async function readEarlierPlan(path: string): Promise<MigrationPlan | undefined> {
  const bytes = await readOptional(path);
  try {
    return bytes === undefined ? undefined : parsePlan(bytes, path);
  } catch (thrown) {
    // A plan of another release, or a damaged one, is no state to go on from: the run begins anew.
    if (thrown instanceof RebundleError) return undefined;
    throw thrown;
  }
}

async function createContext({
  invocation,
  setup,
  places,
  environment,
  emit,
}: {
  readonly invocation: Invocation;
  readonly setup: Setup;
  readonly places: Places;
  readonly environment: CliEnvironment;
  readonly emit: Emit;
}): Promise<MigrationContext> {
  const { targets } = setup.config;
  const context = {
    ...offlineContext(setup, environment, emit),
    imageRegistry: places.imageRegistry,
    destination: places.destination,
  };
  if (targets === undefined) return context;
  const signing = await loadRunSigning(targets, readTufFlags(invocation), environment);
  const shown = (path: string): string => relative(environment.cwd, resolve(environment.cwd, path));
  const seed = targets.seed === undefined ? undefined : await readOptional(resolve(environment.cwd, targets.seed));
  return {
    ...context,
    tufRepo: await openTufRepo(targets, environment, emit),
    ...(signing === undefined ? {} : { signing }),
    ...(seed === undefined || targets.seed === undefined
      ? {}
      : { targetsSeed: { path: shown(targets.seed), bytes: seed } }),
  };
}

/** Before the first remote write it is also certain that the converted trees can be written. */
export async function savePlan(plan: MigrationPlan, path: string, { out }: Setup): Promise<void> {
  if (plan.state === 'started') for (const { app } of plan.apps) await assertOwnTree(appFolder(out, app));
  await writeOutput(path, formatPlan(plan));
}

export async function writeApps({ apps }: MigrationOutcome, setup: Setup): Promise<void> {
  for (const { name, open, isConverted, diagnostics } of apps) {
    const folder = appFolder(setup.out, name);
    if (open !== undefined && !hasErrors(diagnostics)) await replaceTree(folder, treeOf((await open()).converted));
    else if (!isConverted) await removeTree(folder);
  }
}
