import { digestOf } from '../../src/lib/digest.ts';
import type { BundleFile } from '../../src/model/app.ts';

/** A bundle file in memory, which yields its bytes in chunks of `chunk` bytes. */
export function bundleFile(
  path: string,
  content: string | Uint8Array,
  options: { readonly executable?: boolean; readonly chunk?: number } = {},
): BundleFile {
  const bytes = Buffer.from(content);
  const chunk = options.chunk ?? 64 * 1024;
  return {
    path,
    executable: options.executable ?? false,
    size: bytes.byteLength,
    digest: digestOf(bytes),
    async *open() {
      for (let from = 0; from < bytes.byteLength; from += chunk) yield bytes.subarray(from, from + chunk);
    },
  };
}

/** Bytes that look random and are the same everywhere; they do not compress. */
export function noiseBytes(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed >>> 0;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
