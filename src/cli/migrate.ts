import { join, relative, resolve } from 'node:path';
import { requireIdentity } from '../config.ts';
import { ERRORS, RebundleError, toRebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { MigrationPlan } from '../model/plan.ts';
import type { ImageLock, MigrationContext } from '../pipeline/migration.ts';
import type { MigrationOutcome } from '../pipeline/run.ts';
import type { RunReportInput } from '../report/run-report.ts';
import { createQuotas } from '../reporters/quotas.ts';
import { createStageTimes } from '../reporters/stage-times.ts';
import { type AppTrees, createAppTrees } from './app-trees.ts';
import { formatTime, readCreatedAt } from './clock.ts';
import type { CommandResult, Invocation } from './command.ts';
import { writeEnvFiles } from './env-output.ts';
import type { CliEnvironment } from './environment.ts';
import { writeFailedList } from './failed-list.ts';
import { checkOffline, createOfflineLock, readFrozenPlan } from './image-lock.ts';
import { readOptional } from './output.ts';
import { createRunRecord, describeFailure } from './partial-report.ts';
import { type Places, withPlaces } from './places.ts';
import { readPlanFile } from './plan-file.ts';
import { writeReports } from './report-files.ts';
import { type LockHolder, tellTakenLock, withRunLock } from './run-lock.ts';
import { finishRun } from './run-result.ts';
import { checkOutput, offlineContext, withReporter } from './session.ts';
import { prepareSetup, type Setup } from './setup.ts';
import { createSizeWatch } from './size-watch.ts';
import { loadRunSigning, openTufRepo } from './tuf-files.ts';
import { readTufFlags } from './tuf-options.ts';

const PLAN_FILE = 'plan.json';
/** Manifests and configs of images by digest: what a registry said once need not be asked again. */
const CACHE = 'cache';

interface MigrationWork {
  readonly setup: Setup;
  readonly context: MigrationContext;
  readonly trees: AppTrees;
  readonly planPath: string;
  /** The plan that is in the output folder, where one can be read. It is handed over: of a huge factory it is large, and not needed to the end. */
  readonly takeEarlier: () => MigrationPlan | undefined;
}

type Work = (input: MigrationWork) => Promise<{ readonly outcome: MigrationOutcome; readonly pending: boolean }>;

/** What plan, apply and run share: the context, the reports, the summary and the exit status. */
export async function migrate(invocation: Invocation, environment: CliEnvironment, work: Work): Promise<CommandResult> {
  const { command, flags } = invocation;
  const watchSize = createSizeWatch(environment);
  const setup = await prepareSetup(invocation, environment);
  requireIdentity(setup.config);
  checkOutput(setup);
  if (setup.offline) checkOffline(setup.config);
  const frozen = flags.frozen === undefined ? undefined : await readFrozenPlan(flags.frozen, environment);
  if (command !== 'plan' && setup.config.publish.to?.kind === 'memory' && setup.config.targets !== undefined) {
    throw new RebundleError('USAGE', '--to memory: publishes nothing that a target could name', {
      hint: 'Use rebundle plan, or name a folder.',
    });
  }
  // A run that may not begin writes no report: those that are there belong to the one at work.
  return withRunLock({ out: setup.out, environment }, (takenFrom) =>
    migrateAlone({ invocation, environment, setup, takenFrom, frozen, watchSize }, work),
  );
}

async function migrateAlone(
  {
    invocation,
    environment,
    setup,
    takenFrom,
    frozen,
    watchSize,
  }: {
    readonly invocation: Invocation;
    readonly environment: CliEnvironment;
    readonly setup: Setup;
    readonly takenFrom: LockHolder | undefined;
    readonly frozen: ImageLock | undefined;
    readonly watchSize: Emit;
  },
  work: Work,
): Promise<CommandResult> {
  const started = environment.now();
  const stages = createStageTimes(environment.now);
  const quotas = createQuotas();
  const timing = () => {
    const left = quotas.read();
    const ended = environment.now();
    return {
      endedAt: formatTime(ended),
      totalMs: Math.round(ended - started),
      stages: stages.read(),
      ...(left.length === 0 ? {} : { quotas: left }),
    };
  };
  return withPartialReport({ invocation, environment, setup, timing }, (listen) =>
    withReporter(invocation, environment, setup, (tell) => {
      const emit: Emit = (event) => {
        watchSize(event);
        stages.onEvent(event);
        quotas.onEvent(event);
        listen(event);
        tell(event);
      };
      tellTakenLock(takenFrom, emit);
      const { config, offline } = setup;
      return withPlaces({ config, environment, emit, cache: join(setup.out, CACHE), offline }, async (places) => {
        const trees = createAppTrees(setup);
        const context = await createContext({ invocation, setup, places, trees, environment, emit });
        const planPath = join(setup.out, PLAN_FILE);
        const { outcome, pending } = await carryOut(work, { setup, context, trees, planPath, frozen, environment });
        const destination = places.destinationName;
        return finishRun(outcome, { invocation, environment, setup, planPath, destination, pending, timing });
      });
    }),
  );
}

/** A run that is interrupted or crashes leaves reports of what was known by then. What stopped it is thrown on. */
async function withPartialReport(
  {
    invocation,
    environment,
    setup,
    timing,
  }: {
    readonly invocation: Invocation;
    readonly environment: CliEnvironment;
    readonly setup: Setup;
    readonly timing: () => NonNullable<RunReportInput['timing']>;
  },
  work: (listen: Emit) => Promise<CommandResult>,
): Promise<CommandResult> {
  const record = createRunRecord();
  try {
    return await work(record.onEvent);
  } catch (thrown) {
    const plan = await readEarlierPlan(join(setup.out, PLAN_FILE)).catch(() => undefined);
    const error = toRebundleError(thrown);
    const input = describeFailure({
      error,
      record,
      started: plan?.state === 'started' ? plan : undefined,
      config: setup.config,
      repositories: [...setup.repositories.keys()],
      createdAt: readCreatedAt(environment.env, environment.now),
      command: invocation.command,
    });
    // A run that was refused changed nothing: the pages of the plan that a reviewer reads stay.
    const refused = error.code === 'PLAN_STALE' || ERRORS[error.code].exit === 4;
    const places = {
      out: setup.out,
      cwd: environment.cwd,
      requests: invocation.flags.reports,
      ...(refused ? { formats: ['json'] as const } : {}),
    };
    // What stopped the run matters more than a report that cannot be written.
    await writeReports({ ...input, timing: timing() }, places).catch(() => undefined);
    if (!refused) await writeFailedList(input, setup).catch(() => undefined);
    throw thrown;
  }
}

/** Does the work. Reports need the rows of the plan, not the apps themselves nor the lists of their files, which may be gone when they are written. */
async function carryOut(
  work: Work,
  input: Omit<MigrationWork, 'takeEarlier'> & {
    readonly frozen: ImageLock | undefined;
    readonly environment: CliEnvironment;
  },
) {
  const { setup, context, trees, planPath, frozen, environment } = input;
  let earlier = await readEarlierPlan(planPath);
  const takeEarlier = (): MigrationPlan | undefined => {
    const taken = earlier;
    earlier = undefined;
    return taken;
  };
  const lock =
    frozen ?? (setup.offline ? createOfflineLock(setup, planPath, { earlier, cwd: environment.cwd }) : undefined);
  const request = lock === undefined ? setup.request : { ...setup.request, lock };
  const {
    outcome: { apps, scanned, ...outcome },
    pending,
  } = await work({ setup: { ...setup, request }, context, trees, planPath, takeEarlier });
  await writeEnvFiles(apps, setup);
  for (const source of setup.sources) source.forget?.();
  return { outcome: { ...outcome, scanned: scanned.map(({ entries: _, ...rest }) => rest) }, pending };
}

async function readEarlierPlan(path: string): Promise<MigrationPlan | undefined> {
  try {
    return await readPlanFile(path, path);
  } catch (thrown) {
    // A plan of another release, or a damaged one, is no state to go on from: the run begins anew.
    if (thrown instanceof RebundleError && thrown.code !== 'SOURCE_UNREADABLE') return undefined;
    throw thrown;
  }
}

async function createContext({
  invocation,
  setup,
  places,
  trees,
  environment,
  emit,
}: {
  readonly invocation: Invocation;
  readonly setup: Setup;
  readonly places: Places;
  readonly trees: AppTrees;
  readonly environment: CliEnvironment;
  readonly emit: Emit;
}): Promise<MigrationContext> {
  const { targets } = setup.config;
  const context = {
    ...offlineContext(setup, environment, emit),
    imageRegistry: places.imageRegistry,
    destination: places.destination,
    isRemote: places.isRemote,
    saveTree: trees.save,
  };
  if (targets === undefined) return context;
  const signing = await loadRunSigning(targets, readTufFlags(invocation), environment);
  const shown = (path: string): string => relative(environment.cwd, resolve(environment.cwd, path));
  const seed = targets.seed === undefined ? undefined : await readOptional(resolve(environment.cwd, targets.seed));
  return {
    ...context,
    tufRepo: await openTufRepo(targets, { environment, emit, http: places.http }),
    ...(signing === undefined ? {} : { signing }),
    ...(seed === undefined || targets.seed === undefined
      ? {}
      : { targetsSeed: { path: shown(targets.seed), bytes: seed } }),
  };
}
