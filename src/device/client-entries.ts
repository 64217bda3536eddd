import type { Target } from '../model/target.ts';
import { readAppUri } from '../targets/lint-apps.ts';
import { isOstree, isRecord, readSha256 } from '../targets/target-fields.ts';
import type { TargetsFile } from '../targets/targets-file.ts';
import type { AppContent } from './app-content.ts';
import type { Client } from './clients.ts';

/** What is known of the bytes behind an entry: the content, or why a device cannot run it. */
export type ReadContent =
  | { readonly content: AppContent; readonly manifestBytes?: number }
  | { readonly problem: string };

/** What could be read; an entry that is not there was not looked at. */
export interface Contents {
  /** By `packageKey`. */
  readonly packages: ReadonlyMap<string, ReadContent>;
  /** By uri. */
  readonly bundles: ReadonlyMap<string, ReadContent>;
}

export const NO_CONTENTS: Contents = { packages: new Map(), bundles: new Map() };

export function packageKey(app: string, filename: string): string {
  return JSON.stringify([app, filename]);
}

/** What a client makes of an entry of its map. */
export type Entry =
  /** It takes it; equal ids are the same app. */
  | { readonly state: 'app'; readonly id: string; readonly content?: AppContent }
  /** It passes over it without a word and reports success. */
  | { readonly state: 'skipped'; readonly why: string }
  /** The update fails, and the device stays where it was. */
  | { readonly state: 'refused'; readonly why: string };

/** The entries that a client sees in a target, by app key. */
export function readEntries(
  file: TargetsFile,
  target: Target,
  { client, contents }: { readonly client: Client; readonly contents: Contents },
): ReadonlyMap<string, Entry> {
  const isOld = client.style === 'docker-app';
  const map: unknown = isOld ? target.custom?.docker_apps : target.custom?.docker_compose_apps;
  const entries = isRecord(map) ? Object.entries(map) : [];
  return new Map(
    entries.map(([app, entry]) => [
      app,
      isOld ? readDockerApp(file, app, { entry, contents }) : readComposeApp(app, entry, { client, contents }),
    ]),
  );
}

function readDockerApp(
  file: TargetsFile,
  app: string,
  { entry, contents }: { readonly entry: unknown; readonly contents: Contents },
): Entry {
  const filename = isRecord(entry) ? entry.filename : undefined;
  if (typeof filename !== 'string') return { state: 'skipped', why: 'its entry has no filename' };
  const target = file.targets.get(filename);
  if (target === undefined || isOstree(target)) return { state: 'skipped', why: 'its file target is not there' };
  const read = contents.packages.get(packageKey(app, filename));
  if (read !== undefined && 'problem' in read) return { state: 'refused', why: read.problem };
  return {
    state: 'app',
    id: readSha256(target) ?? filename,
    ...(read === undefined ? {} : { content: read.content }),
  };
}

function readComposeApp(
  app: string,
  entry: unknown,
  { client, contents }: { readonly client: Client; readonly contents: Contents },
): Entry {
  const written = isRecord(entry) ? entry.uri : undefined;
  if (typeof written !== 'string') return { state: client.is2020 ? 'skipped' : 'refused', why: 'its entry has no uri' };
  // Devices lower the digest.
  const uri = written.replace(/@sha256:[0-9a-fA-F]{64}$/, (digest) => digest.toLowerCase());
  const named = readAppUri(uri);
  if (named === undefined) return { state: 'refused', why: 'its uri is not host/factory/app@digest' };
  if (!client.is2020 && named.app !== app) return { state: 'skipped', why: `its uri is that of ${named.app}` };
  const read = contents.bundles.get(written);
  if (read === undefined) return { state: 'app', id: uri };
  if ('problem' in read) return { state: 'refused', why: read.problem };
  const { content, manifestBytes = 0 } = read;
  if (manifestBytes > client.manifestLimit)
    return { state: 'refused', why: `its manifest has ${manifestBytes} bytes, more than ${client.manifestLimit}` };
  return { state: 'app', id: uri, content };
}
