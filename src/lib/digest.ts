import { createHash, hash } from 'node:crypto';
import type { Digest } from '../model/oci.ts';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** True for `sha256:` and 64 lower-case hex digits: the only form that devices take. */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/** Up to here the copy that one call takes costs less than the object that three need. */
const MAX_COPIED = 64 * 1024;

export function digestOf(bytes: Uint8Array | string): Digest {
  const hex = bytes.length <= MAX_COPIED ? hash('sha256', bytes) : createHash('sha256').update(bytes).digest('hex');
  return `sha256:${hex}`;
}

/** The 64 hex digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** Hashes and counts a stream without keeping it. */
export async function digestStream(chunks: AsyncIterable<Uint8Array>): Promise<{ digest: Digest; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.byteLength;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

/** Digest of a folder by the paths, modes and contents of its files; their order does not matter. */
export function digestFiles(
  files: readonly { readonly path: string; readonly executable: boolean; readonly digest: Digest }[],
): Digest {
  const lines = files.map(({ path, executable, digest }) => JSON.stringify([path, executable, digest]));
  return digestOf(lines.sort().join('\n'));
}
