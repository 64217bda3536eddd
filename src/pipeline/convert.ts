import { posix } from 'node:path';
import { planSupportFiles } from '../bundle/support-files.ts';
import { rewriteCompose } from '../convert/rewrite.ts';
import { MAX_PACKAGE_FILE, splitPackage } from '../dockerapp/split.ts';
import { toRebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { mapLimit } from '../lib/limit.ts';
import { createMask } from '../lib/redact.ts';
import type {
  AppPackage,
  ComposeApp,
  Diagnostic,
  FileEntry,
  FileReference,
  PackageLocation,
  SourceOrigin,
} from '../model/app.ts';
import {
  type ConvertedApp,
  hasErrors,
  type MigrationContext,
  type MigrationRequest,
  type ScannedSource,
  sortDiagnostics,
} from './migration.ts';

/**
 * Splits and rewrites every selected package, finds its support files and hands each app on to `next`. Results are sorted by app name. What is
 * wrong with a package stays with it.
 */
export async function convertPackages<T extends { readonly diagnostics: readonly Diagnostic[] }>(
  scanned: readonly ScannedSource[],
  request: MigrationRequest,
  context: MigrationContext,
  next: (app: ConvertedApp) => Promise<T>,
): Promise<T[]> {
  const tasks = scanned.flatMap((source) =>
    source.packages.filter(({ selected }) => selected).map((location) => ({ scannedSource: source, location })),
  );
  tasks.sort((a, b) => compareText(a.location.name, b.location.name));
  let failed = false;
  return mapLimit(tasks, context.limit, async ({ scannedSource, location }) => {
    const converted =
      failed && request.failFast
        ? stopped(scannedSource, location)
        : await convertPackage(scannedSource, location, request, context);
    const result = await next(converted);
    failed ||= hasErrors(result.diagnostics);
    return result;
  });
}

function originOf({ source }: ScannedSource, location: PackageLocation): SourceOrigin {
  return { ...source.origin, path: location.path };
}

function stopped(scanned: ScannedSource, location: PackageLocation): ConvertedApp {
  const diagnostic = {
    code: 'CANCELLED',
    severity: 'error',
    message: 'not tried: another app failed before (--fail-fast)',
  } as const;
  return {
    name: location.name,
    origin: originOf(scanned, location),
    location,
    source: scanned.source,
    files: [],
    readsFiles: false,
    diagnostics: [diagnostic],
  };
}

async function convertPackage(
  scanned: ScannedSource,
  location: PackageLocation,
  request: MigrationRequest,
  context: MigrationContext,
): Promise<ConvertedApp> {
  const { source, entries } = scanned;
  const origin = originOf(scanned, location);
  const { name } = location;
  const base = { name, origin, location, source, files: [], readsFiles: false };
  let pkg: AppPackage | undefined;
  try {
    context.emit({ type: 'app:stage', app: name, origin, stage: 'split' });
    const prefix = `${location.path}/`;
    const files = location.kind === 'folder' ? entriesBelow(entries, prefix) : [];
    pkg = await splitPackage({ location, origin, files, read: (path, limit) => source.read(path, limit) });
    context.emit({ type: 'app:stage', app: name, origin, stage: 'rewrite' });
    const { config } = request;
    const app = rewriteCompose(pkg, {
      interpolation: config.apps.interpolation.get(name) ?? config.interpolation,
      parameterFiles: request.parameterFiles,
      settings: [...config.parameters.set].map(([key, value]) => ({ name: key, value })),
    });
    if (hasErrors(app.diagnostics)) return { ...base, pkg, app, diagnostics: maskFindings(app, app.diagnostics) };
    const { references } = app;
    const beside = await compareConvertedTree(scanned, location, app);
    const support = planSupportFiles({
      package: { ...location, name },
      entries,
      attachments: pkg.attachments,
      references,
    });
    const diagnostics = maskFindings(app, [...app.diagnostics, ...beside, ...support.diagnostics]);
    return { ...base, pkg, app, files: support.files, readsFiles: readsFiles(references, support.files), diagnostics };
  } catch (thrown) {
    const error = toRebundleError(thrown);
    if (error.code === 'CANCELLED') throw error;
    const diagnostics: Diagnostic[] = [...(pkg?.diagnostics ?? []), errorFinding(error)];
    return { ...base, ...(pkg === undefined ? {} : { pkg }), diagnostics };
  }
}

/** The entries whose paths begin with `prefix`; `entries` is sorted, so they are found without a look at all others. */
function entriesBelow(entries: readonly FileEntry[], prefix: string): FileEntry[] {
  let from = 0;
  for (let to = entries.length; from < to; ) {
    const middle = (from + to) >> 1;
    if ((entries[middle]?.path ?? '') < prefix) from = middle + 1;
    else to = middle;
  }
  let end = from;
  while (entries[end]?.path.startsWith(prefix) === true) end += 1;
  return entries.slice(from, end);
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

/** Findings in order, without the values of secret parameters. */
export function maskFindings(app: ComposeApp, diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const mask = createMask(app.variables);
  return sortDiagnostics(diagnostics).map((diagnostic) => ({ ...diagnostic, message: mask(diagnostic.message) }));
}

function readsFiles(references: readonly FileReference[], files: readonly { readonly path: string }[]): boolean {
  return references.some(({ path, required }) => {
    const plain = path.replace(/^(?:\.\/+)+/, '').replace(/\/+$/, '');
    return required || files.some((file) => file.path === plain || file.path.startsWith(`${plain}/`));
  });
}
