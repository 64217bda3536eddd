import { RebundleError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { createLimit } from '../lib/limit.ts';
import type { AppResult, AppStatus, Diagnostic } from '../model/app.ts';
import type { MigrationPlan, PlannedApp } from '../model/plan.ts';
import { addTargets } from '../targets/add-targets.ts';
import { isWritten, planAppTargets, readTargets } from './app-targets.ts';
import { type BuiltMigration, buildMigration, type PlanBasis } from './build.ts';
import type { BuiltApp } from './build-app.ts';
import { describeWait } from './describe-plan.ts';
import { explainAgain } from './device-updates.ts';
import { tellFindings } from './ignore-findings.ts';
import { countFailed, describeStop, isNotTried, isStopped } from './max-failures.ts';
import { hasErrors, type MigrationContext, type MigrationRequest, type ScannedSource } from './migration.ts';
import { publishBundles } from './publish.ts';
import { skippedResults } from './scan.ts';
import { type AheadSender, createAheadSender, isOpened, openedClock, openPlan, sendsAhead } from './send-ahead.ts';
import { createBlobSender, type SendBlobs } from './send-blobs.ts';
import { writeTargets } from './write-targets.ts';

/** How a run ended; `built` for what reports need beyond the plan. */
export interface MigrationOutcome {
  readonly plan: MigrationPlan;
  readonly apps: readonly BuiltApp[];
  readonly scanned: readonly ScannedSource[];
  /** One for every package found, skipped ones included. */
  readonly results: readonly AppResult[];
  readonly bytesSent: number;
  /** The targets file as it would be, or is now; absent where nothing is added. */
  readonly targets?: Uint8Array;
}

/** Called with the plan before the first remote write, and at the end. */
export type SavePlan = (plan: MigrationPlan) => Promise<void>;

/** `plan`: everything but writing. A plan that an earlier run began to publish is continued while inputs and options match. */
export async function planMigration(
  request: MigrationRequest,
  context: MigrationContext,
  earlier?: MigrationPlan,
): Promise<MigrationOutcome> {
  const built = await continueOrBuild(request, context, earlier);
  const { file } = built.targets ?? {};
  return {
    ...tellEnd(built, request, context),
    bytesSent: 0,
    ...(file === undefined || built.plan.targets.length === 0 ? {} : { targets: addTargets(file, built.plan.targets) }),
  };
}

/** `run`: plans and publishes in one go. To a server that lacks all bundles, a first run sends blobs while further apps are planned. */
export async function runMigration(
  request: MigrationRequest,
  context: MigrationContext,
  savePlan: SavePlan,
  earlier?: MigrationPlan,
): Promise<MigrationOutcome> {
  const inTurn = createLimit(1);
  const save: SavePlan = (plan) => inTurn(() => savePlan(plan));
  const sendBlobs = createBlobSender(context);
  const isSought = earlier !== undefined && isOpened(earlier);
  const ahead = sendsAhead(request, context, earlier)
    ? createAheadSender({ request, context, isSought }, sendBlobs, () => save(openPlan(request, context, earlier)))
    : undefined;
  try {
    const built = await continueOrBuild(request, context, earlier, ahead?.begin);
    // From now on each app goes as a whole, those first whose blobs are there.
    ahead?.stop();
    return await publishMigration(built, request, context, {
      savePlan: save,
      follow: 'current',
      sendBlobs,
      ahead,
      isSought,
    });
  } finally {
    ahead?.stop();
    await ahead?.settle();
  }
}

/** `apply`: publishes exactly what the plan says. Throws PLAN_STALE naming the first thing that is not as planned. */
export async function applyMigration(
  plan: MigrationPlan,
  request: MigrationRequest,
  context: MigrationContext,
  savePlan: SavePlan,
): Promise<MigrationOutcome> {
  const targets = await readTargets(context);
  const written = isWritten(plan, targets?.file);
  const basis = written ? { plan } : basisOf(plan);
  // Failures of the plan are approved, and another one makes it stale: only those while publishing stop anything.
  const { maxFailures, ...unlimited } = request;
  const built = await buildMigration(unlimited, context, { basis }).catch((thrown: unknown) => {
    throw isTargetsChange(thrown) ? stalePlan(`the targets file changed: ${thrown.message}`, thrown) : thrown;
  });
  const difference = findDifference(plan, built.plan, written);
  if (difference !== undefined) throw stalePlan(difference);
  const begun = { ...built.plan, state: plan.state };
  const due = { ...built, plan: written ? withoutTargets(begun) : begun };
  const limited =
    maxFailures === undefined ? request : { ...request, maxFailures: maxFailures + countFailed(built.apps) };
  return publishMigration(due, limited, context, { savePlan, follow: 'exact', sendBlobs: createBlobSender(context) });
}

/** True where the targets that a plan fixed cannot be added any more. */
function isTargetsChange(thrown: unknown): thrown is RebundleError {
  return thrown instanceof RebundleError && ['TARGETS_VERSION', 'TARGETS_NAME', 'TARGETS_PARENT'].includes(thrown.code);
}

function stalePlan(difference: string, cause?: unknown): RebundleError {
  return new RebundleError('PLAN_STALE', `not as planned: ${difference}`, {
    hint: 'Make a new plan with rebundle plan, and review it.',
    cause,
  });
}

/** The targets of the plan are there already; what else may be due by now is no part of it. */
function withoutTargets(plan: MigrationPlan): MigrationPlan {
  const { targetVersion: _none, ...rest } = plan;
  const apps = plan.apps.map((row) =>
    row.published && row.status !== 'failed' ? { ...row, status: 'unchanged' as const } : row,
  );
  return { ...rest, targets: [], updates: [], apps, hasChanges: apps.some(({ status }) => status === 'migrated') };
}

function basisOf(plan: MigrationPlan): PlanBasis {
  const { targetVersion } = plan;
  return { plan, ...(targetVersion === undefined ? {} : { targetVersion }) };
}

async function continueOrBuild(
  request: MigrationRequest,
  context: MigrationContext,
  earlier: MigrationPlan | undefined,
  onBuilt?: (app: BuiltApp) => void,
): Promise<BuiltMigration> {
  if (earlier?.state === 'started' && !isOpened(earlier)) {
    const targets = await readTargets(context);
    if (!isWritten(earlier, targets?.file)) {
      const built = await buildMigration(request, context, { basis: basisOf(earlier) }).catch((thrown: unknown) => {
        // What the earlier run fixed cannot be had any more: then this is a new run.
        if (isTargetsChange(thrown)) return undefined;
        throw thrown;
      });
      if (built !== undefined && findDifference(earlier, built.plan, true) === undefined)
        return { ...built, plan: { ...built.plan, state: 'started' } };
    }
  }
  return buildMigration(request, context, { earlier, createdAt: openedClock(request, earlier), onBuilt });
}

/** The first thing in which a plan made now differs from an earlier one, in words. */
function findDifference(planned: MigrationPlan, now: MigrationPlan, targetsWritten: boolean): string | undefined {
  if (planned.options !== now.options)
    return 'the options are others; apply takes the configuration and the flags that the plan was made with';
  const before = new Map(planned.apps.map((app) => [app.app, app]));
  for (const app of now.apps) {
    const former = before.get(app.app);
    before.delete(app.app);
    if (former === undefined) return `${app.app} is new in the sources`;
    if (former.status === 'held' && former.inputs === undefined) return `${app.app} was not tried by the plan`;
    if (former.status !== 'failed' && app.status === 'failed') return `${app.app} fails now: ${describeErrors(app)}`;
    if (former.inputs !== app.inputs) return `the sources, pins or support files of ${app.app} changed`;
    if (former.reference !== app.reference)
      return `the bundle of ${app.app} came out as ${app.reference}, not ${former.reference}`;
  }
  const [gone] = before.keys();
  if (gone !== undefined) return `${gone} is gone from the sources`;
  if (targetsWritten) return undefined;
  if (canonicalJson(planned.targets) === canonicalJson(now.targets)) return undefined;
  const other = now.targets.find((target, i) => canonicalJson(target) !== canonicalJson(planned.targets[i]));
  return `the targets file changed: ${other === undefined ? 'fewer targets are due' : `${other.name} would be another one`}`;
}

function describeErrors({ diagnostics }: PlannedApp): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  return errors.map(({ code, message }) => `${code}: ${message}`).join('; ');
}

async function publishMigration(
  built: BuiltMigration,
  request: MigrationRequest,
  context: MigrationContext,
  {
    savePlan,
    follow,
    sendBlobs,
    ahead,
    isSought = false,
  }: {
    readonly savePlan: SavePlan;
    readonly follow: 'exact' | 'current';
    readonly sendBlobs: SendBlobs;
    readonly ahead?: AheadSender | undefined;
    /** An earlier run began to send, whatever became of its plan. */
    readonly isSought?: boolean;
  },
): Promise<MigrationOutcome> {
  if (isStopped(built.apps, request)) return leaveUnpublished(built, request, context, savePlan);
  const named = new Set(built.plan.targets.flatMap(({ apps }) => apps.map(({ app }) => app)));
  const unpublished = built.apps.filter((app) => isDue(app, named));
  if (built.plan.hasChanges) await savePlan({ ...built.plan, state: 'started' });
  const { bytesSent, findings } = await publishBundles(unpublished, context, {
    sendBlobs,
    ahead,
    concurrency: request.config.publish.concurrency,
    resumed: isSought || built.plan.state === 'started',
    failed: countFailed(built.apps),
    maxFailures: request.maxFailures,
  });
  const apps = built.apps.map((app) => withFindings(app, findings.get(app.name)));
  const anyFailed = [...findings.values()].some(hasErrors);
  const limited = isStopped(apps, request) ? { ...request, allowPartial: false } : request;
  const due = anyFailed ? await replanAfterFailure(built, apps, limited, context) : built.plan;
  const { plan, bytes: targets } = await writeTargets({
    plan: due,
    apps,
    targets: built.targets,
    request,
    context,
    follow,
  });
  const isHeld = anyFailed || plan.apps.some(({ status }) => status === 'held');
  // As long as nothing of the targets is written, the whole plan is what the next try goes on with.
  await savePlan({ ...(targets === undefined ? built.plan : plan), state: isHeld ? 'started' : 'done' });
  const told = tellEnd({ plan, apps, scanned: built.scanned }, request, context);
  return { ...told, bytesSent, ...(targets === undefined ? {} : { targets }) };
}

/** So many apps failed while planning that nothing is published. */
async function leaveUnpublished(
  { plan, apps, scanned }: BuiltMigration,
  request: MigrationRequest,
  context: MigrationContext,
  savePlan: SavePlan,
): Promise<MigrationOutcome> {
  await savePlan(plan);
  const reason = describeStop('not published', request.maxFailures ?? 0);
  const rows = plan.apps.map(
    (row): PlannedApp => (row.status === 'migrated' ? { ...row, status: 'held', reason } : row),
  );
  return { ...tellEnd({ plan: { ...plan, apps: rows }, apps, scanned }, request, context), bytesSent: 0 };
}

function tellEnd(
  { plan, apps, scanned }: Pick<MigrationOutcome, 'plan' | 'apps' | 'scanned'>,
  request: MigrationRequest,
  context: MigrationContext,
): Omit<MigrationOutcome, 'bytesSent'> {
  const results = [...listResults(plan, apps), ...skippedResults(scanned)];
  return { ...tellFindings({ plan, results, scanned }, request, context), apps, scanned };
}

/** Apps to publish: those that are not there, and those that new targets name, whose manifests have to be read back. */
function isDue({ name, bundle, place, diagnostics }: BuiltApp, named: ReadonlySet<string>): boolean {
  return bundle !== undefined && !hasErrors(diagnostics) && (place?.published !== true || named.has(name));
}

/** Of a huge factory no list is copied for nothing. */
function withFindings(app: BuiltApp, found: readonly Diagnostic[] = []): BuiltApp {
  return found.length === 0 ? app : { ...app, diagnostics: [...app.diagnostics, ...found] };
}

/** An app failed while it was published: what it holds back is not written. */
async function replanAfterFailure(
  built: BuiltMigration,
  apps: readonly BuiltApp[],
  request: MigrationRequest,
  context: MigrationContext,
): Promise<MigrationPlan> {
  const { plan, targets } = built;
  const planned =
    targets === undefined
      ? undefined
      : planAppTargets(apps, targets, request, { createdAt: plan.createdAt, version: plan.targetVersion });
  const failed = new Set(apps.filter(({ diagnostics }) => hasErrors(diagnostics)).map(({ name }) => name));
  const { heldBy = [] } = planned?.plan ?? {};
  const waits = describeWait(heldBy, apps);
  const diagnosticsOf = new Map(apps.map(({ name, diagnostics }) => [name, diagnostics]));
  const named = new Set(plan.targets.flatMap((target) => target.apps.map(({ app }) => app)));
  const { targetVersion: _none, ...rest } = plan;
  const updates =
    planned === undefined
      ? undefined
      : await explainAgain(planned.plan, apps, { file: targets?.file, request, context });
  return {
    ...rest,
    ...(updates === undefined ? {} : { updates }),
    ...(planned?.plan.version === undefined ? {} : { targetVersion: planned.plan.version }),
    targets: planned?.plan.targets ?? [],
    apps: plan.apps.map((row) => {
      const diagnostics = diagnosticsOf.get(row.app) ?? row.diagnostics;
      const untried = diagnostics.find((each) => isNotTried([each]));
      if (untried !== undefined) return { ...row, status: 'held', reason: untried.message };
      if (failed.has(row.app)) return { ...row, status: 'failed', diagnostics };
      return heldBy.length > 0 && row.status === 'migrated' && named.has(row.app)
        ? { ...row, status: 'held' as AppStatus, reason: waits }
        : row;
    }),
  };
}

function listResults(plan: MigrationPlan, apps: readonly BuiltApp[]): AppResult[] {
  const diagnosticsOf = new Map<string, readonly Diagnostic[]>(apps.map((app) => [app.name, app.diagnostics]));
  return plan.apps.map((row) => ({
    app: row.app,
    origin: row.origin,
    status: row.status,
    ...(row.reason === undefined ? {} : { reason: row.reason }),
    ...(row.reference === undefined ? {} : { reference: row.reference }),
    diagnostics: withoutNotTried(diagnosticsOf.get(row.app) ?? row.diagnostics),
  }));
}

function withoutNotTried(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return isNotTried(diagnostics) ? diagnostics.filter((each) => !isNotTried([each])) : diagnostics;
}
