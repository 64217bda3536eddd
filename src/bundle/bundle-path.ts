import { compareText } from '../lib/bytes.ts';

/** The one compose file of a bundle, at its root. */
export const COMPOSE_FILE = 'docker-compose.yml';

/** UTF-8 bytes; leaves room for the folder of the app within the 4,096 of Linux. */
const MAX_PATH_BYTES = 1024;
/** UTF-8 bytes of one name, as Linux file systems take it. */
const MAX_NAME_BYTES = 255;

/** Names at the root that compose or a device client reads, replaces or deletes (rule B1). */
const RESERVED = /^(?:\.env|\.need_start|\.meta|(?:docker-)?compose\.ya?ml|.*compose\.override\.ya?ml|.*\.tgz)$/s;

/** True for a path at or below a reserved name of the bundle's root; docker-compose.yml itself is not reserved. */
export function isReservedPath(path: string): boolean {
  const end = path.indexOf('/');
  return path !== COMPOSE_FILE && RESERVED.test(end < 0 ? path : path.slice(0, end));
}

/** Why a path cannot be one of a bundle file, to be put after the path; undefined where it can. */
export function describePathFault(path: string): string | undefined {
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufffd]/u.test(path)) return 'holds control characters or is not valid UTF-8';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  for (const name of path.split('/')) {
    if (name === '' || name === '.' || name === '..') return 'is not a plain relative path';
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has a name longer than ${MAX_NAME_BYTES} bytes`;
  }
  return undefined;
}

/**
 * Pairs of paths that cannot be told apart everywhere: equal, equal after Unicode normalisation and case folding (folder names
 * included), or one a file where the other needs a folder. In order of the paths; each path is named once as the second of a pair.
 */
export function findPathClashes(paths: readonly string[]): (readonly [string, string])[] {
  const clashes: (readonly [string, string])[] = [];
  const seen = new Map<string, { readonly spelling: string; readonly path: string; readonly file: boolean }>();
  for (const path of paths.toSorted(compareText)) {
    for (let end = nextEnd(path, 0); end >= 0; end = nextEnd(path, end + 1)) {
      const spelling = path.slice(0, end);
      const file = end === path.length;
      const folded = foldName(spelling);
      const known = seen.get(folded);
      if (known === undefined) {
        seen.set(folded, { spelling, path, file });
      } else if (file || known.file || known.spelling !== spelling) {
        clashes.push([known.path, path]);
        break;
      }
    }
  }
  return clashes;
}

function nextEnd(path: string, from: number): number {
  if (from > path.length) return -1;
  const slash = path.indexOf('/', from);
  return slash < 0 ? path.length : slash;
}

/** By upper case, so that letters with a long upper form (ss) fold too. */
function foldName(name: string): string {
  return name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}
