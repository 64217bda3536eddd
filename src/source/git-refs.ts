import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, readOptionalFile, readSmallFile } from './git-file.ts';

const MAX_REF_BYTES = 4096;
const MAX_HOPS = 5;
const FULL_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** Names with nothing in them that git gives a meaning. */
const PLAIN_NAME = /^(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)))[A-Za-z0-9_][A-Za-z0-9_./-]*(?<![./])$/;
/** Refs that each work tree has of its own. */
const OF_WORK_TREE = /^refs\/(?:bisect|worktree|rewritten)\//;

/** Whether a name is a whole id, which git takes for nothing else. */
export function isFullId(name: string): boolean {
  return (name.length === 40 || name.length === 64) && FULL_ID.test(name);
}

interface RefPlaces {
  /** Where HEAD is. */
  readonly gitDir: string;
  readonly commonDir: string;
  /** Text of `packed-refs`. */
  readonly packed: string;
}

/** The id of the object that a name stands for (gitrevisions), for whole ids, HEAD, and plain names of refs; undefined where git has to say. */
export function resolveName(name: string, places: RefPlaces): string | undefined {
  if (isFullId(name)) return name;
  if (name === 'HEAD') return readHead(places);
  if (!PLAIN_NAME.test(name)) return undefined;
  if (name.startsWith('refs/')) return readRef(name, places, 0);
  // Such a file comes first, whatever it is.
  if ([places.gitDir, places.commonDir].some((folder) => existsSync(join(folder, name)))) return undefined;
  for (const prefix of ['refs/', 'refs/tags/', 'refs/heads/', 'refs/remotes/']) {
    if (isThere(prefix + name, places)) return readRef(prefix + name, places, 0);
  }
  return undefined;
}

function readHead(places: RefPlaces): string | undefined {
  return follow(readSmallFile(join(places.gitDir, 'HEAD'), MAX_REF_BYTES), places, 0);
}

/** The file of a ref stands over its line in `packed-refs`. */
function readRef(name: string, places: RefPlaces, hops: number): string | undefined {
  if (hops > MAX_HOPS || !PLAIN_NAME.test(name) || OF_WORK_TREE.test(name)) return undefined;
  const file = readRefFile(name, places);
  return file === undefined ? findPacked(name, places) : follow(file, places, hops);
}

function follow(file: Buffer, places: RefPlaces, hops: number): string | undefined {
  const text = file.toString('latin1').trimEnd();
  if (isFullId(text)) return text;
  const target = /^ref:\s*(refs\/\S+)$/.exec(text)?.[1];
  return target === undefined ? undefined : readRef(target, places, hops + 1);
}

function isThere(name: string, places: RefPlaces): boolean {
  return readRefFile(name, places) !== undefined || findPacked(name, places) !== undefined;
}

function readRefFile(name: string, { commonDir }: RefPlaces): Buffer | undefined {
  try {
    return readOptionalFile(join(commonDir, name), MAX_REF_BYTES);
  } catch (error) {
    // A folder of refs with the name of a packed one.
    if (hasCode(error, 'EISDIR')) return undefined;
    throw error;
  }
}

function findPacked(name: string, { packed }: RefPlaces): string | undefined {
  const end = packed.indexOf(` ${name}\n`);
  if (end < 0) return undefined;
  const id = packed.slice(packed.lastIndexOf('\n', end) + 1, end);
  return isFullId(id) ? id : undefined;
}
