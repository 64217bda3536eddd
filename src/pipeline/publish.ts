import { checkManifest } from '../device/check-manifest.ts';
import { RebundleError, toRebundleError } from '../errors.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { createLimit, mapLimit } from '../lib/limit.ts';
import { parseReference, repositoryOf } from '../lib/reference.ts';
import type { Diagnostic } from '../model/app.ts';
import { type AppReference, type Descriptor, MEDIA_TYPES } from '../model/oci.ts';
import type { BuiltApp } from './build-app.ts';
import { notTriedFinding } from './max-failures.ts';
import { callOptions, type MigrationContext } from './migration.ts';
import type { AheadSender } from './send-ahead.ts';
import type { SendBlobs } from './send-blobs.ts';

/** What became of bundles. An app with a finding of severity error is not published. */
interface PublishOutcome {
  readonly bytesSent: number;
  /** By app name; nothing is said of an app where all went well. */
  readonly findings: ReadonlyMap<string, readonly Diagnostic[]>;
}

interface PublishOptions {
  readonly sendBlobs: SendBlobs;
  /** Has sent blobs by now. */
  readonly ahead?: AheadSender | undefined;
  readonly concurrency: number;
  /** An earlier run began to send: each blob is looked for. */
  readonly resumed: boolean;
  /** Apps that failed before. */
  readonly failed?: number;
  readonly maxFailures?: number | undefined;
}

/**
 * Publishes bundles side by side: blobs before the manifest, the manifest once under its tag, then it is read back and hashed. Of a bundle that is
 * there, what the registry lost is sent again. A failure stays with its app; once there are `maxFailures`, no further app is begun.
 */
export async function publishBundles(
  apps: readonly BuiltApp[],
  context: MigrationContext,
  options: PublishOptions,
): Promise<PublishOutcome> {
  const findings = new Map<string, readonly Diagnostic[]>();
  let bytesSent = 0;
  const work = { ...options, context };
  const { maxFailures = Number.POSITIVE_INFINITY } = options;
  let { failed = 0 } = options;
  await mapLimit(apps, createLimit(options.concurrency, context.signal), async (app) => {
    const { name } = app;
    if (failed >= maxFailures) {
      findings.set(name, [notTriedFinding(maxFailures)]);
      return;
    }
    try {
      const { sent, restored } = await publishApp(app, work);
      bytesSent += sent;
      if (restored !== undefined) findings.set(name, [restored]);
    } catch (thrown) {
      const error = toRebundleError(thrown);
      if (error.code === 'CANCELLED') throw error;
      failed += 1;
      findings.set(name, [errorFinding(error)]);
    }
  });
  return { bytesSent, findings };
}

async function publishApp(
  app: BuiltApp,
  { context, sendBlobs, ahead, resumed }: PublishOptions & { readonly context: MigrationContext },
): Promise<{ readonly sent: number; readonly restored?: Diagnostic }> {
  const { name, origin, open, place, details, bundle: known } = app;
  const { manifest } = details.read();
  if (open === undefined || place === undefined || known === undefined || manifest === undefined)
    throw new RebundleError('INTERNAL', `${name} has no bundle`);
  context.emit({ type: 'app:stage', app: name, origin, stage: 'publish' });
  const reference = parseReference(known.reference) as AppReference;
  const published = place.published ? await getPublished(reference, manifest, context) : undefined;
  if (published !== undefined && (await hasBlobs(reference, published, context))) return { sent: 0 };
  const bytes = await open();
  const { bundle } = bytes;
  const isSought = resumed || place.published;
  let sent = (await ahead?.finished(name)) ?? (await sendBlobs(bundle, { isSought }));
  if (published === undefined) {
    const tagged = { bytes: bundle.manifestBytes, mediaType: manifest.mediaType, tag: place.tag };
    await context.destination.putManifest(repositoryOf(reference), tagged, callOptions(context));
    sent += manifest.size;
    // A reference counts as published once the registry has served the very manifest that it names.
    if ((await getPublished(reference, manifest, context)) === undefined) throw notAsSent(reference);
  }
  await context.saveTree?.(bytes);
  return { sent, ...(place.published && sent > 0 ? { restored: restoredFinding(reference) } : {}) };
}

function restoredFinding({ registry, repository }: AppReference): Diagnostic {
  const place = `${registry}/${repository}`;
  return finding('publish.restored', `${place} had lost a part of the published bundle, which was sent again`);
}

/** The manifest as the registry serves it; undefined where it does not have it, whatever it said about the tag. */
async function getPublished(
  reference: AppReference,
  manifest: Descriptor,
  context: MigrationContext,
): Promise<Uint8Array | undefined> {
  const options = callOptions(context);
  const found = await context.destination.getManifest(repositoryOf(reference), manifest.digest, options);
  if (found === undefined) return undefined;
  const { digest, mediaType } = found.descriptor;
  if (digest !== manifest.digest || mediaType !== manifest.mediaType) throw notAsSent(reference);
  return found.bytes;
}

/** A registry that has the manifest may lack a blob: clean-ups take what no manifest lists, as the file index. */
async function hasBlobs(
  reference: AppReference,
  manifestBytes: Uint8Array,
  context: MigrationContext,
): Promise<boolean> {
  const { manifest } = checkManifest(manifestBytes, MEDIA_TYPES.ociManifest);
  const { config, archive, index, composeLayers = [], others = [] } = manifest ?? {};
  const named = [config, archive, index, ...composeLayers, ...others];
  const name = repositoryOf(reference);
  const options = callOptions(context);
  const found = await Promise.all(
    named.map(async (blob) => blob !== undefined && context.destination.hasBlob(name, blob.digest, options)),
  );
  return found.every(Boolean);
}

function notAsSent({ registry, repository, digest }: AppReference): RebundleError {
  const message = `${registry}/${repository}@${digest} cannot be read back as it was sent`;
  return new RebundleError('REGISTRY_DIGEST_MISMATCH', message);
}
