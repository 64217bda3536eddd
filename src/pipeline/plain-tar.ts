import { Parser } from 'tar/parse';
import type { ReadEntry } from 'tar/read-entry';

export type TarEntry = ReadEntry;

/** First byte of gzip. No name in a tar may begin with it, as it is a control character. */
const GZIP = 0x1f;

/** A parser of a tar as it is. By itself it would unpack what is compressed once more, past every limit on unpacked bytes. */
export function createPlainTarParser(options: {
  readonly onReadEntry: (entry: TarEntry) => void;
  readonly strict?: boolean;
}): Parser {
  return new Parser({ ...options, brotli: false, zstd: false });
}

/** True where the parser, given this as its first chunk, would unpack it. */
export function isPackedAgain(first: Uint8Array): boolean {
  return first[0] === GZIP;
}
