import { posix } from 'node:path';

/** A short volume as docker-compose 1.29 splits it: `[source:]target[:mode]`. */
interface ShortVolume {
  readonly source?: string;
  readonly target: string;
  readonly mode?: string;
}

/** Splits a short volume; undefined where it has more than three parts. */
export function readShortVolume(text: string): ShortVolume | undefined {
  const parts = text.split(':');
  const [first = '', target, mode] = parts;
  if (parts.length > 3) return undefined;
  if (target === undefined) return { target: normalizePath(first) };
  return { source: first, target: normalizePath(target), ...(mode === undefined ? {} : { mode }) };
}

/** Why docker-app refused a short volume (docker/cli's ParseVolume, where one letter before a colon is a Windows drive). */
export function faultOfShortVolume(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text.length <= 2) return undefined;
  const parts = text.replace(/(^|:)(\p{L}):/gu, '$1$2\0').split(':');
  if (parts.includes('')) return 'empty section between colons';
  return parts.length > 3 ? 'too many colons' : undefined;
}

/** True for the name of a volume, which docker-compose 1.29 looks up under `volumes`. */
export function isVolumeName(source: string): boolean {
  return source !== '' && !/^[./~]/.test(source);
}

/** True for a path that compose resolves against the folder of the compose file. */
export function isRelativePath(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.startsWith('~') && !/^[A-Za-z]:[\\/]/.test(path);
}

/** Without `.`, inner `..`, double slashes and a slash at the end. */
export function normalizePath(path: string): string {
  const plain = posix.normalize(path);
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain;
}
