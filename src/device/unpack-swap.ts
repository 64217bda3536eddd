import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { RebundleError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { syncFolder, writeNew } from './unpack.ts';

/** What pull wrote into a folder, beside the state that device clients keep there; a reserved name (rule B1), so no bundle has it. */
const RECORD = { folder: '.meta', name: 'rebundle.json' } as const;
const MAX_RECORD_BYTES = 32 * 1024 * 1024;
/** Values of the device itself for the variables of the compose file. */
const ENV_FILE = '.env';
const MAX_ENV_BYTES = 1024 * 1024;
/** Signs of a folder that is somebody's work. */
const FOREIGN = /^(?:\.git|\.hg|\.svn|rebundle\.ya?ml|.*\.dockerapp)$/s;
const DAY_MS = 24 * 60 * 60 * 1000;

/** A folder that a bundle is unpacked into, to take the place of another as a whole. */
export interface FolderSwap {
  /** New and empty, beside the folder that it will be. */
  readonly folder: string;
  /** A path for a file that is needed meanwhile. */
  readonly spool: string;
  /** Puts it in place; `files` are all that it holds of the bundle. True where a `.env` of the device took the place of one of the bundle. */
  readonly commit: (files: readonly string[]) => Promise<{ readonly keptEnv: boolean }>;
  /** Takes away what is not in place; to be called in any case. */
  readonly discard: () => Promise<void>;
}

/**
 * Begins to replace `destination` (absolute), which is not touched before `commit`. Killed at any moment, the old or the new folder is there whole; between
 * two renames the old one has the name `.NAME.rebundle-old`, from which the next pull brings it back. What is not of a bundle (`.env`, data that
 * containers wrote into the folder) moves over. Throws OUTPUT_UNSAFE where the folder is something else than a bundle of `app`.
 */
export async function beginSwap(destination: string, app: string): Promise<FolderSwap> {
  const parent = dirname(destination);
  const aside = join(parent, `.${basename(destination)}.rebundle-old`);
  await mkdir(parent, { recursive: true });
  await recover(destination, aside);
  await assertReplaceable(destination, app);
  const prefix = `.${basename(destination)}.rebundle-new-`;
  const work = join(parent, `${prefix}${randomBytes(8).toString('hex')}`);
  await mkdir(work, { mode: 0o700 });
  await removeStale(parent, prefix, work);
  const folder = join(work, 'bundle');
  await mkdir(folder);
  await chmod(folder, 0o755);
  return {
    folder,
    spool: join(work, 'archive'),
    async commit(files) {
      const keptEnv = await takeEnvFile(destination, folder, files);
      await writeRecord(folder, app, keptEnv ? files.filter((path) => path !== ENV_FILE) : files);
      await syncFolder(folder);
      await assertReplaceable(destination, app);
      const isThere = (await lstatOptional(destination)) !== undefined;
      if (isThere) await rename(destination, aside);
      await rename(folder, destination);
      await syncFolder(parent);
      if (isThere) await finish(destination, aside);
      return { keptEnv };
    },
    discard: () => rm(work, { recursive: true, force: true }),
  };
}

/** Ends what a killed run began. */
async function recover(destination: string, aside: string): Promise<void> {
  if ((await lstatOptional(aside)) === undefined) return;
  if ((await lstatOptional(destination)) === undefined) await rename(aside, destination);
  else await finish(destination, aside);
  await syncFolder(dirname(destination));
}

/** Moves what no bundle brought into the new folder, and removes the old one. */
async function finish(destination: string, aside: string): Promise<void> {
  const own = await readRecord(aside);
  await moveOthers({ from: aside, to: destination, path: '', own });
  await rm(aside, { recursive: true, force: true });
  await syncFolder(dirname(destination));
}

interface Move {
  readonly from: string;
  readonly to: string;
  /** Below both. */
  readonly path: string;
  readonly own: OwnFiles;
}

/** The files of the former bundle, and the folders that they are in. */
interface OwnFiles {
  /** Undefined where pull did not write it. */
  readonly app: string | undefined;
  readonly files: ReadonlySet<string>;
  readonly folders: ReadonlySet<string>;
}

/** Whole folders where nothing in them was of the bundle, so that containers that have them mounted go on. */
async function moveOthers({ from, to, path, own }: Move): Promise<void> {
  for (const name of await readdir(join(from, path))) {
    const inner = path === '' ? name : `${path}/${name}`;
    if (own.files.has(inner)) continue;
    const isFolder = (await lstatOptional(join(from, inner)))?.isDirectory() === true;
    const there = await lstatOptional(join(to, inner));
    if (there === undefined && !(isFolder && own.folders.has(inner))) {
      await rename(join(from, inner), join(to, inner));
      continue;
    }
    // Of a file that the new bundle has, too, that of the bundle stays.
    if (!isFolder || there?.isDirectory() === false) continue;
    if (there === undefined) {
      if (!(await holdsOthers(from, inner, own))) continue;
      await mkdir(join(to, inner));
    }
    await moveOthers({ from, to, path: inner, own });
  }
}

/** True where something in a folder of the former bundle is not of the bundle. */
async function holdsOthers(root: string, path: string, own: OwnFiles): Promise<boolean> {
  for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
    const inner = `${path}/${entry.name}`;
    if (own.files.has(inner)) continue;
    if (!entry.isDirectory() || !own.folders.has(inner) || (await holdsOthers(root, inner, own))) return true;
  }
  return false;
}

async function assertReplaceable(destination: string, app: string): Promise<void> {
  const found = await lstatOptional(destination);
  if (found === undefined) return;
  const refuse = (why: string, hint = 'Move it away, or name another folder.'): RebundleError =>
    new RebundleError('OUTPUT_UNSAFE', `${destination} ${why}`, { hint });
  if (found.isSymbolicLink()) throw refuse('is a link', 'Name the folder that it leads to.');
  if (!found.isDirectory()) throw refuse('is not a folder');
  const names = await readdir(destination);
  if (names.length === 0) return;
  const foreign = names.find((name) => FOREIGN.test(name));
  if (foreign !== undefined) throw refuse(`holds ${foreign}: it is no unpacked bundle`);
  if (!names.includes(COMPOSE_FILE)) throw refuse(`holds files, but no ${COMPOSE_FILE}: it is no unpacked bundle`);
  const { app: former } = await readRecord(destination);
  if (former !== undefined && former !== app)
    throw refuse(`holds the app ${encodeJson(former)}, not ${encodeJson(app)}`);
}

/** Puts the `.env` of the folder into the new one; true where that has one of its own. */
async function takeEnvFile(destination: string, folder: string, files: readonly string[]): Promise<boolean> {
  const own = await readRecord(destination);
  if (own.files.has(ENV_FILE)) return false;
  const bytes = await readSmall(join(destination, ENV_FILE), MAX_ENV_BYTES);
  if (bytes === undefined) return false;
  const mode = ((await lstatOptional(join(destination, ENV_FILE)))?.mode ?? 0o600) & 0o777;
  const isOfBundle = files.includes(ENV_FILE);
  await rm(join(folder, ENV_FILE), { force: true });
  await writeNew(join(folder, ENV_FILE), mode, [bytes]);
  return isOfBundle;
}

async function writeRecord(folder: string, app: string, files: readonly string[]): Promise<void> {
  const meta = join(folder, RECORD.folder);
  await mkdir(meta, { recursive: true });
  await rm(join(meta, RECORD.name), { recursive: true, force: true });
  await writeNew(join(meta, RECORD.name), 0o644, [Buffer.from(`${canonicalJson({ app, files, version: 1 })}\n`)]);
  await syncFolder(meta);
}

/** What a bundle brought into a folder; of one that pull did not write, docker-compose.yml alone is known. */
async function readRecord(folder: string): Promise<OwnFiles> {
  const record = `${RECORD.folder}/${RECORD.name}`;
  const bytes = await readSmall(join(folder, record), MAX_RECORD_BYTES);
  const { app, files: recorded } = parseRecord(bytes);
  const files = new Set([COMPOSE_FILE, record, ...recorded]);
  const folders = new Set<string>();
  for (const file of files) {
    for (let end = file.indexOf('/'); end > 0; end = file.indexOf('/', end + 1)) folders.add(file.slice(0, end));
  }
  return { app, files, folders };
}

function parseRecord(bytes: Buffer | undefined): { readonly app: string | undefined; readonly files: string[] } {
  try {
    const { app, files } = JSON.parse(bytes?.toString() ?? '{}');
    const known = Array.isArray(files) ? files.filter((path) => typeof path === 'string') : [];
    return { app: typeof app === 'string' ? app : undefined, files: known };
  } catch {
    return { app: undefined, files: [] };
  }
}

/** A regular file, no link; undefined where there is none. */
async function readSmall(path: string, limit: number): Promise<Buffer | undefined> {
  const found = await lstatOptional(path);
  if (found === undefined || !found.isFile()) return undefined;
  if (found.size > limit)
    throw new RebundleError('OUTPUT_UNSAFE', `${path} has ${found.size} bytes, more than ${limit}`);
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Folders of killed runs; a run does not last a day. */
async function removeStale(parent: string, prefix: string, own: string): Promise<void> {
  const now = (await lstat(own)).mtimeMs;
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue;
    const found = await lstatOptional(join(parent, name));
    if (found !== undefined && now - found.mtimeMs > DAY_MS)
      await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function lstatOptional(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
}
