import { EMPTY_CONFIG } from '../bundle/app-manifest.ts';
import { archiveBundle } from '../bundle/archive.ts';
import { RebundleError, toRebundleError } from '../errors.ts';
import { once } from '../lib/bytes.ts';
import { hexOf } from '../lib/digest.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { createLimit, mapLimit } from '../lib/limit.ts';
import { repositoryOf } from '../lib/reference.ts';
import type { AppBundle, Diagnostic } from '../model/app.ts';
import type { Descriptor } from '../model/oci.ts';
import type { BuiltApp } from './build-app.ts';
import { callOptions, type MigrationContext } from './migration.ts';

/** What became of one bundle; a finding of severity error where it is not published. */
export interface PublishOutcome {
  readonly bytesSent: number;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Publishes bundles side by side: look first, blobs before the manifest, the manifest once under its tag, then read it back and hash it. What is
 * there already is not sent. A failure stays with its app. Outcomes by app name.
 */
export async function publishBundles(
  apps: readonly BuiltApp[],
  context: MigrationContext,
  concurrency: number,
): Promise<Map<string, PublishOutcome>> {
  const outcomes = new Map<string, PublishOutcome>();
  await mapLimit(apps, createLimit(concurrency, context.signal), async (app) => {
    const { name } = app.converted;
    try {
      outcomes.set(name, await publishBundle(app, context));
    } catch (thrown) {
      const error = toRebundleError(thrown);
      if (error.code === 'CANCELLED') throw error;
      outcomes.set(name, { bytesSent: 0, diagnostics: [errorFinding(error)] });
    }
  });
  return outcomes;
}

async function publishBundle({ converted, bundle, tag }: BuiltApp, context: MigrationContext): Promise<PublishOutcome> {
  const { name, origin } = converted;
  if (bundle === undefined || tag === undefined) throw new RebundleError('INTERNAL', `${name} has no bundle`);
  context.emit({ type: 'app:stage', app: name, origin, stage: 'publish' });
  const { manifest } = bundle;
  const place = await findPlace(bundle, tag, context);
  let sent = 0;
  if (!place.published) {
    for (const blob of listBlobs(bundle)) sent += await sendBlob(name, bundle, blob, context);
    const options = callOptions(context);
    const sentManifest = { bytes: bundle.manifestBytes, mediaType: manifest.mediaType, tag: place.tag };
    await context.destination.putManifest(repositoryOf(bundle.reference), sentManifest, options);
    sent += manifest.size;
  }
  await readBack(bundle, context);
  const taken = finding(
    'publish.tag-taken',
    `the tag ${tag} names another bundle of ${name}; this one has the tag ${place.tag}`,
  );
  return { bytesSent: sent, diagnostics: place.tag === tag ? [] : [taken] };
}

/** True where the destination has the bundle under its tag. */
export async function isPublished(bundle: AppBundle, tag: string, context: MigrationContext): Promise<boolean> {
  return (await findPlace(bundle, tag, context)).published;
}

/** The tag for a bundle: the wanted one or, where that names another bundle, which stays so, one with digits of the digest. */
async function findPlace(
  bundle: AppBundle,
  wanted: string,
  context: MigrationContext,
): Promise<{ tag: string; published: boolean }> {
  const options = callOptions(context);
  const { digest } = bundle.manifest;
  const tag = `${wanted}-${hexOf(digest).slice(0, 12)}`;
  for (const free of [wanted, tag]) {
    const found = await context.destination.headManifest(repositoryOf(bundle.reference), free, options);
    if (found === undefined || found.digest === digest) return { tag: free, published: found !== undefined };
  }
  return { tag, published: false };
}

interface Blob {
  readonly descriptor: Descriptor;
  readonly open: () => AsyncIterable<Uint8Array>;
}

function listBlobs(bundle: AppBundle): Blob[] {
  return [
    { descriptor: EMPTY_CONFIG.descriptor, open: () => once(EMPTY_CONFIG.bytes) },
    { descriptor: bundle.index, open: () => once(bundle.indexBytes) },
    { descriptor: bundle.archive, open: () => archiveBundle(bundle.files) },
  ];
}

async function sendBlob(
  app: string,
  { reference }: AppBundle,
  { descriptor, open }: Blob,
  context: MigrationContext,
): Promise<number> {
  const options = callOptions(context);
  const { digest, size } = descriptor;
  const repository = repositoryOf(reference);
  const there = await context.destination.hasBlob(repository, digest, options);
  if (!there) await context.destination.putBlob(repository, descriptor, open, options);
  context.emit({ type: 'blob:sent', app, digest, size, sent: !there });
  return there ? 0 : size;
}

/** A reference counts as published once the registry has served the very manifest that it names. */
async function readBack({ reference, manifest }: AppBundle, context: MigrationContext): Promise<void> {
  const options = callOptions(context);
  const found = await context.destination.getManifest(repositoryOf(reference), manifest.digest, options);
  if (found?.descriptor.digest !== manifest.digest || found.descriptor.mediaType !== manifest.mediaType) {
    throw new RebundleError(
      'REGISTRY_DIGEST_MISMATCH',
      `${reference.registry}/${reference.repository}@${manifest.digest} cannot be read back as it was sent`,
    );
  }
}
