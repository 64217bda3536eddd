import { toRebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { isDigest } from '../lib/digest.ts';
import { finding } from '../lib/finding.ts';
import { comparePlatforms, formatPlatform, normalizePlatform, parsePlatform } from '../lib/platform.ts';
import { formatReference, isRepositoryComponent, pinReference } from '../lib/reference.ts';
import type { ComposeApp, Diagnostic, ImageResolution, SourceOrigin } from '../model/app.ts';
import type { Platform } from '../model/oci.ts';
import type { Drift, ServicePin } from '../model/plan.ts';
import type { ImageResolver, KeptPin } from './image-resolver.ts';
import type { AppPins, ReadPins } from './kept-pins.ts';
import { type ConvertedApp, hasErrors, type MigrationContext, type MigrationRequest } from './migration.ts';
import { applyTagRule, type RuledImage } from './tag-rule.ts';

/** What images are pinned to. */
export interface Pinning {
  readonly resolver: ImageResolver;
  readonly readPins: ReadPins;
}

/** What the bytes of an app are made of besides its package. */
export interface BytePins {
  /** Pin by service. */
  readonly images: ReadonlyMap<string, string>;
  /** The same for services whose image the published `.dockerapp` has to name by digest. */
  readonly released: ReadonlyMap<string, string>;
  /** What the published file remembers. */
  readonly foreign: readonly { readonly reference: string; readonly pinned: string }[];
  readonly tag: string | undefined;
}

/** What was found out about the images of an app. */
interface FoundImages {
  readonly images: readonly ServicePin[];
  readonly resolutions: readonly ImageResolution[];
  readonly platforms: readonly Platform[];
}

/** Resolves the images of an app; `pins` are there where nothing is wrong with them. */
export async function pinApp(
  converted: ConvertedApp,
  app: ComposeApp,
  request: MigrationRequest,
  context: MigrationContext,
  { resolver, readPins }: Pinning,
): Promise<{ readonly found: FoundImages; readonly pins?: BytePins; readonly diagnostics: readonly Diagnostic[] }> {
  const { name, origin } = converted;
  const { config } = request;
  context.emit({ type: 'app:stage', app: name, origin, stage: 'pin' });
  if (!isRepositoryComponent(name)) {
    return failed([
      finding(
        'APP_NAME_INVALID',
        `'${name}' cannot be a repository name, which the app key has to be: lower case, digits and single . _ -`,
      ),
    ]);
  }
  const { tag, ruled } = ruleImages(app.services, request, origin);
  if (config.publish.tag === 'app-{tag}' && tag === undefined) {
    return failed([finding('IMAGE_TAG_UNKNOWN', 'publish.tag app-{tag} needs the release tag, which is not known')]);
  }
  const images = ruled.filter((result): result is RuledImage => 'reference' in result);
  if (images.length < ruled.length) return failed(ruled.filter((result): result is Diagnostic => 'code' in result));

  const resolved = await resolveImages(images, app, await readPins(name), resolver);
  if ('errors' in resolved) return failed(resolved.errors);
  const pins: ServicePin[] = images.map(({ service, written, reference, covered }) => {
    const text = formatReference(reference);
    const drift = resolved.drifts.get(text);
    return {
      service,
      written,
      reference: text,
      pinned: resolved.byReference.get(text)?.pinned ?? '',
      ...(covered ? { covered } : {}),
      ...(drift === undefined ? {} : { drift }),
    };
  });
  const resolutions = [...resolved.byReference.values()];
  const common = commonPlatforms(resolutions, config.images.platforms);
  const found = { images: pins, resolutions, platforms: common.platforms };
  const diagnostics = [...resolved.warnings, ...common.diagnostics];
  if (hasErrors(common.diagnostics)) return { found: { ...found, platforms: [] }, diagnostics };
  return { found, pins: toBytePins(images, pins, tag), diagnostics };
}

/** Release tag of a package: the configured one, else the commit that it was read at. */
export function releaseTag({ config }: MigrationRequest, { commit }: SourceOrigin): string | undefined {
  return config.images.tag ?? commit?.slice(0, 7);
}

function ruleImages(services: ComposeApp['services'], request: MigrationRequest, origin: SourceOrigin) {
  const { registry = '', factory = '', images } = request.config;
  const tag = releaseTag(request, origin);
  const ruled = services.map((image) => applyTagRule(image, { registry, factory, tag, exempt: images.exempt }));
  return { tag, ruled };
}

/** What `pinApp` gave for an app, from the pins that are known of it. */
export function repeatPins(
  app: ComposeApp | undefined,
  pins: readonly ServicePin[],
  request: MigrationRequest,
  origin: SourceOrigin,
): BytePins {
  const { tag, ruled } = ruleImages(app?.services ?? [], request, origin);
  return toBytePins(
    ruled.filter((result): result is RuledImage => 'reference' in result),
    pins,
    tag,
  );
}

function toBytePins(images: readonly RuledImage[], pins: readonly ServicePin[], tag: string | undefined): BytePins {
  const pinOf = new Map(pins.map(({ service, pinned }) => [service, pinned]));
  const released = images.filter((image) => image.released);
  return {
    images: pinOf,
    released: new Map(released.map(({ service }) => [service, pinOf.get(service) ?? ''])),
    foreign: foreignPins(images, new Map(pins.map(({ reference, pinned }) => [reference, pinned]))),
    tag,
  };
}

function failed(diagnostics: readonly Diagnostic[]) {
  return { found: { images: [], resolutions: [], platforms: [] }, diagnostics };
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
    [...distinct.values()].map(async (image) => resolver.resolve(image.reference, keptPin(image, kept))),
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
export function keptPin(
  { reference, covered }: Pick<RuledImage, 'reference' | 'covered'>,
  { from, pins, locked }: AppPins,
): KeptPin | undefined {
  const isFree = from === 'published' && (covered || reference.digest !== undefined);
  const pinned = (isFree ? undefined : pins.get(formatReference(reference))) ?? locked?.(reference);
  if (pinned === undefined) return undefined;
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
  pinOf: ReadonlyMap<string, string>,
): { reference: string; pinned: string }[] {
  const pins = new Map<string, string>();
  for (const { reference, covered } of images) {
    const text = formatReference(reference);
    if (!covered) pins.set(text, pinOf.get(text) ?? '');
  }
  return [...pins]
    .map(([reference, pinned]) => ({ reference, pinned }))
    .sort((a, b) => compareText(a.reference, b.reference));
}
