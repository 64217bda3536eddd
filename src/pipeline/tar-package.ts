import { posix } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { RebundleError } from '../errors.ts';
import { once } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { FileEntry } from '../model/app.ts';
import type { Source } from '../source/source.ts';
import { createPlainTarParser, isPackedAgain, type TarEntry } from './plain-tar.ts';

/** Bytes of a package that is a tar, as it is in the repository and unpacked. */
export const MAX_TAR_BYTES = 64 * 1024 * 1024;
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;
const MAX_ENTRIES = 10_000;
const CHUNK_BYTES = 64 * 1024;
/** Images that docker-app 0.2 to 0.5 saved into a package: a bundle names its images by digest. */
const IMAGES = 'images/';

interface TarFile {
  readonly executable: boolean;
  readonly bytes: Buffer;
}

type Refuse = (message: string, code?: 'APP_FORM' | 'SOURCE_LIMIT') => RebundleError;

/**
 * The regular files of a tar package by path, gzip or not; what docker-app saved under `images/` is left out, and so is what is neither file nor
 * folder, as docker-app did. Throws APP_FORM for what is no tar or has a name that leaves the package, and SOURCE_LIMIT above a limit.
 */
function unpackTar(bytes: Uint8Array, path: string): ReadonlyMap<string, TarFile> {
  const files = new Map<string, TarFile>();
  const refuse: Refuse = (message, code = 'APP_FORM') =>
    new RebundleError(code, `${path}: ${message}`, {
      location: { path, line: 1, column: 1 },
      hint: 'A package as a tar has metadata.yml, docker-compose.yml and parameters.yml or settings.yml at its root.',
    });
  let failure: RebundleError | undefined;
  let count = 0;
  let ended = false;
  const addEntry = (entry: TarEntry): void => {
    const name = posix.normalize(entry.path).replace(/^\.\//, '');
    count += 1;
    if (count > MAX_ENTRIES) failure ??= refuse(`has more than ${MAX_ENTRIES} entries`, 'SOURCE_LIMIT');
    if (isUnsafe(entry.path)) failure ??= refuse(`the name '${escapeTerminal(entry.path)}' leaves the package`);
    const isFile = entry.type === 'File' || entry.type === 'OldFile';
    if (failure !== undefined || !isFile || name.startsWith(IMAGES)) return void entry.resume();
    const parts: Buffer[] = [];
    entry.on('data', (chunk: Buffer) => void parts.push(chunk));
    // The last of equal names counts, as when it is unpacked.
    entry.on('end', () =>
      files.set(name, { executable: ((entry.mode ?? 0) & 0o111) !== 0, bytes: Buffer.concat(parts) }),
    );
  };
  const parser = createPlainTarParser({ onReadEntry: addEntry, strict: true });
  parser.on('error', (cause) => {
    failure ??= refuse(`is no tar that can be read: ${escapeTerminal(String(cause))}`);
  });
  parser.on('end', () => {
    ended = true;
  });
  const archive = isGzip(bytes) ? unpackGzip(bytes, refuse) : bytes;
  if (isPackedAgain(archive)) throw refuse('is no tar that can be read: it is compressed twice');
  for (let at = 0; at < archive.byteLength && failure === undefined; at += CHUNK_BYTES) {
    parser.write(Buffer.from(archive.subarray(at, at + CHUNK_BYTES)));
  }
  if (failure === undefined) parser.end();
  if (failure !== undefined) throw failure;
  if (!ended) throw refuse('ends before the end of the archive');
  return files;
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function unpackGzip(bytes: Uint8Array, refuse: Refuse): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES, chunkSize: CHUNK_BYTES });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw refuse('is damaged');
    throw refuse(`is larger than ${MAX_UNPACKED_BYTES} bytes unpacked`, 'SOURCE_LIMIT');
  }
}

function isUnsafe(name: string): boolean {
  return name === '' || name.startsWith('/') || /[\p{Cc}\\]/u.test(name) || name.split('/').includes('..');
}

export interface TarPackage {
  /** The repository, with the files of the package below the path of the package. */
  readonly source: Source;
  readonly files: readonly FileEntry[];
}

/** A source in which a package that is a tar looks as if it were a folder. */
export function openTar(source: Source, path: string, bytes: Uint8Array): TarPackage {
  const unpacked = unpackTar(bytes, path);
  const files = [...unpacked].map(
    ([name, file]): FileEntry => ({
      path: `${path}/${name}`,
      mode: file.executable ? 'executable' : 'file',
      size: file.bytes.byteLength,
    }),
  );
  const find = (wanted: string): Buffer | undefined =>
    wanted.startsWith(`${path}/`) ? unpacked.get(wanted.slice(path.length + 1))?.bytes : undefined;
  return {
    files,
    source: {
      origin: source.origin,
      list: () => source.list(),
      read: async (wanted, limit) => {
        const found = find(wanted);
        if (found === undefined) return source.read(wanted, limit);
        if (found.byteLength > limit) {
          throw new RebundleError('SOURCE_LIMIT', `${wanted} is larger than ${limit} bytes`, {
            origin: { ...source.origin, path: wanted },
          });
        }
        return found;
      },
      open: (wanted) => {
        const found = find(wanted);
        return found === undefined ? source.open(wanted) : once(found);
      },
    },
  };
}
