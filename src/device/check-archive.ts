import { createHash } from 'node:crypto';
import { COMPOSE_FILE, describePathFault, findPathClashes, isReservedPath } from '../bundle/bundle-path.ts';
import { MAX_BUNDLE_FILES, MAX_COMPOSE_BYTES } from '../bundle/limits.ts';
import { readComposeFile } from '../compose/compose-file.ts';
import { listFileReferences } from '../compose/file-references.ts';
import { RebundleError } from '../errors.ts';
import { decodeUtf8, once } from '../lib/bytes.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { BundleFile, Diagnostic } from '../model/app.ts';
import type { FindingCode } from '../model/findings.ts';
import { gunzipStream } from './check-gunzip.ts';
import { readTar, type TarFile } from './check-tar.ts';

/** What composectl reads of an archive, in bytes, packed and unpacked. */
export const MAX_ARCHIVE_BYTES = 1024 * 1024 * 1024;
/** Bytes of files that are kept besides docker-compose.yml: more than Docker Compose's own form can hold. */
const MAX_KEPT_BYTES = 2 * 1024 * 1024;
/** Findings of one kind before they are only counted. */
const LISTED = 10;

/** What an archive holds. */
export interface ArchiveContent {
  /** In the order of the archive. Small files that the compose file refers to can be opened, others throw INTERNAL. */
  readonly files: readonly BundleFile[];
  readonly folders: readonly string[];
  /** docker-compose.yml; undefined where there is none, or none in UTF-8. */
  readonly compose?: string;
}

/**
 * Looks at every entry of the archive of a bundle: plain files and folders with names that unpack alike everywhere, docker-compose.yml at the root, no
 * reserved names (rule B1). A leading `./` is passed over, as devices do. Throws what the stream fails at; what is wrong with the archive is a finding.
 */
export async function checkArchive(
  stream: AsyncIterable<Uint8Array>,
  size: number,
): Promise<{ readonly content: ArchiveContent; readonly findings: readonly Diagnostic[] }> {
  const collected = createCollection();
  try {
    await readArchive(stream, size, {
      onFile: (file, content) => collectFile(collected, file, content),
      onFolder: (path) => collectFolder(collected, path),
      onRefused: (problem) => collected.report('verify.archive-entry', problem),
    });
  } catch (error) {
    if (!(error instanceof RebundleError)) throw error;
    if (error.code !== 'BUNDLE_ARCHIVE' && error.code !== 'BUNDLE_LIMIT') throw error;
    collected.report(error.code === 'BUNDLE_LIMIT' ? 'verify.archive-limit' : 'verify.archive', error.message);
    return { content: { files: [], folders: [] }, findings: collected.list() };
  }
  checkNames(collected);
  const { files, folders, compose } = collected;
  return {
    content: { files, folders: [...folders], ...(compose.text === undefined ? {} : { compose: compose.text }) },
    findings: collected.list(),
  };
}

/** The entries of a compressed archive, one after the other; see readTar and gunzipStream for what they refuse. */
export async function readArchive(
  stream: AsyncIterable<Uint8Array>,
  size: number,
  visitor: Parameters<typeof readTar>[1],
): Promise<void> {
  const unpacked = gunzipStream(stream, { size, limit: MAX_ARCHIVE_BYTES });
  try {
    await readTar(unpacked, visitor);
  } finally {
    await unpacked.return();
  }
}

/** The path of an entry in the bundle. */
export function bundlePath(path: string): string {
  return path.replace(/^(?:\.\/+)+/, '').replace(/^\.$/, '');
}

interface Collection {
  readonly files: BundleFile[];
  readonly folders: Set<string>;
  /** What the compose file refers to, once it was read. */
  readonly compose: { text?: string; isSeen: boolean; wanted?: ReadonlySet<string> };
  keptBytes: number;
  readonly report: (code: FindingCode, message: string, hint?: string) => void;
  readonly list: () => Diagnostic[];
}

function createCollection(): Collection {
  const counts = new Map<FindingCode, number>();
  const findings: Diagnostic[] = [];
  return {
    files: [],
    folders: new Set(),
    compose: { isSeen: false },
    keptBytes: 0,
    report(code, message, hint) {
      const count = (counts.get(code) ?? 0) + 1;
      counts.set(code, count);
      if (count <= LISTED) findings.push(finding(code, message, hint === undefined ? {} : { hint }));
    },
    list() {
      const more = [...counts].filter(([, count]) => count > LISTED);
      return [...findings, ...more.map(([code, count]) => finding(code, `${count - LISTED} more of these`))];
    },
  };
}

async function collectFile(collected: Collection, file: TarFile, content: AsyncIterable<Uint8Array>): Promise<void> {
  const path = bundlePath(file.path);
  const shown = encodeJson(file.path);
  const fault = describePathFault(path);
  if (fault !== undefined) {
    collected.report('verify.archive-entry', `${shown} ${fault}`, 'Rename the file and publish the bundle again.');
    return;
  }
  if (collected.files.length >= MAX_BUNDLE_FILES) {
    throw new RebundleError('BUNDLE_LIMIT', `the archive has more than ${MAX_BUNDLE_FILES} files`);
  }
  if ((file.mode & ~0o777) !== 0)
    collected.report('verify.archive-entry', `${shown} has the mode ${file.mode.toString(8)}`);
  const isCompose = path === COMPOSE_FILE;
  const keeps = isCompose ? file.size <= MAX_COMPOSE_BYTES : isKept(collected, path, file.size);
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) {
    hash.update(chunk);
    if (keeps) chunks.push(Uint8Array.from(chunk));
  }
  const bytes = keeps ? Buffer.concat(chunks) : undefined;
  if (isCompose) readCompose(collected, file.size, bytes);
  else if (keeps) collected.keptBytes += file.size;
  collected.files.push({
    path,
    executable: (file.mode & 0o100) !== 0,
    size: file.size,
    digest: `sha256:${hash.digest('hex')}`,
    open: () => {
      if (bytes === undefined) throw new RebundleError('INTERNAL', `${shown} was not kept`);
      return once(bytes);
    },
  });
}

/** Before the compose file, which comes first in our archives, every small file may be one that it refers to. */
function isKept({ compose, keptBytes }: Collection, path: string, size: number): boolean {
  return keptBytes + size <= MAX_KEPT_BYTES && (compose.wanted === undefined || compose.wanted.has(path));
}

function readCompose(collected: Collection, size: number, bytes: Uint8Array | undefined): void {
  const { compose } = collected;
  compose.isSeen = true;
  if (bytes === undefined) {
    collected.report('verify.compose-invalid', `${COMPOSE_FILE} has ${size} bytes, more than ${MAX_COMPOSE_BYTES}`);
    return;
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    collected.report('verify.compose-invalid', `${COMPOSE_FILE} is not UTF-8 text`);
    return;
  }
  compose.text = text;
  try {
    const file = readComposeFile({ text, path: COMPOSE_FILE, line: 1 }, { origin: 'compose' });
    compose.wanted = new Set(listFileReferences(file).map(({ path }) => path));
  } catch (error) {
    // It is checked, with its place, after the archive.
    if (!(error instanceof RebundleError)) throw error;
  }
}

function collectFolder(collected: Collection, written: string): void {
  const path = bundlePath(written).replace(/\/+$/, '');
  if (path === '') return;
  const fault = describePathFault(path);
  if (fault !== undefined) collected.report('verify.archive-entry', `the folder ${encodeJson(written)} ${fault}`);
  else collected.folders.add(path);
}

function checkNames(collected: Collection): void {
  const { files, folders, report, compose } = collected;
  if (!compose.isSeen) {
    report('verify.compose-missing', `the archive has no ${COMPOSE_FILE} at its root`);
  }
  for (const [one, other] of findPathClashes(files.map(({ path }) => path))) {
    const message = `${encodeJson(one)} and ${encodeJson(other)} cannot be told apart everywhere`;
    report('verify.archive-entry', message, 'Rename one of the two and publish the bundle again.');
  }
  const names = new Set(files.map(({ path }) => path));
  for (const folder of folders) {
    for (let end = folder.length; end > 0; end = folder.lastIndexOf('/', end - 1)) {
      if (!names.has(folder.slice(0, end))) continue;
      report('verify.archive-entry', `${encodeJson(folder.slice(0, end))} is a file and a folder`);
    }
  }
  for (const path of [...names, ...folders]) {
    if (isReservedPath(path)) report('verify.reserved-name', `${encodeJson(path)} has a reserved name`);
  }
}
