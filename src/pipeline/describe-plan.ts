import { compareText } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { digestOf } from '../lib/digest.ts';
import { finding } from '../lib/finding.ts';
import type { AppStatus, Diagnostic } from '../model/app.ts';
import type { Digest } from '../model/oci.ts';
import {
  type AppRow,
  type DeviceUpdate,
  type Download,
  type MigrationPlan,
  type PlannedApp,
  type PlannedTarget,
  RULES_VERSION,
} from '../model/plan.ts';
import type { TargetsFile } from '../targets/targets-file.ts';
import { listChangedApps, type PlannedTargets, type TargetsState } from './app-targets.ts';
import type { BuiltApp } from './build-app.ts';
import { isNotTried } from './max-failures.ts';
import { hasErrors, type MigrationContext, type MigrationRequest } from './migration.ts';
import { digestShape } from './shape.ts';

export function describePlan(input: {
  readonly request: MigrationRequest;
  readonly context: MigrationContext;
  readonly apps: readonly BuiltApp[];
  readonly planned: PlannedTargets | undefined;
  readonly targets: TargetsState | undefined;
  readonly createdAt: string;
  readonly downloads: ReadonlyMap<string, readonly Download[]> | undefined;
  readonly updates: readonly DeviceUpdate[] | undefined;
}): MigrationPlan {
  const { request, planned, targets } = input;
  const changed = listChangedApps(planned?.due.targets ?? []);
  const held = (planned?.plan.heldBy.length ?? 0) > 0;
  const former = listFormer(planned?.due.targets ?? [], targets?.file);
  const waits = describeWait(planned?.plan.heldBy ?? [], input.apps);
  const apps = input.apps.map((app) =>
    describeApp(app, { changed, held, waits, planned, downloads: input.downloads, former }),
  );
  const images = new Map(
    input.apps
      .flatMap((app) => app.resolutions)
      .map((resolution) => [`${resolution.reference} ${resolution.pinned}`, resolution]),
  );
  const version = planned?.plan.version;
  return {
    version: 1,
    state: 'proposed',
    createdAt: input.createdAt,
    rules: RULES_VERSION,
    tool: input.context.tool,
    request: {
      apps: request.apps,
      ...(request.only.size === 0 ? {} : { only: Object.fromEntries(request.only) }),
      removeApps: request.removeApps,
      allowPartial: request.allowPartial,
    },
    factory: request.config.factory ?? '',
    registry: request.config.registry ?? '',
    options: digestOptions(request),
    images: [...images.values()].sort(
      (a, b) => compareText(a.reference, b.reference) || compareText(a.pinned, b.pinned),
    ),
    apps,
    targets: planned?.plan.targets ?? [],
    skippedTargets: planned?.plan.skipped ?? [],
    ...(input.updates === undefined ? {} : { updates: input.updates }),
    shape: digestShape(request),
    diagnostics: [
      ...(planned?.plan.diagnostics ?? []),
      ...(version === undefined ? [] : [versionFinding(version)]),
      ...unknownRemovals(request.removeApps, targets?.file),
    ],
    ...(version === undefined ? {} : { targetVersion: version }),
    ...(targets === undefined
      ? {}
      : { targetsBefore: targets.checksum === 'absent' ? 'absent' : (`sha256:${targets.checksum}` as Digest) }),
    hasChanges:
      apps.some(({ status }) => status === 'migrated' || status === 'held') || (planned?.plan.targets.length ?? 0) > 0,
  };
}

function unknownRemovals(names: readonly string[], file: TargetsFile | undefined): Diagnostic[] {
  const maps = [...(file?.targets.values() ?? [])].flatMap(({ custom }) => [
    custom?.docker_apps ?? {},
    custom?.docker_compose_apps ?? {},
  ]);
  return names
    .filter((name) => !maps.some((map) => Object.hasOwn(map, name)))
    .map((name) => finding('targets.nothing-removed', `--remove-app ${name}: no target has this app`));
}

/** What the targets that are built upon say of each app, the first of them that has it. */
function listFormer(
  due: readonly PlannedTarget[],
  file: TargetsFile | undefined,
): ReadonlyMap<string, NonNullable<AppRow['former']>> {
  const found = new Map<string, NonNullable<AppRow['former']>>();
  for (const parent of new Set(due.map((target) => target.parent))) {
    const custom = parent === undefined ? undefined : file?.targets.get(parent)?.custom;
    const files = custom?.docker_apps ?? {};
    const bundles = custom?.docker_compose_apps ?? {};
    for (const app of new Set([...Object.keys(files), ...Object.keys(bundles)])) {
      if (found.has(app)) continue;
      const reference = bundles[app]?.uri;
      const dockerApp = files[app]?.filename;
      found.set(app, {
        ...(typeof reference === 'string' ? { reference } : {}),
        ...(typeof dockerApp === 'string' ? { dockerApp } : {}),
      });
    }
  }
  return found;
}

export function versionFinding(version: string): Diagnostic {
  return finding(
    'targets.version',
    `the new targets have version ${version}; the next build of the operating system has to be numbered above it`,
  );
}

function describeApp(
  app: BuiltApp,
  state: {
    readonly changed: ReadonlySet<string>;
    readonly held: boolean;
    /** Why an app is held. */
    readonly waits: string;
    readonly planned: PlannedTargets | undefined;
    readonly downloads: ReadonlyMap<string, readonly Download[]> | undefined;
    readonly former: ReadonlyMap<string, NonNullable<AppRow['former']>>;
  },
): PlannedApp {
  const { name, bundle, diagnostics } = app;
  const failed = bundle === undefined || hasErrors(diagnostics);
  const differs = state.changed.has(name);
  const untried = isNotTried(diagnostics);
  const status: AppStatus = failed
    ? untried
      ? 'held'
      : 'failed'
    : differs && state.held
      ? 'held'
      : differs || app.place?.published !== true
        ? 'migrated'
        : 'unchanged';
  const dockerApp = state.planned?.due.fileTargets.get(name);
  const downloads = state.downloads?.get(name);
  const former = state.former.get(name);
  return {
    app: name,
    origin: app.origin,
    kind: app.kind,
    status,
    ...(status === 'held' ? { reason: untried ? (diagnostics[0]?.message ?? '') : state.waits } : {}),
    ...(app.inputs === undefined ? {} : { inputs: app.inputs }),
    ...(bundle === undefined ? {} : { reference: bundle.reference }),
    ...(dockerApp === undefined ? {} : { dockerApp }),
    published: app.place?.published ?? false,
    newOnDevices: state.planned?.due.newApps.includes(name) ?? false,
    ...(downloads === undefined ? {} : { downloads }),
    ...(former === undefined ? {} : { former }),
    diagnostics: untried ? [] : diagnostics,
    details: app.details,
  };
}

/** Of the apps that hold others back, those that were not tried are no news. */
export function describeWait(heldBy: readonly string[], apps: readonly BuiltApp[]): string {
  const untried = new Set(apps.filter(({ diagnostics }) => isNotTried(diagnostics)).map(({ name }) => name));
  return `waits for ${heldBy.filter((name) => !untried.has(name)).join(', ')}`;
}

/** All options that shape bytes or targets; places and folders do not. */
export function digestOptions({ config, parameterFiles }: MigrationRequest): Digest {
  const { targets } = config;
  return digestOf(
    canonicalJson({
      factory: config.factory,
      registry: config.registry,
      interpolation: config.interpolation,
      appInterpolation: [...config.apps.interpolation],
      semantics: config.semantics,
      appSemantics: [...config.apps.semantics],
      serviceConfigs: config.serviceConfigs,
      appServiceConfigs: [...config.apps.serviceConfigs],
      images: config.images,
      repin: config.pin.refresh,
      bundle: config.bundle,
      parameters: [[...config.parameters.set], parameterFiles.map(({ text }) => digestOf(text))],
      tag: config.publish.tag,
      targets:
        targets === undefined
          ? null
          : {
              ...targets,
              composeOnly: [...targets.composeOnly],
              repo: null,
              seed: null,
              version: null,
              tokenHeader: null,
              tokenFile: null,
              signing: null,
            },
    }),
  );
}
