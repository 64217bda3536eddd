import { RebundleError, toRebundleError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { MigrationPlan, PlannedTarget } from '../model/plan.ts';
import { addTargets } from '../targets/add-targets.ts';
import { findNewErrors, lintTargets } from '../targets/lint.ts';
import { exportRole, signTargets } from '../targets/sign.ts';
import { parseTargetsFile, type TargetsFile } from '../targets/targets-file.ts';
import { type PlannedTargets, planFreeTargets, readTargets, type TargetsState } from './app-targets.ts';
import type { BuiltApp } from './build-app.ts';
import { versionFinding } from './describe-plan.ts';
import { explainAgain } from './device-updates.ts';
import { hasErrors, type MigrationContext, type MigrationRequest } from './migration.ts';

/** Tries at a targets file that others write as well. */
const MAX_TRIES = 3;

interface WriteInput {
  readonly plan: MigrationPlan;
  readonly apps: readonly BuiltApp[];
  readonly targets: TargetsState | undefined;
  readonly request: MigrationRequest;
  readonly context: MigrationContext;
  /** `exact`: the targets of the plan or none; `current`: what is due for the file as it is by now. */
  readonly follow: 'exact' | 'current';
}

/** What became of the targets: the plan as it was carried out, and the file where it was written. */
export interface WrittenTargets {
  readonly plan: MigrationPlan;
  readonly bytes?: Uint8Array;
}

/**
 * Stores the file targets and replaces the targets file. Where another one wrote it meanwhile, it is read again, planned again, checked again
 * and written, at most three times in all. Throws TARGETS_CONFLICT after that, PLAN_STALE where a plan to be followed exactly does not fit any
 * more, TARGETS_LINT before anything is written that devices would trip over.
 */
export async function writeTargets(input: WriteInput): Promise<WrittenTargets> {
  const { apps, request, context, follow } = input;
  const { tufRepo } = context;
  let { plan, targets } = input;
  for (let attempt = 1; ; attempt += 1) {
    if (tufRepo === undefined || targets?.file === undefined || plan.targets.length === 0) return { plan };
    context.signal?.throwIfAborted();
    const bytes = prepareTargets(targets.file, plan.targets, { apps, request, context });
    await storeFiles(plan, apps, context);
    try {
      await tufRepo.writeTargets(bytes, targets.checksum);
      const names = plan.targets.map(({ name }) => name);
      context.emit({ type: 'targets:written', path: tufRepo.location, targets: names, bytes: bytes.byteLength });
      return { plan, bytes };
    } catch (thrown) {
      const error = toRebundleError(thrown);
      if (error.code !== 'TARGETS_CONFLICT' || attempt === MAX_TRIES) throw thrown;
    }
    targets = await readTargets(context);
    if (targets?.file === undefined) return { plan };
    const version = follow === 'exact' ? plan.targetVersion : undefined;
    const planned = await planFreeTargets({ apps, targets, request, context }, { createdAt: plan.createdAt, version });
    if (follow === 'exact' && canonicalJson(planned.plan.targets) !== canonicalJson(plan.targets)) {
      throw new RebundleError('PLAN_STALE', 'not as planned: the targets file changed while the plan was carried out');
    }
    const updates = await explainAgain(planned.plan, apps, { file: targets.file, request, context });
    plan = { ...replaceTargets(plan, planned), updates };
  }
}

/** The bytes to write: checked by the rules of devices and, where that is configured, signed. */
function prepareTargets(
  file: TargetsFile,
  added: readonly PlannedTarget[],
  input: Pick<WriteInput, 'apps' | 'request' | 'context'>,
): Uint8Array {
  const { signing } = input.context;
  const next = checkTargets(file, added, input);
  return signing === undefined ? new TextEncoder().encode(next.text) : signTargets(next, signing);
}

/**
 * Judges what a run is about to write and gives the file. Throws TARGETS_LINT for an error that was not there before: old targets are others'
 * work and frozen, and what a new one took over from its parent is no worse in it. Also throws what signing would.
 */
export function checkTargets(
  file: TargetsFile,
  added: readonly PlannedTarget[],
  { apps, request, context }: Pick<WriteInput, 'apps' | 'request' | 'context'>,
): TargetsFile {
  const next = parseTargetsFile(addTargets(file, added), file.path);
  const own = apps.filter(({ bundle, diagnostics }) => bundle !== undefined && !hasErrors(diagnostics));
  const options = {
    own: new Set(own.map(({ name }) => name)),
    removed: new Set([...request.removeApps, ...(request.dropDockerApps === true ? findOldStyleOnly(added) : [])]),
  };
  const parents = new Map(added.map(({ name, parent }) => [name, parent]));
  const found = lintTargets(next, { ...options, older: file });
  const isClean = found.every(({ diagnostic }) => diagnostic.severity !== 'error');
  const errors = isClean ? [] : findNewErrors(found, lintTargets(file, options), parents);
  const [first] = errors;
  if (first !== undefined) {
    const more = errors.length > 1 ? `; ${errors.length - 1} more` : '';
    throw new RebundleError('TARGETS_LINT', `${first.diagnostic.code}: ${first.diagnostic.message}${more}`, {
      ...(first.diagnostic.hint === undefined ? {} : { hint: first.diagnostic.hint }),
    });
  }
  if (context.signing !== undefined) exportRole(next, context.signing);
  return next;
}

/** Apps that leave the targets because only `docker_apps` named them. */
function findOldStyleOnly(added: readonly PlannedTarget[]): string[] {
  return added.flatMap(({ apps }) =>
    apps.filter(({ dockerApp, composeApp }) => dockerApp === 'removed' && composeApp === 'none').map(({ app }) => app),
  );
}

async function storeFiles(
  plan: MigrationPlan,
  apps: readonly BuiltApp[],
  { tufRepo }: MigrationContext,
): Promise<void> {
  const byName = new Map(apps.map((app) => [app.name, app]));
  const owners = new Map(plan.apps.map(({ app, dockerApp }) => [dockerApp?.name, app]));
  for (const { name, kind } of plan.targets) {
    if (kind !== 'file') continue;
    const bytes = (await byName.get(owners.get(name) ?? '')?.open?.())?.dockerApp;
    if (bytes === undefined) throw new RebundleError('INTERNAL', `there are no bytes for the file target ${name}`);
    await tufRepo?.putTarget(name, bytes);
  }
}

/** The plan with the targets that are due for another file. */
function replaceTargets(plan: MigrationPlan, { plan: planned }: PlannedTargets): MigrationPlan {
  const { targetVersion: _former, ...rest } = plan;
  const { version } = planned;
  const others = plan.diagnostics.filter(({ code }) => code !== 'targets.version');
  return {
    ...rest,
    ...(version === undefined ? {} : { targetVersion: version }),
    targets: planned.targets,
    skippedTargets: planned.skipped,
    diagnostics: version === undefined ? others : [...others, versionFinding(version)],
    apps: plan.apps.map((row) => {
      const dockerApp = planned.fileTargets.get(row.app);
      return dockerApp === undefined ? row : { ...row, dockerApp };
    }),
  };
}
