import { planTargets, type TargetApp, type TargetsPlan } from '../targets/plan-targets.ts';
import { parseTagRules } from '../targets/tag-rules.ts';
import { parseTargetsFile, type TargetsFile } from '../targets/targets-file.ts';
import { RebundleError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { compareText } from '../lib/bytes.ts';
import { createMask, maskDiff, maskVariables } from '../lib/redact.ts';
import { formatReference, isRepositoryComponent } from '../lib/reference.ts';
import { finding } from '../lib/finding.ts';
import type { AppStatus, Diagnostic, ImageResolution } from '../model/app.ts';
import type { Digest } from '../model/oci.ts';
import { type AppPlan, type MigrationPlan, type PlannedTarget, RULES_VERSION } from '../model/plan.ts';
import { type BuiltApp, buildApp } from './build-app.ts';
import { convertPackages } from './convert.ts';
import { createImageResolver } from './image-resolver.ts';
import { hasErrors, type MigrationContext, type MigrationRequest, type ScannedSource } from './migration.ts';
import { scanSources } from './scan.ts';

/** What an earlier plan fixed: its clock, its pins and the version of its targets. */
export interface PlanBasis {
  readonly createdAt: string;
  readonly images: readonly ImageResolution[];
  readonly targetVersion?: string;
}

/** The targets file that a run reads: what it holds and what it must still be when it is replaced. */
export interface TargetsState {
  readonly file: TargetsFile | undefined;
  readonly checksum: string | 'absent';
}

/** A plan and all that is needed to carry it out. */
export interface BuiltMigration {
  readonly plan: MigrationPlan;
  readonly apps: readonly BuiltApp[];
  readonly scanned: readonly ScannedSource[];
  readonly targets?: TargetsState;
}

/** Computes everything that a run would publish, and writes nothing. */
export async function buildMigration(request: MigrationRequest, context: MigrationContext, basis?: PlanBasis): Promise<BuiltMigration> {
  const scanned = await scanSources(request, context);
  checkRemovals(request, scanned);
  const resolver = createImageResolver(context, basis?.images ?? []);
  const apps = await convertPackages(scanned, request, context, (converted) => buildApp(converted, request, context, resolver));
  const createdAt = basis?.createdAt ?? context.createdAt;
  const targets = await readTargets(context);
  const fixed = { createdAt, version: basis?.targetVersion };
  const planned = targets === undefined ? undefined : await planFreeTargets({ apps, targets, request, context }, fixed);
  const plan = describePlan({ request, context, apps, planned, targets, createdAt });
  return { plan, apps, scanned, ...(targets === undefined ? {} : { targets }) };
}

/** A removal is confirmed only where the whole factory was looked at, and the app is not in it. */
function checkRemovals(request: MigrationRequest, scanned: readonly ScannedSource[]): void {
  if (request.removeApps.length === 0) return;
  const unread = scanned.find((source) => source.error !== undefined);
  if (unread !== undefined || request.apps.length > 0 || request.only.size > 0) {
    const why = unread === undefined ? 'only a part of the packages was asked for' : `${unread.source.origin.repository} could not be read`;
    throw new RebundleError('APP_REMOVED', `--remove-app needs a complete scan: ${why}`, { hint: 'Run without --app and PATH, on all repositories.' });
  }
  for (const name of request.removeApps) {
    const still = scanned.flatMap(({ packages }) => packages).find((location) => location.name === name && !isDisabled(location.path));
    if (still !== undefined) {
      throw new RebundleError('APP_REMOVED', `--remove-app ${name}: its package is still there, ${still.path}`, { hint: 'Delete or disable the package first.' });
    }
  }
}

function isDisabled(path: string): boolean {
  return path.split('/').some((part) => part.endsWith('.disabled'));
}

/** The targets file as it is now, or the seed where there is none; undefined where no targets are configured. */
export async function readTargets({ tufRepo, targetsSeed }: MigrationContext): Promise<TargetsState | undefined> {
  if (tufRepo === undefined) return undefined;
  const current = await tufRepo.readTargets();
  if (current !== undefined) return { file: parseTargetsFile(current.bytes, tufRepo.location), checksum: current.checksum };
  return { file: targetsSeed === undefined ? undefined : parseTargetsFile(targetsSeed.bytes, targetsSeed.path), checksum: 'absent' };
}

interface PlannedTargets {
  /** What is written. */
  readonly plan: TargetsPlan;
  /** What would be written if no failed app held it back. */
  readonly due: TargetsPlan;
}

/** Plans targets under a version for which no file target lies there with other bytes: an interrupted run leaves such files behind. */
async function planFreeTargets(
  { apps, targets, request, context }: { readonly apps: readonly BuiltApp[]; readonly targets: TargetsState; readonly request: MigrationRequest; readonly context: MigrationContext },
  fixed: { readonly createdAt: string; readonly version: string | undefined },
): Promise<PlannedTargets> {
  const planned = planAppTargets(apps, targets, request, fixed);
  const { version } = planned.plan;
  if (version === undefined || fixed.version !== undefined || request.config.targets?.version !== undefined) return planned;
  for (let free = Number(version); ; free += 1) {
    const next = free === Number(version) ? planned : planAppTargets(apps, targets, request, { ...fixed, version: String(free) });
    if (!(await hasLeftovers(next.plan, context))) return next;
  }
}

async function hasLeftovers({ targets }: TargetsPlan, { tufRepo }: MigrationContext): Promise<boolean> {
  for (const { name, kind, target } of targets) {
    const found = kind === 'file' ? await tufRepo?.getTarget(name) : undefined;
    if (found !== undefined && hexOf(digestOf(found)) !== target.hashes['sha256']) return true;
  }
  return false;
}

/** Plans the targets for apps of which some failed, while planning or while publishing. */
export function planAppTargets(
  apps: readonly BuiltApp[],
  { file }: TargetsState,
  request: MigrationRequest,
  fixed: { readonly createdAt: string; readonly version?: string | undefined },
): PlannedTargets {
  const { targets } = request.config;
  const version = fixed.version ?? targets?.version;
  const input = {
    file,
    tagRules: parseTagRules(targets?.tags ?? []),
    machines: targets?.machines ?? [],
    platforms: targets?.platforms ?? [],
    apps: apps.map((app) => toTargetApp(app, targets?.composeOnly ?? [])),
    removed: request.removeApps,
    createdAt: fixed.createdAt,
    ...(version === undefined ? {} : { version }),
    ...(targets?.containersSha === undefined ? {} : { containersSha: targets.containersSha }),
    ...(targets?.uri === undefined ? {} : { uri: targets.uri }),
  };
  const due = planTargets({ ...input, allowPartial: true });
  return { due, plan: request.allowPartial ? due : planTargets({ ...input, allowPartial: false }) };
}

function toTargetApp({ converted, bundle, dockerApp, diagnostics }: BuiltApp, composeOnly: readonly string[]): TargetApp {
  const newStyleOnly = composeOnly.includes(converted.name);
  if (bundle === undefined || hasErrors(diagnostics)) {
    // A name that cannot be a key has no entries, but it holds the targets back as any other.
    const name = isRepositoryComponent(converted.name) ? converted.name : `'${encodeURIComponent(converted.name)}'`;
    return { name, state: 'failed', newStyleOnly };
  }
  return {
    name: converted.name,
    state: 'ok',
    composeUri: formatReference(bundle.reference),
    dockerApp: dockerApp === undefined ? 'keep-parent' : { length: dockerApp.byteLength, sha256: hexOf(digestOf(dockerApp)) },
    newStyleOnly,
  };
}

function describePlan(input: {
  readonly request: MigrationRequest;
  readonly context: MigrationContext;
  readonly apps: readonly BuiltApp[];
  readonly planned: PlannedTargets | undefined;
  readonly targets: TargetsState | undefined;
  readonly createdAt: string;
}): MigrationPlan {
  const { request, planned, targets } = input;
  const changed = new Set((planned?.due.targets ?? []).flatMap(changedApps));
  const held = (planned?.plan.heldBy.length ?? 0) > 0;
  const apps = input.apps.map((app) => describeApp(app, { changed, held, planned }));
  const images = new Map(input.apps.flatMap((app) => app.resolutions).map((resolution) => [resolution.reference, resolution]));
  const version = planned?.plan.version;
  return {
    version: 1,
    state: 'proposed',
    createdAt: input.createdAt,
    rules: RULES_VERSION,
    request: { apps: request.apps, removeApps: request.removeApps, allowPartial: request.allowPartial },
    factory: request.config.factory ?? '',
    registry: request.config.registry ?? '',
    options: digestOptions(request),
    images: [...images.values()].sort((a, b) => compareText(a.reference, b.reference)),
    apps,
    targets: planned?.plan.targets ?? [],
    skippedTargets: planned?.plan.skipped ?? [],
    diagnostics: [...(planned?.plan.diagnostics ?? []), ...(version === undefined ? [] : [versionFinding(version)])],
    ...(version === undefined ? {} : { targetVersion: version }),
    ...(targets === undefined ? {} : { targetsBefore: targets.checksum === 'absent' ? 'absent' : (`sha256:${targets.checksum}` as Digest) }),
    hasChanges: apps.some(({ status }) => status === 'migrated' || status === 'held') || (planned?.plan.targets.length ?? 0) > 0,
  };
}

function versionFinding(version: string): Diagnostic {
  return finding('targets.version', `the new targets have version ${version}; the next build of the operating system has to be numbered above it`);
}

function changedApps(target: PlannedTarget): string[] {
  return target.apps.filter(({ dockerApp, composeApp }) => isChange(dockerApp) || isChange(composeApp)).map(({ app }) => app);
}

function isChange(change: PlannedTarget['apps'][number]['composeApp']): boolean {
  return change !== 'none' && change !== 'unchanged';
}

function describeApp(
  app: BuiltApp,
  state: {
    readonly changed: ReadonlySet<string>;
    readonly held: boolean;
    readonly planned: PlannedTargets | undefined;
  },
): AppPlan {
  const { converted, bundle, diagnostics } = app;
  const { name } = converted;
  const failed = bundle === undefined || hasErrors(diagnostics);
  const differs = state.changed.has(name);
  const status: AppStatus = failed ? 'failed' : differs && state.held ? 'held' : differs || !app.published ? 'migrated' : 'unchanged';
  const dockerApp = state.planned?.due.fileTargets.get(name);
  const { plan: targetsPlan } = state.planned ?? {};
  return {
    app: name,
    origin: converted.origin,
    kind: converted.location.kind,
    status,
    ...(status === 'held' ? { reason: `waits for ${targetsPlan?.heldBy.join(', ') ?? ''}` } : {}),
    ...(app.inputs === undefined ? {} : { inputs: app.inputs }),
    images: app.images,
    platforms: app.platforms,
    variables: maskVariables(converted.app?.variables ?? []),
    ...(bundle === undefined
      ? {}
      : { bundle: bundle.archive, bundleIndex: bundle.index, manifest: bundle.manifest, reference: formatReference(bundle.reference) }),
    ...(dockerApp === undefined ? {} : { dockerApp }),
    files: (bundle?.files ?? []).map(({ path, size, digest }) => ({ path, size, digest })),
    published: app.published,
    newOnDevices: state.planned?.due.newApps.includes(name) ?? false,
    ...(app.diff === undefined ? {} : { diff: maskDiff(app.diff, createMask(converted.app?.variables ?? [])) }),
    diagnostics,
  };
}

/** All options that shape bytes or targets; places and folders do not. */
function digestOptions({ config, parameterFiles }: MigrationRequest): Digest {
  const { targets } = config;
  return digestOf(
    canonicalJson({
      factory: config.factory,
      registry: config.registry,
      interpolation: config.interpolation,
      appInterpolation: [...config.apps.interpolation],
      images: config.images,
      parameters: [[...config.parameters.set], parameterFiles.map(({ text }) => digestOf(text))],
      tag: config.publish.tag,
      targets: targets === undefined ? null : { ...targets, repo: null, seed: null, version: null },
    }),
  );
}

/** True where the file holds every target of the plan as planned: an earlier run wrote it. */
export function isWritten({ targets }: MigrationPlan, file: TargetsFile | undefined): boolean {
  return targets.length > 0 && targets.every(({ name, target }) => canonicalJson(file?.targets.get(name)) === canonicalJson(target));
}
