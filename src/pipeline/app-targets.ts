import { canonicalJson } from '../lib/canonical-json.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import type { MigrationPlan, PlannedTarget } from '../model/plan.ts';
import { planTargets, type TargetApp, type TargetsPlan } from '../targets/plan-targets.ts';
import { parseTagRules } from '../targets/tag-rules.ts';
import { parseTargetsFile, type TargetsFile } from '../targets/targets-file.ts';
import type { BuiltApp } from './build-app.ts';
import { hasErrors, type MigrationContext, type MigrationRequest } from './migration.ts';

/** The targets file that a run reads: what it holds and what it must still be when it is replaced. */
export interface TargetsState {
  readonly file: TargetsFile | undefined;
  readonly checksum: string | 'absent';
  /** The commit of the sources, where they are one repository. */
  readonly commit?: string;
}

/** The targets file as it is now, or the seed where there is none; undefined where no targets are configured. */
export async function readTargets({
  tufRepo,
  targetsSeed,
  sources,
}: MigrationContext): Promise<TargetsState | undefined> {
  if (tufRepo === undefined) return undefined;
  const current = await tufRepo.readTargets();
  const commit = sources.length === 1 ? sources[0]?.origin.commit : undefined;
  const at = commit === undefined ? {} : { commit };
  if (current !== undefined)
    return { file: parseTargetsFile(current.bytes, tufRepo.location), checksum: current.checksum, ...at };
  return {
    ...at,
    file: targetsSeed === undefined ? undefined : parseTargetsFile(targetsSeed.bytes, targetsSeed.path),
    checksum: 'absent',
  };
}

export interface PlannedTargets {
  /** What is written. */
  readonly plan: TargetsPlan;
  /** What would be written if no failed app held it back. */
  readonly due: TargetsPlan;
}

/** Plans targets under a version for which no file target lies there with other bytes: an interrupted run leaves such files behind. */
export async function planFreeTargets(
  {
    apps,
    targets,
    request,
    context,
  }: {
    readonly apps: readonly BuiltApp[];
    readonly targets: TargetsState;
    readonly request: MigrationRequest;
    readonly context: MigrationContext;
  },
  given: { readonly createdAt: string; readonly version: string | undefined },
): Promise<PlannedTargets> {
  const fixed = { ...given, willSign: context.signing !== undefined };
  const planned = planAppTargets(apps, targets, request, fixed);
  const { version } = planned.plan;
  if (version === undefined || fixed.version !== undefined || request.config.targets?.version !== undefined)
    return planned;
  for (let free = Number(version); ; free += 1) {
    const next =
      free === Number(version) ? planned : planAppTargets(apps, targets, request, { ...fixed, version: String(free) });
    if (!(await hasLeftovers(next.plan, context))) return next;
  }
}

async function hasLeftovers({ targets }: TargetsPlan, { tufRepo }: MigrationContext): Promise<boolean> {
  for (const { name, kind, target } of targets) {
    const found = kind === 'file' ? await tufRepo?.getTarget(name) : undefined;
    if (found !== undefined && hexOf(digestOf(found)) !== target.hashes.sha256) return true;
  }
  return false;
}

/** Plans the targets for apps of which some failed, while planning or while publishing. */
export function planAppTargets(
  apps: readonly BuiltApp[],
  { file, commit }: TargetsState,
  request: MigrationRequest,
  fixed: { readonly createdAt: string; readonly version?: string | undefined; readonly willSign?: boolean },
): PlannedTargets {
  const { targets } = request.config;
  const version = fixed.version ?? targets?.version;
  const containersSha = targets?.containersSha ?? commit;
  const input = {
    file,
    tagRules: parseTagRules(targets?.tags ?? []),
    machines: targets?.machines ?? [],
    platforms: targets?.platforms ?? [],
    apps: apps.map((app) => toTargetApp(app, targets?.composeOnly)),
    removed: request.removeApps,
    dropDockerApps: request.dropDockerApps === true,
    createdAt: fixed.createdAt,
    willSign: fixed.willSign === true,
    ...(version === undefined ? {} : { version }),
    ...(containersSha === undefined ? {} : { containersSha }),
    ...(targets?.uri === undefined ? {} : { uri: targets.uri }),
  };
  const due = planTargets({ ...input, allowPartial: true });
  return { due, plan: request.allowPartial ? due : planTargets({ ...input, allowPartial: false }) };
}

function toTargetApp(
  { name, kind, bundle, dockerApp, diagnostics }: BuiltApp,
  composeOnly: ReadonlySet<string> | undefined,
): TargetApp {
  const newStyleOnly = kind === 'compose' || composeOnly?.has(name) === true;
  if (bundle === undefined || hasErrors(diagnostics)) return { name, state: 'failed', newStyleOnly };
  return {
    name,
    state: 'ok',
    composeUri: bundle.reference,
    dockerApp: dockerApp ?? 'keep-parent',
    newStyleOnly,
  };
}

/** The apps that a target names otherwise than the one that it is built upon. */
export function listChangedApps(targets: readonly PlannedTarget[]): Set<string> {
  const isChange = (change: PlannedTarget['apps'][number]['composeApp']): boolean =>
    change !== 'none' && change !== 'unchanged';
  const changes = targets.flatMap(({ apps }) => apps);
  return new Set(changes.flatMap((row) => ([row.composeApp, row.dockerApp].some(isChange) ? [row.app] : [])));
}

/** True where the file holds every target of the plan as planned: an earlier run wrote it. */
export function isWritten({ targets }: MigrationPlan, file: TargetsFile | undefined): boolean {
  return (
    targets.length > 0 &&
    targets.every(({ name, target }) => canonicalJson(file?.targets.get(name)) === canonicalJson(target))
  );
}
