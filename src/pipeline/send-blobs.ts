import { EMPTY_CONFIG } from '../bundle/app-manifest.ts';
import { once } from '../lib/bytes.ts';
import { repositoryOf } from '../lib/reference.ts';
import type { AppBundle } from '../model/app.ts';
import type { Descriptor } from '../model/oci.ts';
import { callOptions, type MigrationContext } from './migration.ts';

/** Blobs up to this size are sent without a question of their own, once the registry has said that it lacks the manifest. */
const SMALL_BLOB = 1024 * 1024;

/** Sends the blobs of a bundle that its repository lacks; the bytes that went. `isSought`: each of them is looked for first. */
export type SendBlobs = (bundle: AppBundle, how: { readonly isSought: boolean }) => Promise<number>;

/** Where blobs are by now, so that another repository of the host can take them over: the first ones, as what apps share comes with each of them. */
type SentBlobs = Map<string, Promise<string | undefined>>;
const MAX_SENT = 4096;

export function createBlobSender(context: MigrationContext): SendBlobs {
  const sent: SentBlobs = new Map();
  return async (bundle, { isSought }) => {
    const sizes = await settleAll(listBlobs(bundle).map((blob) => sendBlob(bundle, blob, { context, sent, isSought })));
    return sizes.reduce((sum, size) => sum + size, 0);
  };
}

/** All results, or the first failure, once nothing is under way any more. */
async function settleAll<T>(tasks: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(tasks);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<T>).value);
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
  { name: app, reference }: AppBundle,
  blob: Blob,
  {
    context,
    sent,
    isSought,
  }: { readonly context: MigrationContext; readonly sent: SentBlobs; readonly isSought: boolean },
): Promise<number> {
  const { digest, size } = blob.descriptor;
  const name = repositoryOf(reference);
  const options = callOptions(context);
  const { destination } = context;
  const known = sent.get(digest);
  let settle = (_repository: string | undefined): void => {};
  if (known === undefined && sent.size < MAX_SENT) {
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
      ((isSought || size > SMALL_BLOB) && (await destination.hasBlob(name, digest, options))) ||
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
