import { EMPTY_CONFIG } from '../bundle/app-manifest.ts';
import { checkPublished } from '../device/verify-bundle.ts';
import { RebundleError, toRebundleError } from '../errors.ts';
import { once } from '../lib/bytes.ts';
import { hexOf } from '../lib/digest.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { createLimit, mapLimit } from '../lib/limit.ts';
import { repositoryOf } from '../lib/reference.ts';
import type { AppBundle, Diagnostic } from '../model/app.ts';
import type { Descriptor } from '../model/oci.ts';
import type { BuiltApp } from './build-app.ts';
import { notTriedFinding } from './max-failures.ts';
import { callOptions, hasErrors, type MigrationContext } from './migration.ts';

/** What became of one bundle; a finding of severity error where it is not published. */
export interface PublishOutcome {
  readonly bytesSent: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** Blobs up to this size are sent without a question of their own, once the registry has said that it lacks the manifest. */
const SMALL_BLOB = 1024 * 1024;

/** Where blobs are by now, so that another repository of the host can take them over. */
type SentBlobs = Map<string, Promise<string | undefined>>;

/**
 * Publishes bundles side by side: blobs before the manifest, the manifest once under its tag, then read it back, hash it and check it as `verify` does. What is there
 * already is not sent: `resumed` says that an earlier run began to send, so that each blob is looked for. A failure stays with its app; once there
 * are `maxFailures` with the `failed` ones from before, no further app is begun. Outcomes by app name.
 */
export async function publishBundles(
  apps: readonly BuiltApp[],
  context: MigrationContext,
  options: {
    readonly concurrency: number;
    readonly resumed: boolean;
    readonly failed?: number;
    readonly maxFailures?: number | undefined;
  },
): Promise<Map<string, PublishOutcome>> {
  const outcomes = new Map<string, PublishOutcome>();
  const sent: SentBlobs = new Map();
  const { maxFailures = Number.POSITIVE_INFINITY } = options;
  let { failed = 0 } = options;
  await mapLimit(apps, createLimit(options.concurrency, context.signal), async (app) => {
    const { name } = app;
    if (failed >= maxFailures) {
      outcomes.set(name, { bytesSent: 0, diagnostics: [notTriedFinding(maxFailures)] });
      return;
    }
    try {
      const outcome = await publishBundle(app, context, { sent, resumed: options.resumed });
      if (hasErrors(outcome.diagnostics)) failed += 1;
      outcomes.set(name, outcome);
    } catch (thrown) {
      const error = toRebundleError(thrown);
      if (error.code === 'CANCELLED') throw error;
      failed += 1;
      outcomes.set(name, { bytesSent: 0, diagnostics: [errorFinding(error)] });
    }
  });
  return outcomes;
}

interface Sending {
  readonly sent: SentBlobs;
  readonly resumed: boolean;
}

async function publishBundle(
  { name, origin, open, place }: BuiltApp,
  context: MigrationContext,
  sending: Sending,
): Promise<PublishOutcome> {
  if (open === undefined || place === undefined) throw new RebundleError('INTERNAL', `${name} has no bundle`);
  const { bundle } = await open();
  context.emit({ type: 'app:stage', app: name, origin, stage: 'publish' });
  const { manifest } = bundle;
  // A registry that has the manifest may lack a blob: clean-ups take what no manifest lists, as the file index.
  const found = place.published ? await getPublished(bundle, context) : undefined;
  const how = place.published ? { ...sending, resumed: true } : sending;
  const sizes = await settleAll(listBlobs(bundle).map((blob) => sendBlob(name, bundle, blob, context, how)));
  let bytesSent = sizes.reduce((sum, size) => sum + size, 0);
  const restored = place.published && (found === undefined || bytesSent > 0) ? [restoredFinding(bundle)] : [];
  let bytes = found;
  if (bytes === undefined) {
    const sentManifest = { bytes: bundle.manifestBytes, mediaType: manifest.mediaType, tag: place.tag };
    await context.destination.putManifest(repositoryOf(bundle.reference), sentManifest, callOptions(context));
    bytesSent += manifest.size;
    bytes = await readBack(bundle, context);
  }
  const findings = await checkPublished(bundle, bytes);
  return { bytesSent, diagnostics: [...restored, ...findings.filter(({ severity }) => severity === 'error')] };
}

function restoredFinding({ reference }: AppBundle): Diagnostic {
  const place = `${reference.registry}/${reference.repository}`;
  return finding('publish.restored', `${place} had lost a part of the published bundle, which was sent again`);
}

/** All results, or the first failure, once nothing is under way any more. */
async function settleAll<T>(tasks: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(tasks);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<T>).value);
}

/** Under which tag a bundle is, or can be, published. */
export interface PublishPlace {
  readonly tag: string;
  /** The destination has the bundle under that tag. */
  readonly published: boolean;
  /** The wanted tag names another bundle, which stays so: this one got digits of its digest. */
  readonly isSubstitute: boolean;
}

/** Looks for a bundle under the wanted tag: one request where that names nothing else. */
export async function findPlace(
  { reference }: Pick<AppBundle, 'reference'>,
  wanted: string,
  context: MigrationContext,
): Promise<PublishPlace> {
  const options = callOptions(context);
  const { digest } = reference;
  const substitute = `${wanted}-${hexOf(digest).slice(0, 12)}`;
  for (const tag of [wanted, substitute]) {
    const name = repositoryOf(reference);
    const found = await context.destination.headManifest(name, tag, options);
    if (found === undefined || found.digest === digest)
      return { tag, published: found !== undefined, isSubstitute: tag !== wanted };
    // Nobody has hashed that: before the tag counts as taken, its manifest has to be another one in truth.
    const held = await context.destination.getManifest(name, tag, options);
    if (held === undefined || held.descriptor.digest === digest)
      return { tag, published: held !== undefined, isSubstitute: tag !== wanted };
  }
  return { tag: substitute, published: false, isSubstitute: true };
}

interface Blob {
  readonly descriptor: Descriptor;
  readonly open: () => AsyncIterable<Uint8Array>;
}

function listBlobs(bundle: AppBundle): Blob[] {
  return [
    { descriptor: EMPTY_CONFIG.descriptor, open: () => once(EMPTY_CONFIG.bytes) },
    { descriptor: bundle.index, open: () => once(bundle.indexBytes) },
    ...bundle.composeLayers.map(({ descriptor, bytes }) => ({ descriptor, open: () => once(bytes) })),
    { descriptor: bundle.archive, open: bundle.openArchive },
  ];
}

/** Bytes sent: none where the blob was there, or another repository had it. */
async function sendBlob(
  app: string,
  { reference }: AppBundle,
  blob: Blob,
  context: MigrationContext,
  { sent, resumed }: Sending,
): Promise<number> {
  const { digest, size } = blob.descriptor;
  const name = repositoryOf(reference);
  const options = callOptions(context);
  const { destination } = context;
  const known = sent.get(digest);
  let settle = (_repository: string | undefined): void => {};
  if (known === undefined) {
    sent.set(
      digest,
      new Promise((resolve) => {
        settle = resolve;
      }),
    );
  }
  try {
    const from = await known;
    const isSpared =
      ((resumed || size > SMALL_BLOB) && (await destination.hasBlob(name, digest, options))) ||
      (from !== undefined &&
        (from === name.repository || (await destination.mountBlob?.(name, blob.descriptor, from, options)) === true));
    if (!isSpared) await destination.putBlob(name, blob.descriptor, blob.open, options);
    settle(name.repository);
    context.emit({ type: 'blob:sent', app, digest, size, sent: !isSpared });
    return isSpared ? 0 : size;
  } catch (thrown) {
    // Those who wait for it send it themselves.
    settle(undefined);
    throw thrown;
  }
}

/** A reference counts as published once the registry has served the very manifest that it names. */
async function readBack(bundle: AppBundle, context: MigrationContext): Promise<Uint8Array> {
  const bytes = await getPublished(bundle, context);
  if (bytes === undefined) throw notAsSent(bundle);
  return bytes;
}

/** The manifest as the registry serves it; undefined where it does not have it, whatever it said about the tag. */
async function getPublished(bundle: AppBundle, context: MigrationContext): Promise<Uint8Array | undefined> {
  const { reference, manifest } = bundle;
  const options = callOptions(context);
  const found = await context.destination.getManifest(repositoryOf(reference), manifest.digest, options);
  if (found === undefined) return undefined;
  const { digest, mediaType } = found.descriptor;
  if (digest !== manifest.digest || mediaType !== manifest.mediaType) throw notAsSent(bundle);
  return found.bytes;
}

function notAsSent({ reference, manifest }: AppBundle): RebundleError {
  return new RebundleError(
    'REGISTRY_DIGEST_MISMATCH',
    `${reference.registry}/${reference.repository}@${manifest.digest} cannot be read back as it was sent`,
  );
}
