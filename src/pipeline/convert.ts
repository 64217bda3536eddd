import { posix } from 'node:path';
import { checkSpec } from '../convert/check-spec.ts';
import { convertApp } from '../convert/convert-app.ts';
import { toWarning } from '../convert/not-publishable.ts';
import type { RewriteOptions } from '../convert/rewrite.ts';
import { MAX_PACKAGE_FILE } from '../dockerapp/split.ts';
import { toRebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { capFindings, errorFinding, finding } from '../lib/finding.ts';
import { mapLimit } from '../lib/limit.ts';
import { createMask } from '../lib/redact.ts';
import type { AppPackage, ComposeApp, Diagnostic, PackageLocation, Semantics, SourceOrigin } from '../model/app.ts';
import { rescueApp } from './env-files.ts';
import { countFailed, notTriedFinding } from './max-failures.ts';
import {
  type ConvertedApp,
  hasErrors,
  type MigrationContext,
  type MigrationRequest,
  type ScannedSource,
  sortDiagnostics,
} from './migration.ts';
import { readNativeApp } from './native-app.ts';
import { entriesBelow, openPackage } from './open-package.ts';
import { findSupportFiles, readsFiles } from './support-files.ts';
import { watchSource } from './watched-source.ts';

/** One package that is to be converted. */
export interface PackageTask {
  readonly scanned: ScannedSource;
  readonly location: PackageLocation;
  /** Its place among all. */
  readonly order: number;
  /** Converts it once more, in silence. */
  readonly reconvert: () => Promise<ConvertedApp>;
}

/** Answers for an app without converting it; undefined where that cannot be. `convert` is the usual way, for when it turns out so later. */
export type AnswerApp<T> = (task: PackageTask, convert: () => Promise<T>) => Promise<T | undefined>;

/**
 * Splits and rewrites every selected package, finds its support files and hands each app on to `next`. Results are sorted by app name. What is
 * wrong with a package stays with it. After `maxFailures` apps that failed, by name, all others count as not tried, whatever was under way.
 */
export async function convertPackages<T extends { readonly diagnostics: readonly Diagnostic[] }>(
  scanned: readonly ScannedSource[],
  request: MigrationRequest,
  context: MigrationContext,
  next: (app: ConvertedApp, task: PackageTask) => Promise<T>,
  answer?: AnswerApp<T>,
): Promise<T[]> {
  const silent = { ...context, emit: () => {} };
  const selected = scanned.flatMap((source) =>
    source.packages.filter((location) => location.selected).map((location) => ({ scanned: source, location })),
  );
  selected.sort((a, b) => compareText(a.location.name, b.location.name));
  const tasks = selected.map((each, order): PackageTask => {
    const reconvert = (): Promise<ConvertedApp> => convertPackage({ ...each, order }, request, silent);
    return { ...each, order, reconvert };
  });
  const { maxFailures = Number.POSITIVE_INFINITY } = request;
  let failed = 0;
  const skip = (task: PackageTask): Promise<T> => {
    const app = leaveUntried(task.scanned, task.location, maxFailures);
    return next(app, { ...task, reconvert: async () => app });
  };
  const results = await mapLimit(tasks, context.limit, async (task) => {
    if (failed >= maxFailures) return skip(task);
    const convert = async (): Promise<T> => next(await convertPackage(task, request, context), task);
    const known = await answer?.(task, convert);
    if (known !== undefined) return known;
    const result = await convert();
    if (hasErrors(result.diagnostics)) failed += 1;
    return result;
  });
  if (failed < maxFailures) return results;
  // Apps are begun in their order, so the last failure that counts was tried in every run; which of those after it were, is chance.
  let before = 0;
  return Promise.all(
    results.map(async (result, i) => {
      if (before >= maxFailures) return skip(tasks[i]!);
      before += countFailed([result]);
      return result;
    }),
  );
}

function originOf({ source }: ScannedSource, location: PackageLocation): SourceOrigin {
  return { ...source.origin, path: location.path };
}

function leaveUntried(scanned: ScannedSource, location: PackageLocation, maxFailures: number): ConvertedApp {
  return {
    name: location.name,
    origin: originOf(scanned, location),
    location,
    source: scanned.source,
    reads: new Map(),
    files: [],
    readsFiles: false,
    diagnostics: [notTriedFinding(maxFailures)],
  };
}

async function convertPackage(
  { scanned: repository, location, order }: Omit<PackageTask, 'reconvert'>,
  request: MigrationRequest,
  context: MigrationContext,
): Promise<ConvertedApp> {
  const pause = async (): Promise<void> => context.nextTurn?.(order);
  const { source, reads } = watchSource(repository.source);
  const scanned = { ...repository, source };
  const origin = originOf(scanned, location);
  const { name } = location;
  let base = { name, origin, location, source, reads, files: [], readsFiles: false };
  let pkg: AppPackage | undefined;
  try {
    if (location.kind === 'compose') return { ...base, ...(await readNativeApp(scanned, location, request)) };
    context.emit({ type: 'app:stage', app: name, origin, stage: 'split' });
    const semantics = semanticsOf(name, request);
    const opened = await openPackage({ ...scanned, location, origin, semantics });
    base = { ...base, location: opened.location, source: opened.source };
    pkg = opened.pkg;
    context.emit({ type: 'app:stage', app: name, origin, stage: 'rewrite' });
    const { config } = request;
    await pause();
    const { app, proof } = await convertApp(pkg, conversionOptions(name, request), pause);
    if (hasErrors(app.diagnostics)) return { ...base, pkg, app, diagnostics: maskFindings(app, app.diagnostics) };
    const { references } = app;
    await pause();
    const spec = await checkSpec(app, request.deviceSeverity ?? 'error');
    const { envFiles, diagnostics: rescued } = rescueApp(pkg, app, request);
    const beside = await compareConvertedTree(scanned, location, app);
    const support = await findSupportFiles({ ...opened, references, config });
    const found = request.deviceSeverity === 'warning' ? support.diagnostics.map(toWarningOfFile) : support.diagnostics;
    const diagnostics = maskFindings(app, [...app.diagnostics, ...spec, ...rescued, ...beside, ...found]);
    const { files: supportFiles, leftOut } = support;
    const reads = readsFiles(references, supportFiles);
    const proved = proof === undefined ? {} : { proof };
    return { ...base, pkg, app, ...proved, files: supportFiles, leftOut, envFiles, readsFiles: reads, diagnostics };
  } catch (thrown) {
    const error = toRebundleError(thrown);
    if (error.code === 'CANCELLED') throw error;
    const diagnostics: Diagnostic[] = [...(pkg?.diagnostics ?? []), errorFinding(error)];
    return { ...base, ...(pkg === undefined ? {} : { pkg }), diagnostics };
  }
}

export function semanticsOf(name: string, { config }: MigrationRequest): Semantics | 'auto' {
  return config.apps.semantics.get(name) ?? config.semantics;
}

/** What configuration and flags say of the conversion of one app. */
export function conversionOptions(name: string, request: MigrationRequest): RewriteOptions {
  const { config } = request;
  return {
    interpolation: config.apps.interpolation.get(name) ?? config.interpolation,
    serviceConfigs: config.apps.serviceConfigs.get(name) ?? config.serviceConfigs,
    parameterFiles: request.parameterFiles,
    settings: [...config.parameters.set].map(([key, value]) => ({ name: key, value })),
    deviceSeverity: request.deviceSeverity ?? 'error',
  };
}

/** docker-app read an env_file and refused a package without it; all other files only a bundle needs. */
function toWarningOfFile(diagnostic: Diagnostic): Diagnostic {
  return diagnostic.message.startsWith('env_file ') ? diagnostic : toWarning(diagnostic);
}

/** A converted tree beside the package is not the source while the package is there; a finding tells that the two went apart. */
async function compareConvertedTree(
  { source, entries }: ScannedSource,
  location: PackageLocation,
  app: ComposeApp,
): Promise<Diagnostic[]> {
  const folder = posix.join(posix.dirname(location.path), location.name);
  const path = `${folder}/docker-compose.yml`;
  if (entriesBelow(entries, path)[0]?.path !== path) return [];
  const bytes = await source.read(path, MAX_PACKAGE_FILE);
  if (bytes.equals(Buffer.from(app.composeText))) return [];
  const message = `${path} is not what convert would write; the package stays the source while it is there`;
  return [finding('package.converted-tree-differs', message, { location: { path, line: 1, column: 1 } })];
}

/** Findings in order, not too many of one kind, without the values of secret parameters. */
export function maskFindings(app: ComposeApp, diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const mask = createMask(app.variables);
  return capFindings(sortDiagnostics(diagnostics)).map((diagnostic) => ({
    ...diagnostic,
    message: mask(diagnostic.message),
  }));
}
