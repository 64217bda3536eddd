import { MAX_BUNDLE_FILES } from '../bundle/limits.ts';
import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { type ByteReader, createByteReader } from './check-bytes.ts';
import { hasEveryZero, type PaxRecords, parsePax, readHeader, type TarHeader } from './check-tar-header.ts';

const BLOCK = 512;
/** Files, folders and the records that come before them. */
const MAX_HEADERS = 4 * MAX_BUNDLE_FILES;
/** Bytes of one pax record or long name. */
const MAX_RECORD_BYTES = 64 * 1024;

/** A regular file of an archive. */
export interface TarFile {
  /** As written. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Permission bits and above. */
  readonly mode: number;
}

export interface TarVisitor {
  /** `content` is read to its end, or not at all. */
  readonly onFile: (file: TarFile, content: AsyncIterable<Uint8Array>) => Promise<void>;
  readonly onFolder: (path: string) => void;
  /** An entry that no bundle may have; it is passed over. */
  readonly onRefused: (problem: string) => void;
}

const KINDS: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a named pipe',
  '7': 'a contiguous file',
  S: 'a sparse file',
  M: 'a part of a file',
  D: 'a dumped folder',
  K: 'a long link name',
};

/**
 * Reads a tar stream (POSIX.1-2001 ustar and pax, GNU long names) as strictly as no unpacking program does: what two of them could read differently is
 * refused. Throws BUNDLE_ARCHIVE where the stream is damaged, cut off or followed by anything, BUNDLE_LIMIT for more entries than a bundle may have.
 */
export async function readTar(stream: AsyncIterable<Uint8Array>, visitor: TarVisitor): Promise<void> {
  const reader = createByteReader(stream);
  let names: Names = {};
  for (let headers = 1; ; headers++) {
    const block = await reader.read(BLOCK);
    if (block === undefined) throw damaged('it ends without the blocks that mark its end');
    if (hasEveryZero(block)) break;
    if (headers > MAX_HEADERS)
      throw new RebundleError('BUNDLE_LIMIT', `the archive has more than ${MAX_HEADERS} entries`);
    const header = readHeader(block);
    if (header === undefined) throw damaged(`the entry at byte ${reader.position() - BLOCK} has no valid header`);
    const read = await readNames(reader, header, names);
    if (read !== undefined) {
      names = read;
      continue;
    }
    await visitEntry(reader, header, names, visitor);
    names = {};
  }
  if (names.pax !== undefined || names.long !== undefined) throw damaged('it ends with a record of no entry');
  await readEnd(reader);
}

/** What came before an entry. */
interface Names {
  readonly pax?: PaxRecords;
  /** GNU long name. */
  readonly long?: string;
}

/** Reads the record that a header stands for; undefined for a header of an entry. */
async function readNames(reader: ByteReader, header: TarHeader, names: Names): Promise<Names | undefined> {
  const { type, size } = header;
  if (type !== 'x' && type !== 'g' && type !== 'L') return undefined;
  if (size > MAX_RECORD_BYTES) throw damaged(`a record of it has ${size} bytes, more than ${MAX_RECORD_BYTES}`);
  const bytes = await readPadded(reader, size);
  if (type === 'L') {
    const long = decodeUtf8(bytes)?.replace(/\0$/, '');
    if (long === undefined || long.includes('\0')) throw damaged('a long name of it is no UTF-8 text');
    if (names.long !== undefined || names.pax?.has('path')) throw damaged(`it names ${encodeJson(long)} twice`);
    return { ...names, long };
  }
  const pax = parsePax(bytes);
  if (pax === undefined) throw damaged('a pax record of it cannot be read');
  // Other programs hold them for all that follows.
  const isGlobal = type === 'g';
  if (isGlobal && [...pax.keys()].some((key) => key !== 'comment')) throw damaged('it has a global pax record');
  if (isGlobal) return names;
  if (names.pax !== undefined || (names.long !== undefined && pax.has('path'))) {
    throw damaged('an entry of it has two records');
  }
  return { ...names, pax };
}

async function visitEntry(reader: ByteReader, header: TarHeader, names: Names, visitor: TarVisitor): Promise<void> {
  const { type, size } = header;
  const path = names.long ?? names.pax?.get('path') ?? header.path;
  const shown = encodeJson(path ?? '');
  const paxSize = names.pax?.get('size');
  if (paxSize !== undefined && paxSize !== String(size)) throw damaged(`it gives ${shown} two sizes`);
  const isSparse = [...(names.pax?.keys() ?? [])].some((key) => key.startsWith('GNU.sparse.'));
  // Before POSIX a folder was a file whose name ends with a slash.
  const isFolder = type === '5' || ((type === '0' || type === '\0') && path?.endsWith('/') === true);
  const isFile = (type === '0' || type === '\0') && !isFolder && !isSparse;
  if (path === undefined) {
    visitor.onRefused('an entry has a name that is not UTF-8 text');
  } else if (isFolder) {
    if (size > 0) throw damaged(`the folder ${shown} of it has content`);
    visitor.onFolder(path);
  } else if (isFile) {
    let taken = 0;
    const content = reader.take(size, (bytes) => {
      taken += bytes;
    });
    await visitor.onFile({ path, size, mode: header.mode }, content);
    if (taken !== 0 && taken !== size) throw new RebundleError('INTERNAL', `${shown} was read in part`);
    if (taken === 0) await reader.skip(size);
    await reader.skip(paddingOf(size));
    return;
  } else {
    visitor.onRefused(`${shown} is ${isSparse ? KINDS.S : (KINDS[type] ?? `of the unknown type ${encodeJson(type)}`)}`);
  }
  // Programs differ on whether anything follows a link that has a size.
  if (type !== '1' && type !== '2') await reader.skip(size + paddingOf(size));
  else if (size > 0) throw damaged(`the link ${shown} of it has content`);
}

async function readPadded(reader: ByteReader, size: number): Promise<Uint8Array> {
  const bytes = size === 0 ? new Uint8Array() : await reader.read(size);
  if (bytes === undefined) throw damaged('it is cut off');
  await reader.skip(paddingOf(size));
  return bytes;
}

/** One more block of zeros, and nothing but zeros to the end: programs fill up to 10,240 bytes. */
async function readEnd(reader: ByteReader): Promise<void> {
  const second = await reader.read(BLOCK);
  if (second === undefined) throw damaged('it ends without the blocks that mark its end');
  for (let block: Uint8Array | undefined = second; block !== undefined; block = await reader.readSome()) {
    if (!hasEveryZero(block)) throw damaged('something follows its end');
  }
}

function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function damaged(problem: string): RebundleError {
  return new RebundleError('BUNDLE_ARCHIVE', `the archive cannot be unpacked: ${problem}`);
}
