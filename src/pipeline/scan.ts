import { scanPackages } from '../dockerapp/scan.ts';
import { RebundleError, toRebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { mapLimit } from '../lib/limit.ts';
import type { AppResult, FileEntry, PackageLocation } from '../model/app.ts';
import type { PathEntry, Source } from '../source/source.ts';
import type { MigrationContext, MigrationRequest, ScannedSource } from './migration.ts';

/** The packages of a repository, without the files that are needed to convert them. */
type FoundPackages = Omit<ScannedSource, 'entries'>;

/**
 * Lists the packages of every repository. A repository that cannot be read is reported and the others go on; where none can be read,
 * NOTHING_TO_START is thrown. Throws APP_NAME_DUPLICATE naming both places where two selected packages have one name.
 */
export function scanSources(request: MigrationRequest, context: MigrationContext): Promise<ScannedSource[]> {
  return scanAll(context, async (source) => {
    try {
      const entries: FileEntry[] = [];
      for await (const entry of source.list()) entries.push(entry);
      entries.sort((a, b) => compareText(a.path, b.path));
      return { source, entries, packages: findPackages(source, entries, request) };
    } catch (thrown) {
      return { source, entries: [], packages: [], error: messageOf(thrown) };
    }
  });
}

/** The same where packages are only to be named: nothing is read but what is there. */
export function listPackages(request: MigrationRequest, context: MigrationContext): Promise<FoundPackages[]> {
  return scanAll(context, async (source) => {
    try {
      const entries: PathEntry[] = [];
      for await (const entry of source.listPaths?.() ?? source.list()) entries.push(entry);
      return { source, packages: findPackages(source, entries, request) };
    } catch (thrown) {
      return { source, packages: [], error: messageOf(thrown) };
    }
  });
}

async function scanAll<Scanned extends FoundPackages>(
  context: MigrationContext,
  scanOne: (source: Source) => Promise<Scanned>,
): Promise<Scanned[]> {
  let told = Promise.resolve();
  const scanned = await mapLimit(context.sources, context.limit, async (source) => {
    const scan = scanOne(source);
    // Told in the order of the repositories, each as soon as those before it are done.
    told = Promise.all([scan, told]).then(([result]) => tellScan(result, context));
    await told;
    return scan;
  });
  if (scanned.every((source) => source.error !== undefined)) {
    const why = scanned.map((source) => `${source.source.origin.repository}: ${source.error}`).join('; ');
    throw new RebundleError('NOTHING_TO_START', why === '' ? 'no repository is given' : why, {
      hint: 'Name repositories on the command line, or in rebundle.yml under repositories.',
    });
  }
  checkNames(scanned);
  return scanned;
}

function tellScan({ source, packages, error }: FoundPackages, { emit }: MigrationContext): void {
  const { repository } = source.origin;
  emit(
    error === undefined
      ? { type: 'source:scanned', repository, packages }
      : { type: 'source:failed', repository, message: error },
  );
}

function findPackages(
  { origin: { repository } }: Source,
  entries: readonly PathEntry[],
  request: MigrationRequest,
): PackageLocation[] {
  const named = request.only.get(repository);
  const own = request.scanRules?.get(repository);
  const rules = {
    include: named?.map(escapeGlob) ?? own?.include ?? request.config.apps.include,
    exclude: [...request.config.apps.exclude, ...(own?.exclude ?? [])],
    names: request.apps,
    compose: request.config.apps.compose,
  };
  return scanPackages(entries, rules).map((location) => restrict(location, named, request));
}

/** Why a repository could not be read; a cancelled one ends all. */
function messageOf(thrown: unknown): string {
  const error = toRebundleError(thrown);
  if (error.code === 'CANCELLED') throw error;
  return error.message;
}

function escapeGlob(path: string): string {
  return path.replace(/[\\*?[\]{}()!+@|^$"]/g, '\\$&');
}

function restrict(
  location: PackageLocation,
  named: readonly string[] | undefined,
  { onlyFailed }: MigrationRequest,
): PackageLocation {
  if (named === undefined || named.includes(location.path) || !location.selected) return location;
  const reason = onlyFailed === true ? 'not left by the last run' : 'not named on the command line';
  return { ...location, selected: false, reason };
}

function checkNames(scanned: readonly FoundPackages[]): void {
  const places = new Map<string, string>();
  for (const { source, packages } of scanned) {
    for (const { name, path, selected } of packages) {
      if (!selected) continue;
      const place = `${source.origin.repository}/${path}`;
      const other = places.get(name);
      if (other !== undefined) {
        throw new RebundleError(
          'APP_NAME_DUPLICATE',
          `two selected packages are named '${name}': ${other} and ${place}`,
          {
            hint: 'Rename one, or leave one out with apps.exclude.',
          },
        );
      }
      places.set(name, place);
    }
  }
}

/** A result for every package that is not selected, with the reason. */
export function skippedResults(scanned: readonly ScannedSource[]): AppResult[] {
  return scanned.flatMap(({ source, packages }) =>
    packages
      .filter(({ selected }) => !selected)
      .map(({ name, path, reason }) => ({
        app: name,
        origin: { ...source.origin, path },
        status: 'skipped' as const,
        ...(reason === undefined ? {} : { reason }),
        diagnostics: [],
      })),
  );
}
