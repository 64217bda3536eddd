import { createHash, hash } from 'node:crypto';

export type GitObjectType = 'blob' | 'tree' | 'commit' | 'tag';

export interface GitObjectInfo {
  readonly id: string;
  readonly type: GitObjectType;
  /** Bytes. */
  readonly size: number;
}

export interface GitObject extends GitObjectInfo {
  readonly bytes: Buffer;
}

const MAX_COPIED = 64 * 1024;

export const EMPTY = Buffer.alloc(0);

/** The id that git gives an object; its length says which of the two hashes a repository uses. */
export function hashObject({ id, type }: Pick<GitObjectInfo, 'id' | 'type'>, bytes: Uint8Array): string {
  // One call costs less than three, but takes a copy.
  if (bytes.byteLength > MAX_COPIED)
    return createObjectHash({ id, type, size: bytes.byteLength }).update(bytes).digest('hex');
  const head = Buffer.from(`${type} ${bytes.byteLength}\0`, 'latin1');
  return hash(algorithmOf(id), Buffer.concat([head, bytes]), 'hex');
}

export function createObjectHash({ id, type, size }: GitObjectInfo): ReturnType<typeof createHash> {
  return createHash(algorithmOf(id)).update(`${type} ${size}\0`);
}

function algorithmOf(id: string): 'sha1' | 'sha256' {
  return id.length === 64 ? 'sha256' : 'sha1';
}
