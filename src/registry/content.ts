import { createHash } from 'node:crypto';
import { RebundleError } from '../errors.ts';
import type { Descriptor } from '../model/oci.ts';

/**
 * Passes a stream on while it is counted and hashed; never more than `descriptor.size` bytes come out. Throws REGISTRY_SIZE_MISMATCH or
 * REGISTRY_DIGEST_MISMATCH, at the latest before it ends, and the signal's reason also while the stream hangs. `what` names the bytes in messages.
 */
export async function* verifyContent(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly descriptor: Descriptor; readonly what: string; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { descriptor, what, signal } = options;
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of signal === undefined ? chunks : untilAborted(chunks, signal)) {
    size += chunk.byteLength;
    // Written so that a size which is no number refuses too.
    if (!(size <= descriptor.size)) {
      throw new RebundleError('REGISTRY_SIZE_MISMATCH', `${what} has more than the ${descriptor.size} bytes announced`);
    }
    hash.update(chunk);
    yield chunk;
  }
  if (size !== descriptor.size) {
    throw new RebundleError(
      'REGISTRY_SIZE_MISMATCH',
      `${what} has ${size} bytes, not the ${descriptor.size} announced`,
    );
  }
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest !== descriptor.digest)
    throw new RebundleError('REGISTRY_DIGEST_MISMATCH', `${what} has the digest ${digest}`);
}

/** All bytes of a stream whose sender may use its buffer again. */
export async function collectCopies(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

async function* untilAborted(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  signal.throwIfAborted();
  const iterator = chunks[Symbol.asyncIterator]();
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
  });
  aborted.catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    const closed = Promise.resolve(iterator.return?.());
    // A stream that hangs would never answer.
    if (signal.aborted) closed.catch(() => {});
    else await closed;
  }
}
