import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { digestFiles, digestStream } from '../lib/digest.ts';
import type { Digest } from '../model/oci.ts';

/** Digest of the files of a folder, as the plan has that of a converted tree; undefined where the folder holds what no conversion writes, or is not there. */
export async function digestFolder(folder: string): Promise<Digest | undefined> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files: Parameters<typeof digestFiles>[0][number][] = [];
  for (const entry of found) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const mode = entry.isFile() ? (await lstat(path)).mode & 0o777 : 0;
    if (mode !== 0o644 && mode !== 0o755) return undefined;
    const { digest } = await digestStream(createReadStream(path));
    files.push({ path: relative(folder, path).split(sep).join('/'), executable: mode === 0o755, digest });
  }
  return files.length === 0 ? undefined : digestFiles(files);
}
