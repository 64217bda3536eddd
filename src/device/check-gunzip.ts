import { createGunzip } from 'node:zlib';
import { RebundleError } from '../errors.ts';

/** Unpacked bytes up to which no ratio counts. */
const RATIO_FREE_BYTES = 64 * 1024 * 1024;
/** Unpacked bytes per byte of the archive, above that: text compresses 20 times at most, only nothing else than repetition more. */
const MAX_RATIO = 200;

/**
 * Unpacks gzip (RFC 1952, several members one after the other as well), and no more than `limit` bytes, or 200 times `size` where that is over 64
 * MiB. Whatever happens, the stream is read to its end, and what it fails at goes before all else: so bytes that are not the announced ones
 * are told as such. Throws BUNDLE_ARCHIVE where it is no gzip or its checksums do not hold, BUNDLE_LIMIT above a limit.
 */
export async function* gunzipStream(
  stream: AsyncIterable<Uint8Array>,
  { size, limit }: { readonly size: number; readonly limit: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip();
  const most = Math.min(limit, Math.max(RATIO_FREE_BYTES, size * MAX_RATIO));
  let isOpen = true;
  let goOn = (): void => {};
  gunzip.on('drain', () => goOn());
  gunzip.once('close', () => {
    isOpen = false;
    goOn();
  });
  const feed = async (): Promise<void> => {
    for await (const chunk of stream) {
      if (!isOpen) continue;
      const drained = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      if (!gunzip.write(chunk)) await drained;
    }
    if (isOpen) gunzip.end();
  };
  const fed = feed();
  fed.catch((error: unknown) => gunzip.destroy(error instanceof Error ? error : new Error(String(error))));
  let unpacked = 0;
  try {
    for await (const chunk of gunzip) {
      unpacked += (chunk as Uint8Array).byteLength;
      if (unpacked > most) {
        throw new RebundleError('BUNDLE_LIMIT', `the archive of ${size} bytes unpacks to more than ${most}`);
      }
      yield chunk as Uint8Array;
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (!code.startsWith('Z_')) throw cause;
    const problem = code === 'Z_BUF_ERROR' ? 'its gzip stream is cut off' : 'its gzip stream is damaged';
    throw new RebundleError('BUNDLE_ARCHIVE', `the archive cannot be unpacked: ${problem}`, { cause });
  } finally {
    gunzip.destroy();
    await fed;
  }
}
