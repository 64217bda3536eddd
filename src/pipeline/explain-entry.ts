import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { readComposeFile } from '../compose/compose-file.ts';
import { convertApp } from '../convert/convert-app.ts';
import { checkManifest } from '../device/check-manifest.ts';
import { splitPackage } from '../dockerapp/split.ts';
import { toRebundleError } from '../errors.ts';
import { readAll } from '../lib/bytes.ts';
import { isDigest } from '../lib/digest.ts';
import { type Digest, MEDIA_TYPES } from '../model/oci.ts';
import { FIRST_RULES_VERSION, type MigrationPlan, RULES_VERSION } from '../model/plan.ts';
import type { EntryChange } from '../targets/device-steps.ts';
import { hasContent } from '../targets/file-targets.ts';
import type { TargetsFile } from '../targets/targets-file.ts';
import type { BuiltApp } from './build-app.ts';
import { type Explanation, settleCauses, UNKNOWN } from './causes.ts';
import { compareBundle, type Evidence, type FormerBundle, pinLike } from './compare-bundle.ts';
import { compareDockerApp, isSamePackage } from './compare-docker-app.ts';
import { conversionOptions, semanticsOf } from './convert.ts';
import type { FormerApps } from './former-apps.ts';
import { callOptions, hasErrors, type MigrationContext, type MigrationRequest } from './migration.ts';
import { type Outline, outlineApp, outlineCompose, outlineDockerApp } from './outline.ts';
import { bundleRegistry, type PublishedBundle } from './published-bundle.ts';
import { digestShape } from './shape.ts';

export interface ExplainInput {
  /** By name. */
  readonly apps: ReadonlyMap<string, BuiltApp>;
  readonly file: TargetsFile | undefined;
  readonly former: FormerApps;
  readonly recorded: Recorded;
  readonly request: MigrationRequest;
  readonly context: MigrationContext;
}

/** What the plan of an earlier run tells of bundles that it published. */
export interface Recorded {
  readonly references: ReadonlySet<string>;
  /** True where the options that shape bundles were those of today. */
  readonly sameOptions: boolean;
}

export function readRecorded(earlier: MigrationPlan | undefined, request: MigrationRequest): Recorded {
  if (earlier?.state !== 'done') return { references: new Set(), sameOptions: false };
  return {
    references: new Set(earlier.apps.flatMap(({ reference }) => reference ?? [])),
    sameOptions: earlier.shape === digestShape(request),
  };
}

type Replaced = EntryChange & { readonly before: string; readonly after: string };

/** Why a target names another bundle of an app. Throws what reading the former one throws. */
export async function explainBundle(change: Replaced, input: ExplainInput): Promise<Explanation> {
  const app = ownApp(change, input);
  const { bundle } = app ?? {};
  // Entries that are not ours stay as some target has them.
  if (app === undefined || bundle === undefined || bundle.reference !== change.after)
    return settleCauses([['targets']]);
  if (change.before.endsWith(digestPart(bundle.reference))) return settleCauses([['option']]);
  const published = await input.former.readBundle(change.before);
  if (published === undefined) return UNKNOWN;
  const former = { ...published, files: await readIndex(published, input) };
  const outline = await outlineOf(app);
  const details = app.details.read();
  const { registry = '', factory = '', images } = input.request.config;
  const compare = (evidence: Evidence): Explanation =>
    compareBundle({
      former,
      bundle: { archive: details.bundle, files: details.files },
      hasComposeLayers: outline.hasComposeLayers,
      outline: outline.compose,
      images: details.images,
      isCovered: (name) => name.startsWith(`${registry}/${factory}/`) && !images.exempt.includes(name),
      isFolder: app.kind === 'compose',
      evidence,
    });
  const known = recall(change, input);
  const told = compare(known);
  if (!told.unclear.includes('source') || !told.unclear.includes('option')) return told;
  const pkg = await comparePackage({ change, app, former, outline }, input);
  return pkg === undefined ? told : compare({ ...known, pkg });
}

/** Why a target names another `.dockerapp`. Throws what reading the former one throws. */
export async function explainDockerApp(change: Replaced, input: ExplainInput): Promise<Explanation> {
  const app = ownApp(change, input);
  const now = app?.dockerApp === undefined ? undefined : (await outlineOf(app)).dockerApp;
  if (app === undefined || now === undefined) return settleCauses([['targets']]);
  const bytes = await input.former.readFile(change.before);
  if (bytes === undefined) return UNKNOWN;
  const { images } = app.details.read();
  const former = outlineDockerApp(bytes, placeOf(input), images);
  return compareDockerApp({ former, now, images, isDual: change.partner !== undefined });
}

function digestPart(reference: string): string {
  return reference.slice(reference.indexOf('@'));
}

function ownApp({ app }: EntryChange, { apps }: ExplainInput): BuiltApp | undefined {
  const found = apps.get(app);
  return found === undefined || hasErrors(found.diagnostics) ? undefined : found;
}

function placeOf({ request: { config } }: ExplainInput): string {
  return `${config.registry}/${config.factory}/`;
}

/** Where many apps change, their bytes are not made again for this. */
async function outlineOf(app: BuiltApp): Promise<Outline> {
  if (app.outline !== undefined || app.open === undefined) return app.outline ?? NO_OUTLINE;
  return outlineApp(await app.open(), app.details.read().images);
}

const NO_OUTLINE: Outline = { compose: 'sha256:', hasComposeLayers: false };

/** What an earlier run recorded of the very bundle. */
function recall({ before }: Replaced, { recorded }: ExplainInput): Evidence {
  const isRecorded = recorded.references.has(before);
  return {
    sameRules: isRecorded,
    sameOptions: isRecorded && recorded.sameOptions,
    onlyRules: RULES_VERSION === FIRST_RULES_VERSION,
  };
}

/** Digests by path; undefined where the bundle has no index that can be read. */
async function readIndex(
  { name, manifest: bytes }: PublishedBundle,
  { context, request }: ExplainInput,
): Promise<FormerBundle['files']> {
  const { manifest } = checkManifest(bytes, MEDIA_TYPES.ociManifest);
  if (manifest?.index === undefined) return undefined;
  try {
    const registry = bundleRegistry(name.registry, request.config.registry, context);
    const text = await readAll(
      registry.getBlob(name, manifest.index, callOptions(context)),
      manifest.index.size,
      'the file index',
    );
    const rows = Object.entries(JSON.parse(text.toString('utf8')));
    return rows.every((row): row is [string, Digest] => typeof row[1] === 'string' && isDigest(row[1]))
      ? new Map(rows)
      : undefined;
  } catch (thrown) {
    if (toRebundleError(thrown).code === 'CANCELLED') throw thrown;
    return undefined;
  }
}

/**
 * What the former `.dockerapp` tells of a change of the compose file: `same` where it is the package of today, `same-text` where it
 * gives the text of today but for images, `only-cause` where today's options make of it the very text that is published. Undefined where it tells neither.
 */
async function comparePackage(
  {
    change,
    app,
    former,
    outline,
  }: {
    readonly change: Replaced;
    readonly app: BuiltApp;
    readonly former: FormerBundle;
    readonly outline: Outline;
  },
  input: ExplainInput,
): Promise<Evidence['pkg']> {
  const { partner: fileName } = change;
  if (fileName === undefined || app.dockerApp === undefined || outline.dockerApp === undefined) return undefined;
  if (hasContent(input.file?.targets.get(fileName), app.dockerApp)) return 'same';
  const bytes = await input.former.readFile(fileName);
  if (bytes === undefined) return undefined;
  const { images } = app.details.read();
  const was = outlineDockerApp(bytes, placeOf(input), images);
  if (isSamePackage(was, outline.dockerApp, images)) return 'same';
  const text = await convertLike(bytes, app, former, input);
  if (text === undefined || text === former.compose) return text === undefined ? undefined : 'only-cause';
  const pinned = images.map((image) => image.pinned);
  return outlineCompose(text, pinned) === outline.compose ? 'same-text' : undefined;
}

/** The former package as it would be published today, with the pins and files of then. */
async function convertLike(
  bytes: Buffer,
  { name, origin }: BuiltApp,
  former: FormerBundle,
  { request }: ExplainInput,
): Promise<string | undefined> {
  try {
    const location = { name, path: `${name}.dockerapp`, kind: 'single-file', selected: true } as const;
    const semantics = semanticsOf(name, request);
    const pkg = await splitPackage({ location, origin, files: [], semantics, read: async () => bytes });
    const { app } = await convertApp(pkg, conversionOptions(name, request));
    const file = readComposeFile({ text: app.composeText, path: COMPOSE_FILE, line: 1 }, { origin: 'docker-app' });
    return hasErrors(app.diagnostics) ? undefined : pinLike(file, former);
  } catch {
    return undefined;
  }
}
