import { readFileChunks, unpackArchive, writeNew } from '../device/unpack.ts';
import { beginSwap, type FolderSwap } from '../device/unpack-swap.ts';
import { ERRORS, type ErrorCode, RebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { finding } from '../lib/finding.ts';
import { onOutput } from '../lib/on-output.ts';
import { formatReference } from '../lib/reference.ts';
import type { Diagnostic } from '../model/app.ts';
import type { Reference } from '../model/oci.ts';
import type { Registry } from '../registry/registry.ts';
import { type CopyRequest, copyReference } from './copy.ts';
import { findRegistry, type ReadBundle, readBundle } from './read-bundle.ts';

export interface PullRequest {
  /** With a tag or a digest; a digest wins. */
  readonly reference: Reference;
  /** Where it may be, best first. */
  readonly registries: readonly [Registry, ...Registry[]];
  /** Absolute. */
  readonly destination: string;
  /** Copies the bundle and the images of its services, too. */
  readonly images?: Pick<CopyRequest, 'to'> & NonNullable<CopyRequest['images']>;
  readonly emit: Emit;
  /** Requests at once. */
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

export interface PullOutcome {
  /** By digest. */
  readonly reference: string;
  readonly app: string;
  readonly destination: string;
  readonly files: readonly { readonly path: string; readonly size: number; readonly executable: boolean }[];
  /** Pinned images of its services. */
  readonly images: readonly string[];
  /** Images that were copied. */
  readonly copied: number;
  readonly bytesSent: number;
  readonly findings: readonly Diagnostic[];
}

/**
 * Fetches a bundle into a folder as a device does: the archive lies beside it until its digest, every entry and everything that `verify` checks was found
 * right, then it is unpacked into a new folder, which takes the place of the old one as a whole. Throws BUNDLE_REFUSED where the bundle is not right, with
 * the other findings as `diagnostic` events before it; OUTPUT_UNSAFE and OUTPUT_UNWRITABLE about the folder, which is as it was then; and what the
 * registries fail at.
 */
export async function pullBundle(request: PullRequest): Promise<PullOutcome> {
  const { destination, images } = request;
  const { repository } = request.reference;
  const app = repository.slice(repository.lastIndexOf('/') + 1);
  const swap = await onOutput(destination, () => beginSwap(destination, app));
  try {
    const options = request.signal === undefined ? {} : { signal: request.signal };
    const registry = await findRegistry(request.registries, request.reference, options);
    const bundle = await fetchBundle(request, registry, swap);
    const { archive, reference } = bundle;
    const text = formatReference(reference);
    const paths = archive.files.map(({ path }) => path);
    const unpacked = { ...archive, open: () => readFileChunks(swap.spool), size: archive.descriptor.size };
    await onOutput(destination, () => unpackArchive(unpacked, swap.folder));
    const copy =
      images === undefined ? undefined : await copyImages(request, images, { source: reference, from: registry });
    request.signal?.throwIfAborted();
    const { keptEnv } = await onOutput(destination, () => swap.commit(paths));
    const kept = keptEnv ? [finding('verify.local-env', `the .env of ${destination} stayed as it was`)] : [];
    return {
      reference: text,
      app,
      destination,
      files: archive.files.map(({ path, size, executable }) => ({ path, size, executable })),
      images: bundle.images.map(formatReference),
      copied: copy?.images.length ?? 0,
      bytesSent: copy?.bytesSent ?? 0,
      findings: [...bundle.findings, ...kept],
    };
  } finally {
    await swap.discard();
  }
}

type Fetched = ReadBundle & Required<Pick<ReadBundle, 'reference' | 'archive'>>;

async function fetchBundle(request: PullRequest, registry: Registry, swap: FolderSwap): Promise<Fetched> {
  const { reference, signal, destination, emit } = request;
  const bundle = await readBundle({
    reference,
    registry,
    spool: async (chunks) => {
      await onOutput(destination, () => writeNew(swap.spool, 0o600, chunks));
      return () => readFileChunks(swap.spool);
    },
    ...(signal === undefined ? {} : { signal }),
  });
  const errors = bundle.findings.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  for (const diagnostic of bundle.findings) {
    if (diagnostic !== first) emit({ type: 'diagnostic', app: bundle.app, diagnostic });
  }
  if (first === undefined && bundle.reference !== undefined && bundle.archive !== undefined) {
    return { ...bundle, reference: bundle.reference, archive: bundle.archive };
  }
  const details = first?.hint === undefined ? {} : { hint: first.hint };
  // The registry failed: nothing is known about the bundle.
  if (first !== undefined && isErrorCode(first.code)) throw new RebundleError(first.code, first.message, details);
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
  const what = first === undefined ? 'it has no archive' : `${first.code}: ${first.message}${more}`;
  throw new RebundleError('BUNDLE_REFUSED', `${formatReference(reference)} is refused: ${what}`, details);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

function copyImages(
  { emit, concurrency, signal }: PullRequest,
  { to, ...images }: NonNullable<PullRequest['images']>,
  { source, from }: Pick<CopyRequest, 'source' | 'from'>,
) {
  return copyReference({
    source,
    from,
    destination: { registry: source.registry, repository: source.repository },
    to,
    force: false,
    sameHost: false,
    images,
    emit,
    concurrency,
    ...(signal === undefined ? {} : { signal }),
  });
}
