import { createHash } from 'node:crypto';
import { Gzip } from 'fflate';
import { Header } from 'tar/header';
import { Pax } from 'tar/pax';
import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { encodeJson } from '../lib/escape-text.ts';
import type { BundleFile } from '../model/app.ts';
import { COMPOSE_FILE, describePathFault, findPathClashes } from './bundle-path.ts';
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES } from './limits.ts';

const BLOCK = 512;
/** Bytes of the tar stream per push. The compressor's output depends on it: a part of the format. */
const PUSH = 65_536;
const EPOCH = new Date(0);

/**
 * docker-compose.yml first, then by path. Throws BUNDLE_FILE_MISSING without docker-compose.yml, BUNDLE_PATH for names that cannot be
 * unpacked safely everywhere, BUNDLE_LIMIT for more than MAX_BUNDLE_FILES files or MAX_BUNDLE_BYTES bytes.
 */
export function orderBundleFiles(files: readonly BundleFile[]): BundleFile[] {
  if (files.length > MAX_BUNDLE_FILES) {
    throw new RebundleError('BUNDLE_LIMIT', `the bundle has ${files.length} files, more than ${MAX_BUNDLE_FILES}`);
  }
  for (const { path } of files) {
    const fault = describePathFault(path);
    if (fault !== undefined) throw new RebundleError('BUNDLE_PATH', `the bundle path ${encodeJson(path)} ${fault}`);
  }
  const clash = findPathClashes(files.map((file) => file.path))[0];
  if (clash !== undefined) {
    const [one, other] = clash;
    throw new RebundleError('BUNDLE_PATH', `${encodeJson(one)} and ${encodeJson(other)} cannot be in one bundle`, {
      hint: 'Rename one of the two: devices or checkouts may take them for the same file.',
    });
  }
  if (!files.some((file) => file.path === COMPOSE_FILE)) {
    throw new RebundleError('BUNDLE_FILE_MISSING', `the bundle has no ${COMPOSE_FILE} at its root`);
  }
  const bytes = files.reduce((sum, file) => sum + BLOCK + paddedSize(file.size), 2 * BLOCK);
  if (bytes > MAX_BUNDLE_BYTES) {
    throw new RebundleError('BUNDLE_LIMIT', `the bundle has ${bytes} bytes, more than ${MAX_BUNDLE_BYTES}`);
  }
  return files.toSorted(
    (a, b) => Number(b.path === COMPOSE_FILE) - Number(a.path === COMPOSE_FILE) || compareText(a.path, b.path),
  );
}

/**
 * The gzip archive of a bundle, format 1: equal files give equal bytes, whatever their order and the sizes of their chunks. An ustar
 * stream (POSIX.1-2001 pax records where a name needs them) of regular files only, docker-compose.yml first; time, owner and group 0,
 * mode 0644 or 0755. Folders have no entries: unpacking makes them, and an entry would reset the owner of a folder that an app writes
 * to. At most one push and one chunk of a file are held. Throws what orderBundleFiles throws, and SOURCE_UNREADABLE where a file yields
 * other bytes than its size and digest say.
 */
export async function* archiveBundle(files: readonly BundleFile[]): AsyncGenerator<Uint8Array> {
  const compressed: Uint8Array[] = [];
  const gzip = new Gzip({ level: 6, mtime: 0 }, (chunk) => {
    if (chunk.byteLength > 0) compressed.push(chunk);
  });
  const pending = new Uint8Array(PUSH);
  let filled = 0;
  for await (const chunk of tarStream(orderBundleFiles(files))) {
    for (let from = 0; from < chunk.byteLength; ) {
      if (filled === PUSH) {
        gzip.push(pending);
        filled = 0;
        yield* compressed.splice(0);
      }
      const part = chunk.subarray(from, from + PUSH - filled);
      pending.set(part, filled);
      filled += part.byteLength;
      from += part.byteLength;
    }
  }
  gzip.push(pending.subarray(0, filled), true);
  yield* compressed;
}

async function* tarStream(files: readonly BundleFile[]): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    yield* encodeHeader(file);
    yield* readWhole(file);
    yield new Uint8Array(paddedSize(file.size) - file.size);
  }
  yield new Uint8Array(2 * BLOCK);
}

function encodeHeader(file: BundleFile): Uint8Array[] {
  const owner = { uid: 0, gid: 0, uname: '', gname: '', mtime: EPOCH };
  const block = Buffer.alloc(BLOCK);
  const mode = file.executable ? 0o755 : 0o644;
  const header = new Header({ ...owner, path: file.path, mode, size: file.size, type: 'File' });
  const needsPax = header.encode(block);
  return needsPax ? [new Pax({ path: file.path, uid: 0, gid: 0, mtime: EPOCH }).encode(), block] : [block];
}

async function* readWhole(file: BundleFile): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of file.open()) {
    size += chunk.byteLength;
    if (size > file.size) break;
    hash.update(chunk);
    yield chunk;
  }
  if (size !== file.size || `sha256:${hash.digest('hex')}` !== file.digest) {
    throw new RebundleError('SOURCE_UNREADABLE', `${encodeJson(file.path)} changed while it was read`, {
      hint: 'Run again when nothing writes to the repository.',
    });
  }
}

function paddedSize(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
