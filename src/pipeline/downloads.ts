import { readComposeFile } from '../compose/compose-file.ts';
import { listServiceImages } from '../compose/images.ts';
import { rewriteCompose } from '../convert/rewrite.ts';
import { splitPackage } from '../dockerapp/split.ts';
import { toRebundleError } from '../errors.ts';
import { mapLimit } from '../lib/limit.ts';
import { formatPlatform } from '../lib/platform.ts';
import { parseReference } from '../lib/reference.ts';
import type { Digest, Reference } from '../model/oci.ts';
import type { Download, PlannedTarget } from '../model/plan.ts';
import type { TargetsFile } from '../targets/targets-file.ts';
import { listChangedApps } from './app-targets.ts';
import type { BuiltApp } from './build-app.ts';
import type { FormerApps } from './former-apps.ts';
import type { ImageContents } from './image-contents.ts';
import { hasErrors, type MigrationContext, type MigrationRequest } from './migration.ts';

/** What devices run of an app before they get the new bundle: images, as far as they are known. */
interface Former {
  readonly from: Download['from'];
  /** Undefined where the text of an image is not known. */
  readonly images: readonly (Reference | undefined)[];
}

/**
 * What devices download for each app that a run changes, per platform: the archive of the bundle, and the configs and layers of its images that
 * they lack, coming from nothing, from the `.dockerapp` and from the bundle of the target that is built upon. Only manifests are read, each once.
 * An app of which a registry or a former file tells too little has no forecast; nothing here fails a run.
 */
export async function forecastDownloads(input: {
  readonly apps: readonly BuiltApp[];
  readonly targets: readonly PlannedTarget[];
  readonly file: TargetsFile | undefined;
  readonly request: MigrationRequest;
  readonly context: MigrationContext;
  readonly contents: ImageContents;
  readonly former: FormerApps;
}): Promise<Map<string, readonly Download[]>> {
  const { context, contents } = input;
  const forecasts = new Map<string, readonly Download[]>();
  const named = listChangedApps(input.targets);
  const changed = input.apps.filter((app) => isChanged(app, named));
  await mapLimit(changed, context.limit, async (app) => {
    try {
      forecasts.set(app.name, await forecastApp(app, input, contents));
    } catch (thrown) {
      if (toRebundleError(thrown).code === 'CANCELLED') throw thrown;
    }
  });
  return forecasts;
}

/** Begins to read what the forecast of a new bundle needs, so that it is there by the time all apps are built. Tells of no failure: the forecast meets it again. */
export function readAhead(app: BuiltApp, contents: ImageContents): void {
  if (app.place?.published !== false || hasErrors(app.diagnostics)) return;
  const images = app.resolutions.map(({ pinned }) => parseReference(pinned));
  for (const platform of app.details.read().platforms.map(formatPlatform))
    readAll(images, platform, contents).catch(() => {});
}

function isChanged({ name, bundle, place, diagnostics }: BuiltApp, named: ReadonlySet<string>): boolean {
  if (bundle === undefined || hasErrors(diagnostics)) return false;
  return named.has(name) || place?.published !== true;
}

async function forecastApp(
  app: BuiltApp,
  input: Parameters<typeof forecastDownloads>[0],
  contents: ImageContents,
): Promise<Download[]> {
  const images = app.resolutions.map(({ pinned }) => parseReference(pinned));
  const formers: Former[] = [{ from: 'nothing', images: [] }, ...(await listFormers(app, input))];
  const downloads: Download[] = [];
  for (const platform of app.details.read().platforms.map(formatPlatform)) {
    const wanted = await readAll(images, platform, contents);
    if (wanted.unknown > 0) continue;
    for (const { from, images: there } of formers) {
      const had = await readAll(there, platform, contents);
      const blobs = [...wanted.blobs].filter(([digest]) => !had.blobs.has(digest));
      const bytes = blobs.reduce((sum, [, size]) => sum + size, isHad(app, from, input) ? 0 : (app.bundle?.size ?? 0));
      downloads.push({ platform, from, bytes, ...(had.unknown > 0 ? { unknownImages: had.unknown } : {}) });
    }
  }
  return downloads;
}

/** True where the former bundle is the new one. */
function isHad(app: BuiltApp, from: Download['from'], input: Parameters<typeof forecastDownloads>[0]): boolean {
  const uri = from === 'bundle' ? entryOf(app, input, 'docker_compose_apps')?.uri : undefined;
  return app.bundle !== undefined && uri === app.bundle.reference;
}

async function readAll(
  images: readonly (Reference | undefined)[],
  platform: string,
  contents: ImageContents,
): Promise<{ readonly blobs: Map<Digest, number>; readonly unknown: number }> {
  const found = await Promise.all(
    images.map((image) => (image === undefined ? undefined : contents.read(image, platform))),
  );
  return {
    blobs: new Map(found.flatMap((blobs) => [...(blobs ?? [])])),
    unknown: found.filter((blobs) => blobs === undefined).length,
  };
}

async function listFormers(app: BuiltApp, input: Parameters<typeof forecastDownloads>[0]): Promise<Former[]> {
  const dockerApp = await readFormerPackage(app, input);
  const bundle = await readFormerBundle(app, input);
  return [
    ...(dockerApp === undefined ? [] : [{ from: 'docker-app' as const, images: dockerApp }]),
    ...(bundle === undefined ? [] : [{ from: 'bundle' as const, images: bundle }]),
  ];
}

/** The entry of an app in the first target that a planned one is built upon and that has the app. */
function entryOf(
  { name }: BuiltApp,
  { targets, file }: Parameters<typeof forecastDownloads>[0],
  map: 'docker_apps' | 'docker_compose_apps',
): { readonly filename?: unknown; readonly uri?: unknown } | undefined {
  for (const { parent } of targets) {
    const entry = file?.targets.get(parent ?? '')?.custom?.[map]?.[name];
    if (entry !== undefined && entry !== null && typeof entry === 'object') return entry;
  }
  return undefined;
}

/** The images of the `.dockerapp` that devices of the old style run; undefined where there is none or its bytes are not to be had. */
async function readFormerPackage(
  app: BuiltApp,
  input: Parameters<typeof forecastDownloads>[0],
): Promise<Former['images'] | undefined> {
  const filename = entryOf(app, input, 'docker_apps')?.filename;
  if (typeof filename !== 'string') return undefined;
  const sha256 = input.file?.targets.get(filename)?.hashes.sha256;
  const isCurrent = app.dockerApp?.sha256 === sha256;
  if (isCurrent) return app.resolutions.map(({ pinned }) => parseReference(pinned));
  const bytes = await input.former.readFile(filename);
  if (bytes === undefined) return undefined;
  const { name, origin } = app;
  const location = { name, path: filename, kind: 'single-file', selected: true } as const;
  const pkg = await splitPackage({ location, origin, files: [], read: async () => bytes });
  const { config } = input.request;
  const interpolation = config.apps.interpolation.get(name) ?? config.interpolation;
  const { services } = rewriteCompose(pkg, {
    interpolation,
    parameterFiles: [],
    settings: [],
    deviceSeverity: 'warning',
  });
  return services.map(({ image }) => readReference(image));
}

/** The images of the bundle that devices of the new style run. */
async function readFormerBundle(
  app: BuiltApp,
  input: Parameters<typeof forecastDownloads>[0],
): Promise<Former['images'] | undefined> {
  const uri = entryOf(app, input, 'docker_compose_apps')?.uri;
  const text = typeof uri === 'string' ? (await input.former.readBundle(uri))?.compose : undefined;
  if (typeof uri !== 'string' || text === undefined) return undefined;
  const file = readComposeFile({ text, path: uri, line: 1 }, { origin: 'compose' });
  return listServiceImages(file).map(({ image }) => readReference(image));
}

function readReference(image: string | undefined): Reference | undefined {
  try {
    return image === undefined || image.includes('$') ? undefined : parseReference(image);
  } catch {
    return undefined;
  }
}
