import { findUnusedFiles } from '../bundle/unused-files.ts';
import { RebundleError } from '../errors.ts';
import { compareText, readAll } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { FileEntry, SupportFile } from '../model/app.ts';
import type { Source } from '../source/source.ts';
import { convertPackages } from './convert.ts';
import {
  type ConvertedApp,
  hasErrors,
  type MigrationContext,
  type MigrationRequest,
  type ScannedSource,
} from './migration.ts';
import type { AppReplacement, NewFile, RepositoryReplacement } from './retire.ts';
import { liesWithin } from './retire-orphans.ts';
import { scanSources } from './scan.ts';

/** What else changes once the replacements are merged. */
export interface RetireOutlook {
  /** Files that leave the bundle of an app, by app: nothing refers to them. Devices that run bundles get one update of it. */
  readonly lostFiles: ReadonlyMap<string, readonly string[]>;
  /** Compose folders that `apps.compose: true` makes apps besides those that take the place of packages. */
  readonly newApps: readonly string[];
}

/**
 * Reads the repositories as they will be once the replacements are merged, and compares every app with what it is made of now. Throws RETIRE_REFUSED where
 * an app would not be selected any more, would fail, or would come out with another compose file or other files.
 */
export async function checkReplacements(
  replacements: readonly RepositoryReplacement[],
  scanned: readonly ScannedSource[],
  { request, context }: { readonly request: MigrationRequest; readonly context: MigrationContext },
): Promise<RetireOutlook> {
  const byRepository = new Map(replacements.map((one) => [one.scanned.source.origin.repository, one]));
  const sources = scanned.map((one) => {
    const replacement = byRepository.get(one.source.origin.repository);
    return replacement === undefined ? one.source : createReplacedSource(one, replacement.apps);
  });
  const { config } = request;
  const later = {
    // Packages that were named are folders then.
    only: new Map([...request.only].map(([repository, paths]) => [repository, paths.map(toFolder)])),
    config: { ...config, apps: { ...config.apps, compose: true } },
  };
  const silent = { ...context, sources, emit: () => {} };
  const scannedLater = await scanSources({ ...request, ...later }, silent);
  const found = await convertPackages(scannedLater, { ...request, ...later }, silent, async (app) => app);
  const apps = new Map(found.map((app) => [app.name, app]));
  const lostFiles = new Map<string, readonly string[]>();
  for (const { scanned: before, apps: replaced } of replacements) {
    for (const replacement of replaced) {
      const { name, location } = replacement.app;
      const next = apps.get(name);
      const problem = findProblem(replacement, next, scannedLater);
      if (problem !== undefined) {
        throw new RebundleError('RETIRE_REFUSED', `${escapeTerminal(name)}: ${problem.what}`, {
          hint: problem.hint,
          origin: { ...before.source.origin, path: location.path },
        });
      }
      const lost = compareFiles(replacement.app, next).missing;
      if (lost.length > 0) lostFiles.set(name, lost);
    }
  }
  const known = new Set(listNames(scanned));
  const newApps = scannedLater.flatMap(({ source, packages }) =>
    packages
      .filter(({ selected, name }) => selected && !known.has(name))
      .map(({ path }) => `${source.origin.repository}/${path}`),
  );
  return { lostFiles, newApps };
}

function listNames(scanned: readonly ScannedSource[]): string[] {
  return scanned.flatMap(({ packages }) => packages.filter(({ selected }) => selected).map(({ name }) => name));
}

function toFolder(path: string): string {
  return path.replace(/\.dockerapp$/, '');
}

function findProblem(
  { app, folder }: AppReplacement,
  later: ConvertedApp | undefined,
  scanned: readonly ScannedSource[],
): { readonly what: string; readonly hint: string } | undefined {
  const shown = `'${escapeTerminal(folder)}'`;
  if (later === undefined || later.location.path !== folder) {
    const place = scanned
      .flatMap(({ source, packages }) => (source.origin.repository === app.origin.repository ? packages : []))
      .find(({ path }) => path === folder);
    const why = place?.reason ?? 'another app folder holds it';
    return {
      what: `its folder ${shown} would not be selected: ${escapeTerminal(why)}`,
      hint: 'Make apps.include and apps.exclude fit the folder as well as the package.',
    };
  }
  const error = later.diagnostics.find(({ severity }) => severity === 'error');
  if (hasErrors(later.diagnostics) || later.app === undefined) {
    return {
      what: `its folder ${shown} would fail: ${error?.message ?? 'it cannot be read'}`,
      hint: error?.hint ?? 'Correct the package so that its folder is fine, too.',
    };
  }
  if (later.app.composeText !== app.app?.composeText) {
    return {
      what: `its folder ${shown} would be read with another compose file`,
      hint: 'Report this defect of rebundle.',
    };
  }
  const { missing, more } = compareFiles(app, later);
  const references = app.app?.references ?? [];
  const needed = app.files.find(
    (file) => missing.includes(file.path) && findUnusedFiles([file], references).length === 0,
  );
  const other = later.files.find(({ path, source }) => source !== `${folder}/${path}`);
  const what =
    needed !== undefined
      ? `would lack ${escapeTerminal(needed.path)}`
      : more[0] !== undefined
        ? `would gain ${escapeTerminal(more[0])}`
        : other !== undefined
          ? `would take ${escapeTerminal(other.path)} from '${escapeTerminal(other.source)}'`
          : undefined;
  if (what === undefined) return undefined;
  return {
    what: `the bundle of its folder ${shown} ${what}`,
    hint: 'Look at .composeappignores and at files of the same name in the folder; publish the change with rebundle run, and retire then.',
  };
}

/** Files by path that a bundle does not have any more, and that it has besides; a change of the mode counts as both. */
function compareFiles(app: ConvertedApp, later: ConvertedApp | undefined) {
  const keyOf = ({ path, executable }: SupportFile): string => JSON.stringify([path, executable]);
  const [before, after] = [app.files, later?.files ?? []].map((files) => new Set(files.map(keyOf)));
  return {
    missing: app.files.filter((file) => after?.has(keyOf(file)) === false).map(({ path }) => path),
    more: (later?.files ?? []).filter((file) => before?.has(keyOf(file)) === false).map(({ path }) => path),
  };
}

/** The repository with the replacements in it. */
function createReplacedSource({ source, entries }: ScannedSource, replaced: readonly AppReplacement[]): Source {
  const added = new Map(replaced.flatMap(({ files }) => files.map((file): [string, NewFile] => [file.path, file])));
  const gone = new Set(replaced.flatMap((one) => one.removed));
  const isGone = (path: string): boolean => liesWithin(gone, path);
  const kept = entries
    .filter(({ path }) => !added.has(path) && !isGone(path))
    .map(({ target, ...entry }): FileEntry => (target && !isGone(target.path) ? { ...entry, target } : entry));
  const files = [...added.values()].map(
    ({ path, executable, size }): FileEntry => ({ path, mode: executable ? 'executable' : 'file', size }),
  );
  const all = [...kept, ...files].sort((a, b) => compareText(a.path, b.path));
  return {
    origin: source.origin,
    async *list() {
      yield* all;
    },
    read: async (path, limit) => {
      const file = added.get(path);
      return file === undefined ? source.read(path, limit) : readAll(file.open(), limit, path);
    },
    open: (path) => added.get(path)?.open() ?? source.open(path),
  };
}
