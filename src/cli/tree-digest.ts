import { createReadStream, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { digestFiles, digestOf, digestStream } from '../lib/digest.ts';
import type { Digest } from '../model/oci.ts';

/** Files up to this size are read at once: for the many small ones that costs half of what streams do. */
const SMALL_BYTES = 256 * 1024;

/** Digest of the files of a folder, as the plan has that of a converted tree; undefined where the folder holds what no conversion writes, or is not there. */
export async function digestFolder(folder: string): Promise<Digest | undefined> {
  const files: Parameters<typeof digestFiles>[0][number][] = [];
  for (const entry of listEntries(folder)) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode, size } = lstatSync(path);
    const permissions = entry.isFile() ? mode & 0o777 : 0;
    if (permissions !== 0o644 && permissions !== 0o755) return undefined;
    const digest =
      size <= SMALL_BYTES ? digestOf(readFileSync(path)) : (await digestStream(createReadStream(path))).digest;
    files.push({ path: relative(folder, path).split(sep).join('/'), executable: permissions === 0o755, digest });
  }
  return files.length === 0 ? undefined : digestFiles(files);
}

function listEntries(folder: string) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch {
    return [];
  }
}
