import { readSmallFile } from './git-file.ts';
import { compressedBound, inflateStart, inflateUpTo } from './git-inflate.ts';
import { EMPTY, type GitObject, type GitObjectType } from './git-object.ts';

const MAX_HEAD = 32;

/**
 * An object in a file of its own; undefined where it is not as git writes them. Its content is there only where it is wanted, not yet checked. Throws what the
 * system says, also where there is none.
 */
export function readLooseObject(
  objectsDir: string,
  id: string,
  { limit, wantsContent }: { readonly limit: number; readonly wantsContent: boolean },
): GitObject | undefined {
  const file = readSmallFile(`${objectsDir}/${id.slice(0, 2)}/${id.slice(2)}`, compressedBound(limit));
  const bytes = wantsContent ? inflateUpTo(file, limit + MAX_HEAD) : inflateStart(file);
  if (bytes === undefined) return undefined;
  const end = bytes.subarray(0, MAX_HEAD).indexOf(0);
  const match = /^(blob|tree|commit|tag) (0|[1-9]\d{0,14})$/.exec(bytes.toString('latin1', 0, Math.max(end, 0)));
  if (match === null) return undefined;
  const [, type, digits] = match;
  const head = { id, type: type as GitObjectType, size: Number(digits) };
  if (!wantsContent) return { ...head, bytes: EMPTY };
  const content = bytes.subarray(end + 1);
  return content.byteLength === head.size ? { ...head, bytes: content } : undefined;
}
