import { RebundleError } from '../errors.ts';
import { createKeep } from '../lib/keep.ts';
import type { MigrationPlan } from '../model/plan.ts';
import { findPublishedUris } from '../targets/published-uris.ts';
import { parseTagRules } from '../targets/tag-rules.ts';
import { createByteStore } from './app-bytes.ts';
import { planFreeTargets, readTargets, type TargetsState } from './app-targets.ts';
import { type BuiltApp, buildApp } from './build-app.ts';
import { createCompactFindings } from './compact-findings.ts';
import { convertPackages } from './convert.ts';
import { describePlan } from './describe-plan.ts';
import { explainUpdates, indexApps } from './device-updates.ts';
import { forecastDownloads, readAhead } from './downloads.ts';
import { readRecorded } from './explain-entry.ts';
import { createFormerApps } from './former-apps.ts';
import { limitHeld } from './hold-limits.ts';
import { createImageContents } from './image-contents.ts';
import { createImageResolver } from './image-resolver.ts';
import { readLockedPins, readPinsOfPlan, readPublishedPins } from './kept-pins.ts';
import { answerFromPlan } from './known-app.ts';
import { isStopped } from './max-failures.ts';
import type { MigrationContext, MigrationRequest, ScannedSource } from './migration.ts';
import { scanSources } from './scan.ts';
import { createSourceKeys } from './source-key.ts';
import { checkTargets } from './write-targets.ts';

/** What a plan fixed for the run that carries it out: its clock, its pins and the version of its targets. */
export interface PlanBasis {
  readonly plan: MigrationPlan;
  readonly targetVersion?: string;
}

/** A plan and all that is needed to carry it out. */
export interface BuiltMigration {
  readonly plan: MigrationPlan;
  readonly apps: readonly BuiltApp[];
  readonly scanned: readonly ScannedSource[];
  readonly targets?: TargetsState;
}

/**
 * Computes everything that a run would publish, and writes nothing. `earlier` is a plan that spares questions about what it knows. `createdAt` is a
 * clock to go on with. `onBuilt` is told of each app as soon as its bundle is known.
 */
export async function buildMigration(
  request: MigrationRequest,
  context: MigrationContext,
  {
    basis,
    earlier,
    createdAt = basis?.plan.createdAt ?? context.createdAt,
    onBuilt,
  }: {
    readonly basis?: PlanBasis | undefined;
    readonly earlier?: MigrationPlan | undefined;
    readonly createdAt?: string | undefined;
    readonly onBuilt?: ((app: BuiltApp) => void) | undefined;
  },
): Promise<BuiltMigration> {
  const scanned = await scanSources(request, context);
  checkRemovals(request, scanned);
  const { config } = request;
  const targets = await readTargets(context);
  const resolver = createImageResolver(context, {
    known: [...((basis?.plan ?? earlier)?.images ?? []), ...(request.lock?.plan?.images ?? [])],
    repin: config.pin.refresh,
    lock: request.lock,
  });
  const file = targets?.file;
  const tagRules = config.targets === undefined ? [] : parseTagRules(config.targets.tags);
  const uris = file === undefined ? new Map<string, string>() : findPublishedUris(file, tagRules);
  const former = createFormerApps({ file, context, host: config.registry });
  const readUnlocked = basis === undefined ? readPublishedPins({ uris, earlier, former }) : readPinsOfPlan(basis.plan);
  const readPins = request.lock === undefined ? readUnlocked : readLockedPins(request.lock, readUnlocked);
  const selected = scanned.reduce((sum, { packages }) => sum + packages.filter((each) => each.selected).length, 0);
  const limits = limitHeld(selected);
  const shared = {
    request,
    context,
    pinning: { resolver, readPins },
    uris,
    keep: createKeep(limits.details),
    compact: createCompactFindings(),
    keys: createSourceKeys(request, context),
    hold: createByteStore(limits.bytes),
  };
  const contents = config.report.downloads ? createImageContents(context) : undefined;
  const begun = await convertPackages(
    scanned,
    request,
    context,
    async (converted, task) => {
      const app = await buildApp(converted, { ...shared, task });
      app.built.then(
        (built) => {
          if (contents !== undefined) readAhead(built, contents);
          onBuilt?.(built);
          // The bundle that is there already is not looked at again.
          if (built.bundle !== undefined) former.forget(built.bundle.reference);
        },
        () => {},
      );
      return request.maxFailures === undefined ? app : { ...app, diagnostics: (await app.built).diagnostics };
    },
    basis === undefined ? answerFromPlan(earlier, shared) : undefined,
  );
  const apps = await Promise.all(begun.map(({ built }) => built));
  const fixed = { createdAt, version: basis?.targetVersion };
  // A run that stops writes no targets, not even partial ones.
  const limited = isStopped(apps, request) ? { ...request, allowPartial: false } : request;
  const planned =
    targets === undefined ? undefined : await planFreeTargets({ apps, targets, request: limited, context }, fixed);
  if (targets?.file !== undefined && planned !== undefined && planned.plan.targets.length > 0) {
    checkTargets(targets.file, planned.plan.targets, { apps, request, context });
  }
  const due = planned?.due.targets ?? [];
  const downloads =
    contents === undefined
      ? undefined
      : await forecastDownloads({ apps, targets: due, file, request, context, contents, former });
  const steps = planned?.plan.steps;
  const updates =
    steps === undefined
      ? undefined
      : await explainUpdates(steps, {
          apps: indexApps(apps),
          file,
          former,
          recorded: readRecorded(earlier, request),
          request,
          context,
        });
  const plan = describePlan({ request, context, apps, planned, targets, createdAt, downloads, updates });
  return { plan, apps, scanned, ...(targets === undefined ? {} : { targets }) };
}

/** A removal is confirmed only where the whole factory was looked at, and the app is not in it. */
function checkRemovals(request: MigrationRequest, scanned: readonly ScannedSource[]): void {
  if (request.removeApps.length === 0) return;
  const unread = scanned.find((source) => source.error !== undefined);
  if (unread !== undefined || request.apps.length > 0 || request.only.size > 0) {
    const why =
      unread === undefined
        ? 'only a part of the packages was asked for'
        : `${unread.source.origin.repository} could not be read`;
    throw new RebundleError('APP_REMOVED', `--remove-app needs a complete scan: ${why}`, {
      hint: 'Run without --app and PATH, on all repositories.',
    });
  }
  for (const name of request.removeApps) {
    const still = scanned
      .flatMap(({ packages }) => packages)
      .find((location) => location.name === name && !isDisabled(location.path));
    if (still !== undefined) {
      throw new RebundleError('APP_REMOVED', `--remove-app ${name}: its package is still there, ${still.path}`, {
        hint: 'Delete or disable the package first.',
      });
    }
  }
}

function isDisabled(path: string): boolean {
  return path.split('/').some((part) => part.endsWith('.disabled'));
}
