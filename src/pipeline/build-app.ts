import { appTag } from '../bundle/assemble-bundle.ts';
import { diffCompose } from '../convert/diff.ts';
import { buildPublishedPackage, isStrictSingleFile, type PublishedPackage } from '../dockerapp/published.ts';
import { toRebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { digestOf, isDigest } from '../lib/digest.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { comparePlatforms, formatPlatform, normalizePlatform, parsePlatform } from '../lib/platform.ts';
import { formatReference, isRepositoryComponent, pinReference } from '../lib/reference.ts';
import type { AppBundle, AppPackage, BundleFile, ComposeApp, Diagnostic, ImageResolution } from '../model/app.ts';
import type { Digest, Platform } from '../model/oci.ts';
import { type Drift, RULES_VERSION, type ServicePin } from '../model/plan.ts';
import { buildBundle } from './build-bundle.ts';
import { maskFindings } from './convert.ts';
import type { ImageResolver, KeptPin } from './image-resolver.ts';
import type { AppPins, ReadPins } from './kept-pins.ts';
import { type ConvertedApp, hasErrors, type MigrationContext, type MigrationRequest } from './migration.ts';
import { findPlace, type PublishPlace } from './publish.ts';
import { applyTagRule, type RuledImage } from './tag-rule.ts';

/** An app with all that publishing and the plan need; `bundle` is there where nothing is wrong. */
export interface BuiltApp {
  readonly converted: ConvertedApp;
  readonly images: readonly ServicePin[];
  readonly resolutions: readonly ImageResolution[];
  readonly platforms: readonly Platform[];
  readonly inputs?: Digest;
  readonly bundle?: AppBundle;
  /** Where the bundle is, or will be, in the destination. */
  readonly place?: PublishPlace;
  /** The `.dockerapp` for devices of the old style; undefined where they get none. */
  readonly dockerApp?: Uint8Array;
  readonly diff?: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** What images are pinned to. */
export interface Pinning {
  readonly resolver: ImageResolver;
  readonly readPins: ReadPins;
}

/** Pins the images of a converted app and computes its bundle. What is wrong with the app becomes a finding. */
export async function buildApp(
  converted: ConvertedApp,
  request: MigrationRequest,
  context: MigrationContext,
  pinning: Pinning,
): Promise<BuiltApp> {
  const { app, pkg, diagnostics } = converted;
  const diff = app === undefined ? undefined : diffCompose(app);
  const base = {
    converted,
    images: [],
    resolutions: [],
    platforms: [],
    ...(diff === undefined ? {} : { diff }),
  };
  if (app === undefined || pkg === undefined || hasErrors(diagnostics)) return { ...base, diagnostics };
  try {
    const built = await pinAndBundle(converted, app, pkg, request, context, pinning);
    return { ...base, ...built, diagnostics: maskFindings(app, [...diagnostics, ...built.diagnostics]) };
  } catch (thrown) {
    const error = toRebundleError(thrown);
    if (error.code === 'CANCELLED') throw error;
    return { ...base, diagnostics: maskFindings(app, [...diagnostics, errorFinding(error)]) };
  }
}

async function pinAndBundle(
  converted: ConvertedApp,
  app: ComposeApp,
  pkg: AppPackage,
  request: MigrationRequest,
  context: MigrationContext,
  { resolver, readPins }: Pinning,
): Promise<Omit<BuiltApp, 'converted'>> {
  const { name, origin } = converted;
  const { config } = request;
  const { registry = '', factory = '' } = config;
  context.emit({ type: 'app:stage', app: name, origin, stage: 'pin' });
  if (!isRepositoryComponent(name)) {
    return failed([
      finding(
        'APP_NAME_INVALID',
        `'${name}' cannot be a repository name, which the app key has to be: lower case, digits and single . _ -`,
      ),
    ]);
  }
  const tag = config.images.tag ?? origin.commit?.slice(0, 7);
  const ruled = app.services.map((image) =>
    applyTagRule(image, { registry, factory, tag, exempt: config.images.exempt }),
  );
  if (config.publish.tag === 'app-{tag}' && tag === undefined) {
    return failed([finding('IMAGE_TAG_UNKNOWN', 'publish.tag app-{tag} needs the release tag, which is not known')]);
  }
  const images = ruled.filter((result): result is RuledImage => 'reference' in result);
  if (images.length < ruled.length) return failed(ruled.filter((result): result is Diagnostic => 'code' in result));

  const resolved = await resolveImages(images, app, await readPins(name), resolver);
  if ('errors' in resolved) return failed(resolved.errors);
  const pins: ServicePin[] = images.map(({ service, written, reference }) => {
    const text = formatReference(reference);
    const drift = resolved.drifts.get(text);
    return {
      service,
      written,
      reference: text,
      pinned: resolved.byReference.get(text)?.pinned ?? '',
      ...(drift === undefined ? {} : { drift }),
    };
  });
  const pinOf = new Map(pins.map((pin) => [pin.service, pin.pinned]));
  const resolutions = [...resolved.byReference.values()];
  const common = commonPlatforms(resolutions, config.images.platforms);
  if (hasErrors(common.diagnostics)) return { ...failed(common.diagnostics), images: pins, resolutions };

  context.emit({ type: 'app:stage', app: name, origin, stage: 'bundle' });
  const pinning = { images: pinOf, pins: foreignPins(images, resolved.byReference), config };
  const { bundle, files, version, diagnostics } = await buildBundle(converted, app, pinning);
  const released = images.filter((image) => image.released);
  const releasedPins = new Map(released.map(({ service }) => [service, pinOf.get(service) ?? '']));
  const oldStyle: OldStyle =
    pkg.kind === 'compose'
      ? { diagnostics: [finding('targets.compose-only', `'${name}' is a compose folder and gets no new docker_apps entry`)] }
      : publishOldStyle(converted, buildPublishedPackage(pkg, releasedPins), request, version);
  const bundleTag = config.publish.tag === 'app-{tag}' ? `app-${tag}` : appTag(bundle.manifest.digest);
  const place = await findPlace(bundle, bundleTag, context);
  const taken =
    place.isSubstitute && !place.published
      ? [finding('publish.tag-taken', `the tag ${bundleTag} names another bundle; this one gets the tag ${place.tag}`)]
      : [];
  return {
    images: pins,
    resolutions,
    platforms: common.platforms,
    inputs: digestInputs(pkg, files, app, pins, request),
    bundle,
    place,
    ...(oldStyle.bytes === undefined ? {} : { dockerApp: oldStyle.bytes }),
    diagnostics: [...resolved.warnings, ...common.diagnostics, ...diagnostics, ...oldStyle.diagnostics, ...taken],
  };
}

function failed(diagnostics: readonly Diagnostic[]): Omit<BuiltApp, 'converted'> {
  return { images: [], resolutions: [], platforms: [], diagnostics };
}

async function resolveImages(
  images: readonly RuledImage[],
  app: ComposeApp,
  kept: AppPins,
  resolver: ImageResolver,
): Promise<
  | {
      readonly byReference: Map<string, ImageResolution>;
      readonly drifts: Map<string, Drift>;
      readonly warnings: Diagnostic[];
    }
  | { readonly errors: Diagnostic[] }
> {
  const byReference = new Map<string, ImageResolution>();
  const drifts = new Map<string, Drift>();
  const errors: Diagnostic[] = [];
  const warnings: Diagnostic[] = [...kept.diagnostics];
  const distinct = new Map(images.map((image) => [formatReference(image.reference), image]));
  const settled = await Promise.allSettled(
    [...distinct.values()].map((image) => resolver.resolve(image.reference, keptPin(image, kept))),
  );
  for (const [i, [text, image]] of [...distinct].entries()) {
    const result = settled[i]!;
    if (result.status === 'fulfilled') {
      byReference.set(text, result.value.image);
      if (result.value.drift !== undefined) drifts.set(text, result.value.drift);
      warnings.push(...result.value.diagnostics);
      continue;
    }
    const error = toRebundleError(result.reason);
    if (error.code === 'CANCELLED') throw error;
    const location = app.services.find(({ service }) => service === image.service)?.location;
    errors.push(
      finding(error.code, `services.${image.service}.image: ${error.message}`, {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        ...(location === undefined ? {} : { location }),
      }),
    );
  }
  return errors.length > 0 ? { errors } : { byReference, drifts, warnings };
}

/** A plan fixes every image; a published bundle those outside the tag rule, and a digest of the source always wins. */
function keptPin({ reference, covered }: RuledImage, { from, pins }: AppPins): KeptPin | undefined {
  const pinned = pins.get(formatReference(reference));
  if (pinned === undefined || (from === 'published' && (covered || reference.digest !== undefined))) return undefined;
  const digest = pinned.slice(pinned.indexOf('@') + 1);
  // What a registry says may not lead to another image.
  const isOfImage = isDigest(digest) && pinned === formatReference(pinReference(reference, digest));
  return isOfImage ? { pinned, from } : undefined;
}

/** The platforms that every image has, of the wanted ones where some are configured. */
function commonPlatforms(
  resolutions: readonly ImageResolution[],
  wanted: readonly string[],
): { readonly platforms: Platform[]; readonly diagnostics: Diagnostic[] } {
  const short = wanted
    .flatMap((text) => parsePlatform(text) ?? [])
    .map((platform) => formatPlatform(normalizePlatform(platform)));
  const diagnostics: Diagnostic[] = [];
  const sets = resolutions.map(({ reference, platforms }) => {
    const names = new Set(platforms.map(formatPlatform));
    const missing = short.filter((platform) => !names.has(platform));
    if (missing.length > 0)
      diagnostics.push(finding('image.platform-missing', `${reference} has no ${missing.join(', ')}`));
    return names;
  });
  const platforms = (resolutions[0]?.platforms ?? [])
    .filter((platform) => sets.every((set) => set.has(formatPlatform(platform))))
    .filter((platform) => short.length === 0 || short.includes(formatPlatform(platform)))
    .sort(comparePlatforms);
  if (platforms.length === 0) {
    const each = resolutions
      .map((image) => `${image.reference} (${image.platforms.map(formatPlatform).join(', ') || 'none'})`)
      .join('; ');
    const within = short.length === 0 ? '' : ` among ${short.join(', ')}`;
    diagnostics.push(finding('IMAGE_PLATFORMS', `the images have no platform in common${within}: ${each}`));
  }
  return { platforms, diagnostics };
}

/** What the pins of the published file remember: references that another run is not to resolve anew. */
function foreignPins(
  images: readonly RuledImage[],
  byReference: ReadonlyMap<string, ImageResolution>,
): { reference: string; pinned: string }[] {
  const pins = new Map<string, string>();
  for (const { reference, covered } of images) {
    const text = formatReference(reference);
    if (!covered) pins.set(text, byReference.get(text)?.pinned ?? '');
  }
  return [...pins]
    .map(([reference, pinned]) => ({ reference, pinned }))
    .sort((a, b) => compareText(a.reference, b.reference));
}

interface OldStyle {
  readonly bytes?: Uint8Array;
  readonly diagnostics: Diagnostic[];
}

/** The file for devices of the old style, or the finding that says why they can have none. */
function publishOldStyle(
  converted: ConvertedApp,
  { bytes, undefinedNames }: PublishedPackage,
  request: MigrationRequest,
  version: string | undefined,
): OldStyle {
  const { targets } = request.config;
  if (targets === undefined) return { diagnostics: [] };
  if (targets.composeOnly.includes(converted.name)) {
    return { diagnostics: [finding('targets.compose-only', `'${converted.name}' gets no new docker_apps entry`)] };
  }
  const problems: string[] = [];
  if (version === '3.8') problems.push('docker-app before 0.8 refuses compose version 3.8');
  if (converted.readsFiles)
    problems.push('a service mounts or reads a file, and only the package itself reaches those devices');
  if (!isStrictSingleFile(bytes)) problems.push('docker-app splits only at lines that are exactly ---');
  if (undefinedNames.length > 0) problems.push(`the package itself has no value for ${undefinedNames.join(', ')}`);
  for (const diagnostic of converted.diagnostics)
    if (diagnostic.code === 'metadata.invalid') problems.push(diagnostic.message);
  if (problems.length === 0) return { bytes, diagnostics: [] };
  return {
    diagnostics: problems.map((problem) =>
      finding('DOCKER_APP_FORM', `devices of the old style cannot run '${converted.name}': ${problem}`),
    ),
  };
}

/** Everything that shapes the bytes of an app: equal inputs give equal bytes. */
function digestInputs(
  pkg: AppPackage,
  files: readonly BundleFile[],
  app: ComposeApp,
  pins: readonly ServicePin[],
  request: MigrationRequest,
): Digest {
  const { config } = request;
  return digestOf(
    canonicalJson({
      rules: RULES_VERSION,
      name: pkg.name,
      documents: [pkg.metadata.text, pkg.compose.text, pkg.parameters.text].map(digestOf),
      compose: digestOf(app.composeText),
      files: files.map(({ path, digest, executable }) => [path, digest, executable]),
      pins: pins.map(({ service, written, pinned }) => [service, written, pinned]),
      place: [config.registry, config.factory],
      dockerCompose: config.bundle.dockerCompose,
    }),
  );
}
