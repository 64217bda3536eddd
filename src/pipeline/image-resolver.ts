import picomatch from 'picomatch';
import { RebundleError } from '../errors.ts';
import { compareText, readAll } from '../lib/bytes.ts';
import { isDigest } from '../lib/digest.ts';
import { finding } from '../lib/finding.ts';
import { SingleFlight } from '../lib/limit.ts';
import { comparePlatforms, formatPlatform, normalizePlatform } from '../lib/platform.ts';
import { formatReference, pinReference, repositoryOf } from '../lib/reference.ts';
import type { Diagnostic, ImageResolution } from '../model/app.ts';
import { type Descriptor, MEDIA_TYPES, type Platform, type Reference } from '../model/oci.ts';
import type { Drift } from '../model/plan.ts';
import { type CallOptions, MAX_MANIFEST_BYTES, type Registry } from '../registry/registry.ts';
import { callOptions, type ImageLock, type MigrationContext } from './migration.ts';

const INDEX_TYPES: readonly string[] = [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList];
const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest];

/** What an image is kept at: `from` says whether a plan fixed it, or the published bundle has it. */
export interface KeptPin {
  /** `registry/repository@sha256:...` */
  readonly pinned: string;
  readonly from: 'plan' | 'published';
}

interface ResolvedImage {
  readonly image: ImageResolution;
  readonly drift?: Drift;
  /** What is worth telling of it. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface ImageResolver {
  /** Digest and platforms of a reference; asked once per distinct reference, kept pin and run. */
  resolve(reference: Reference, kept?: KeptPin): Promise<ResolvedImage>;
}

export interface ResolverOptions {
  /** Resolutions of earlier plans: what they say of a digest stays true. */
  readonly known: readonly ImageResolution[];
  /** Globs on references whose pins give way to other layers. */
  readonly repin: readonly string[];
  /** Hosts of which no tag is asked for. */
  readonly lock?: Pick<ImageLock, 'name' | 'covers'> | undefined;
}

/**
 * Resolves references to the digest of their index, or of their manifest where there is no index. A kept pin stays although its tag moved, which is
 * told. Under a lock no tag is asked for, and no digest of which the platforms are known. Throws IMAGE_UNRESOLVED and IMAGE_MANIFEST.
 */
export function createImageResolver(context: MigrationContext, options: ResolverOptions): ImageResolver {
  const calls = new SingleFlight<string, ResolvedImage>();
  const heads = new SingleFlight<string, Descriptor | undefined>();
  const known = new Map(options.known.map((image) => [image.pinned, image]));
  const isRepinned = createNameMatch(options.repin);
  const asks = callOptions(context);
  return {
    resolve: (reference, kept) =>
      calls.get(`${formatReference(reference)} ${kept?.from} ${kept?.pinned}`, () => resolve(reference, kept)),
  };

  /** What the reference names now. */
  async function head(reference: Reference): Promise<Descriptor | undefined> {
    const text = formatReference(reference);
    return heads.get(text, async () => {
      const registry = context.imageRegistry(reference.registry);
      const wanted = reference.digest ?? reference.tag ?? 'latest';
      const found = await registry.headManifest(repositoryOf(reference), wanted, asks);
      if (found !== undefined) context.emit({ type: 'image:resolved', reference: text, digest: found.digest });
      return found;
    });
  }

  async function resolve(reference: Reference, kept: KeptPin | undefined): Promise<ResolvedImage> {
    const { lock } = options;
    if (lock?.covers(reference.registry)) return { image: await readLocked(reference, kept, lock), diagnostics: [] };
    const now = await head(reference);
    if (kept === undefined || now?.digest === digestIn(kept.pinned)) {
      if (now !== undefined) return { image: await describeNow(reference, now), diagnostics: [] };
      const hint =
        reference.digest === undefined
          ? 'Push the image, or correct the name or tag.'
          : 'The registry does not hold this digest any more.';
      throw new RebundleError('IMAGE_UNRESOLVED', `${formatReference(reference)} is not in the registry`, { hint });
    }
    return keep(reference, kept, now);
  }

  async function readLocked(
    reference: Reference,
    kept: KeptPin | undefined,
    { name }: Pick<ImageLock, 'name'>,
  ): Promise<ImageResolution> {
    const text = formatReference(reference);
    const digest = reference.digest ?? digestIn(kept?.pinned ?? '');
    if (digest === undefined || !isDigest(digest)) {
      throw new RebundleError('IMAGE_UNRESOLVED', `${text} is not in ${name}`, {
        hint: 'Make a plan that has it, or run without --frozen and --offline.',
      });
    }
    const before = known.get(formatReference(pinReference(reference, digest)));
    if (before !== undefined) return { ...before, reference: text };
    const found = await context.imageRegistry(reference.registry).getManifest(repositoryOf(reference), digest, asks);
    if (found !== undefined) return describe(reference, found.descriptor);
    throw new RebundleError('IMAGE_UNRESOLVED', `${text}: ${digest} is not in the registry`, {
      hint: 'The registry does not hold this digest any more.',
    });
  }

  /** The tag names another digest than the kept one, or nothing. */
  async function keep(reference: Reference, kept: KeptPin, now: Descriptor | undefined): Promise<ResolvedImage> {
    const text = formatReference(reference);
    const registry = context.imageRegistry(reference.registry);
    const held = await registry.headManifest(repositoryOf(reference), digestIn(kept.pinned) ?? '', asks);
    if (held === undefined) {
      if (kept.from === 'plan' || now === undefined) {
        throw new RebundleError('IMAGE_UNRESOLVED', `${text}: ${kept.pinned} is not in the registry`, {
          hint: 'The registry does not hold this digest any more.',
        });
      }
      const message = `${kept.pinned} of the published bundle is not in the registry any more; ${text} was resolved anew, to ${now.digest}`;
      return { image: await describeNow(reference, now), diagnostics: [finding('image.pin-lost', message)] };
    }
    const image = await describe(reference, held);
    if (kept.from === 'plan') {
      const message = `${text} names ${now?.digest} now; the planned ${kept.pinned} is kept`;
      return { image, diagnostics: now === undefined ? [] : [finding('image.tag-moved', message)] };
    }
    if (now === undefined) {
      const message = `${text} is not in the registry any more; ${kept.pinned} of the published bundle is kept`;
      return { image, drift: { kind: 'gone' }, diagnostics: [finding('image.drift', message)] };
    }
    const [before, after] = [await listParts(reference, held), await listParts(reference, now)];
    const changed = [...new Set([...before.keys(), ...after.keys()])]
      .filter((part) => before.get(part) !== after.get(part))
      .sort(compareText);
    // An index may be pushed anew with other annotations or attestations: devices would run the same.
    const drift = { digest: now.digest, kind: changed.length === 0 ? 'metadata' : 'layers' } as const;
    if (drift.kind === 'layers' && isRepinned(reference)) {
      const message = `${text} moved from ${kept.pinned} to ${now.digest}, as asked for`;
      return { image: await describeNow(reference, now), diagnostics: [finding('image.repinned', message)] };
    }
    const what = changed.length === 0 ? 'only its metadata differs' : `another image for ${changed.join(', ')}`;
    const message = `${text} names ${now.digest} now (${what}); ${kept.pinned} of the published bundle is kept`;
    return { image, drift, diagnostics: [finding('image.drift', message)] };
  }

  /** A tag may move between two requests, and a HEAD may name a digest that is not there: then the manifest itself, which is hashed here, decides. */
  async function describeNow(reference: Reference, now: Descriptor): Promise<ImageResolution> {
    try {
      return await describe(reference, now);
    } catch (error) {
      const isGone = error instanceof RebundleError && error.code === 'IMAGE_UNRESOLVED';
      if (!isGone || reference.digest !== undefined) throw error;
      const registry = context.imageRegistry(reference.registry);
      const found = await registry.getManifest(repositoryOf(reference), reference.tag ?? 'latest', asks);
      if (found === undefined || found.descriptor.digest === now.digest) throw error;
      return describe(reference, found.descriptor);
    }
  }

  async function describe(reference: Reference, descriptor: Descriptor): Promise<ImageResolution> {
    const text = formatReference(reference);
    const pinned = formatReference(pinReference(reference, descriptor.digest));
    const before = known.get(pinned);
    if (before !== undefined) return { ...before, reference: text };
    const registry = context.imageRegistry(reference.registry);
    const platforms = await readPlatforms(registry, reference, descriptor, text, asks);
    return { reference: text, pinned, mediaType: descriptor.mediaType, platforms };
  }

  /** What devices would run, by platform: the digest of its manifest. */
  async function listParts(reference: Reference, descriptor: Descriptor): Promise<Map<string, string>> {
    const registry = context.imageRegistry(reference.registry);
    if (!INDEX_TYPES.includes(descriptor.mediaType)) return new Map([['its platform', descriptor.digest]]);
    const found = await registry.getManifest(repositoryOf(reference), descriptor.digest, asks);
    const content = parseObject(found?.bytes ?? Buffer.from('{}'), formatReference(reference));
    const entries: unknown[] = Array.isArray(content.manifests) ? content.manifests : [];
    return new Map(
      entries.flatMap((entry) => {
        const platform = toPlatform(memberObject(entry, 'platform'));
        const digest = entry !== null && typeof entry === 'object' && 'digest' in entry ? String(entry.digest) : '';
        return platform === undefined ? [] : [[formatPlatform(platform), digest] as const];
      }),
    );
  }
}

function digestIn(pinned: string): string | undefined {
  return pinned.split('@')[1];
}

/** Matches a reference by its text with or without the tag; `*` matches any characters. */
function createNameMatch(globs: readonly string[]): (reference: Reference) => boolean {
  const isMatch = globs.length === 0 ? () => false : picomatch([...globs], { bash: true, dot: true });
  return (reference) => isMatch(formatReference(reference)) || isMatch(`${reference.registry}/${reference.repository}`);
}

/** The Linux platforms of an image; attestations and other systems do not count. Sorted, each once. */
async function readPlatforms(
  registry: Registry,
  reference: Reference,
  descriptor: Descriptor,
  text: string,
  options: CallOptions,
): Promise<Platform[]> {
  if (![...INDEX_TYPES, ...MANIFEST_TYPES].includes(descriptor.mediaType)) {
    throw new RebundleError('IMAGE_MANIFEST', `${text} has a manifest of type ${descriptor.mediaType}`, {
      hint: descriptor.mediaType.includes('v1+')
        ? 'Push the image again with a current tool: schema 1 is not supported.'
        : 'Name an image.',
    });
  }
  const manifest = await registry.getManifest(repositoryOf(reference), descriptor.digest, options);
  if (manifest === undefined)
    throw new RebundleError('IMAGE_UNRESOLVED', `${text}: its manifest ${descriptor.digest} is gone`);
  const content = parseObject(manifest.bytes, text);
  if (INDEX_TYPES.includes(descriptor.mediaType)) {
    const manifests = Array.isArray(content.manifests) ? content.manifests : [];
    return uniquePlatforms(manifests.map((entry: unknown) => toPlatform(memberObject(entry, 'platform'))));
  }
  const config = memberObject(content, 'config') as Partial<Descriptor>;
  if (
    config.digest === undefined ||
    !isDigest(config.digest) ||
    typeof config.size !== 'number' ||
    config.size > MAX_MANIFEST_BYTES
  ) {
    throw new RebundleError('IMAGE_MANIFEST', `${text}: its manifest has no usable config`);
  }
  const blob = registry.getBlob(
    repositoryOf(reference),
    { mediaType: String(config.mediaType), digest: config.digest, size: config.size },
    options,
  );
  return uniquePlatforms([
    toPlatform(parseObject(await readAll(blob, MAX_MANIFEST_BYTES, `the config of ${text}`), text)),
  ]);
}

function parseObject(bytes: Uint8Array, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new RebundleError('IMAGE_MANIFEST', `${text}: its manifest is not JSON`, { cause });
  }
  throw new RebundleError('IMAGE_MANIFEST', `${text}: its manifest is not an object`);
}

function memberObject(value: unknown, name: string): Record<string, unknown> {
  const member = value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined;
  return member !== null && typeof member === 'object' ? (member as Record<string, unknown>) : {};
}

function toPlatform(value: Record<string, unknown>): Platform | undefined {
  const { os, architecture, variant } = value;
  if (os !== 'linux' || typeof architecture !== 'string' || architecture === 'unknown' || architecture === '')
    return undefined;
  return normalizePlatform({ os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) });
}

function uniquePlatforms(platforms: readonly (Platform | undefined)[]): Platform[] {
  const distinct = new Map<string, Platform>();
  for (const platform of platforms) if (platform !== undefined) distinct.set(formatPlatform(platform), platform);
  return [...distinct.values()].sort(comparePlatforms);
}
