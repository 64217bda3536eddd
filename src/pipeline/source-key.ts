import { canonicalJson } from '../lib/canonical-json.ts';
import { digestOf, digestStream } from '../lib/digest.ts';
import type { FileEntry, PackageLocation } from '../model/app.ts';
import type { Digest } from '../model/oci.ts';
import { RULES_VERSION } from '../model/plan.ts';
import { digestOptions } from './describe-plan.ts';
import type { MigrationContext, MigrationRequest, ScannedSource } from './migration.ts';
import { entriesBelow } from './open-package.ts';
import { releaseTag } from './pin-app.ts';

/** Keys of what an app is made of. Equal keys: converting it again gives the very same, but for what registries and targets say. */
export interface SourceKeys {
  /** The key for files that were read, with their contents; undefined where one of them was not read whole. */
  ofReads(
    scanned: ScannedSource,
    location: PackageLocation,
    reads: ReadonlyMap<string, Digest | undefined>,
  ): Digest | undefined;
  /** The key for the same files as they are now. Throws what reading them throws. */
  ofFiles(scanned: ScannedSource, location: PackageLocation, paths: readonly string[]): Promise<Digest>;
}

/**
 * What a conversion depends on: the release and rules of the program, the options, the names and kinds of all files of the repository, and the
 * contents of those that it read. Where git knows a file, its object id stands for the content, and it is not read again.
 */
export function createSourceKeys(request: MigrationRequest, context: MigrationContext): SourceKeys {
  const { secrets } = request.config;
  const canExpire = secrets.allow.some(({ expires }) => expires !== undefined);
  const common = digestOf(
    canonicalJson({
      tool: context.tool,
      rules: RULES_VERSION,
      options: digestOptions(request),
      // Findings name them.
      parameterFiles: request.parameterFiles.map(({ path }) => path),
      secrets: secrets.allow,
      today: canExpire ? context.createdAt.slice(0, 10) : null,
      severity: request.deviceSeverity ?? null,
    }),
  );
  const listings = new WeakMap<readonly FileEntry[], Digest>();
  const listingOf = (entries: readonly FileEntry[]): Digest => {
    const known = listings.get(entries) ?? digestListing(entries);
    listings.set(entries, known);
    return known;
  };
  const keyOf = (
    { source, entries }: ScannedSource,
    { path, kind }: PackageLocation,
    contents: readonly (readonly [path: string, content: string])[],
  ): Digest => {
    const tag = releaseTag(request, source.origin) ?? null;
    return digestOf(JSON.stringify([common, listingOf(entries), path, kind, tag, contents]));
  };
  return {
    ofReads(scanned, location, reads) {
      const contents: [string, string][] = [];
      for (const [path, digest] of reads) {
        const content = findObject(scanned.entries, path) ?? digest;
        if (content === undefined) return undefined;
        contents.push([path, content]);
      }
      return keyOf(scanned, location, contents);
    },
    async ofFiles(scanned, location, paths) {
      const contents: [string, string][] = [];
      for (const path of paths) {
        const content = findObject(scanned.entries, path) ?? (await digestStream(scanned.source.open(path))).digest;
        contents.push([path, content]);
      }
      return keyOf(scanned, location, contents);
    },
  };
}

function digestListing(entries: readonly FileEntry[]): Digest {
  return digestOf(JSON.stringify(entries.map(({ path, mode, target }) => [path, mode, target?.path, target?.mode])));
}

/** The id of the object that a path leads to, where the listing has it. */
function findObject(entries: readonly FileEntry[], path: string): string | undefined {
  const entry = findEntry(entries, path);
  const file = entry?.target === undefined ? entry : findEntry(entries, entry.target.path);
  return file?.mode === 'file' || file?.mode === 'executable' ? file.objectId : undefined;
}

function findEntry(entries: readonly FileEntry[], path: string): FileEntry | undefined {
  return entriesBelow(entries, path).find((entry) => entry.path === path);
}
