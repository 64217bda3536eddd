import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { describePathFault } from '../bundle/bundle-path.ts';
import { RebundleError } from '../errors.ts';
import { encodeJson } from '../lib/escape-text.ts';
import type { BundleFile } from '../model/app.ts';
import { bundlePath, readArchive } from './check-archive.ts';

const CHUNK_BYTES = 65_536;

/** The chunks of a file. */
export async function* readFileChunks(path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** An archive whose every entry was looked at: what is unpacked is just this. */
export interface CheckedArchive {
  readonly open: () => AsyncIterable<Uint8Array>;
  /** Bytes. */
  readonly size: number;
  readonly files: readonly Pick<BundleFile, 'path' | 'digest' | 'executable'>[];
  readonly folders: readonly string[];
}

/**
 * Unpacks an archive that checkArchive found nothing wrong with into `folder`, which is empty and this process's own: modes 644 and 755 under every
 * umask, down to the disk. Each file is compared again with what was checked. Throws BUNDLE_ARCHIVE where it is not that archive.
 */
export async function unpackArchive(archive: CheckedArchive, folder: string): Promise<void> {
  const left = new Map(archive.files.map((file) => [file.path, file]));
  const made = new Set<string>();
  for (const path of archive.folders) await makeFolder(folder, path, made);
  await readArchive(archive.open(), archive.size, {
    onFolder: () => {},
    onRefused: (problem) => {
      throw changed(problem);
    },
    onFile: async (entry, content) => {
      const path = bundlePath(entry.path);
      const expected = left.get(path);
      if (expected === undefined || describePathFault(path) !== undefined) throw changed(`${encodeJson(path)} is new`);
      left.delete(path);
      if (path.includes('/')) await makeFolder(folder, path.slice(0, path.lastIndexOf('/')), made);
      const hash = createHash('sha256');
      await writeNew(join(folder, ...path.split('/')), expected.executable ? 0o755 : 0o644, hashed(content, hash));
      if (`sha256:${hash.digest('hex')}` !== expected.digest) throw changed(`${encodeJson(path)} has other bytes`);
    },
  });
  for (const path of left.keys()) throw changed(`${encodeJson(path)} is gone`);
  for (const path of [...made].reverse()) await syncFolder(join(folder, ...path.split('/')));
  await syncFolder(folder);
}

async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>) {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

async function makeFolder(root: string, path: string, made: Set<string>): Promise<void> {
  for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
    const part = end < 0 ? path : path.slice(0, end);
    if (!made.has(part)) {
      const folder = join(root, ...part.split('/'));
      await mkdir(folder);
      await chmod(folder, 0o755);
      made.add(part);
    }
    if (end < 0) return;
  }
}

/** Writes a file that is not there yet down to the disk, never through a link. */
export async function writeNew(
  path: string,
  mode: number,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const handle = await open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode,
  );
  try {
    // Unlike write, writeFile goes on until all of the chunk is written.
    for await (const chunk of chunks) await handle.writeFile(chunk);
    // The mode is that of the bundle under every umask.
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes what was done in a folder last through a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function changed(problem: string): RebundleError {
  return new RebundleError('BUNDLE_ARCHIVE', `the archive is not the one that was checked: ${problem}`);
}
