import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, readlink, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { RebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import type { CliEnvironment } from './environment.ts';
import { removeLeftovers } from './output.ts';

const LOCK_FILE = 'run.lock';
/** Tries at a lock that goes and comes while it is looked at. */
const MAX_TRIES = 20;
/** File systems without hard links say one of these. */
const NO_LINKS: readonly unknown[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** Who works in an output folder. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** When it took the lock, UTC. */
  readonly since: string;
  /** Which boot, which namespace of process ids and which start: it tells a process from a later one of the same id. Absent where no such is known. */
  readonly start?: string;
}

interface LockFile {
  readonly text: string;
  /** Undefined where the text is none of ours. */
  readonly holder?: LockHolder;
}

/**
 * Runs a task that alone may write into an output folder; the lock goes with it, whatever happens. `takenFrom` is a run whose process is gone and whose lock was
 * left. Throws RUN_LOCKED where another run works there, and where only its own host could tell.
 */
export async function withRunLock<T>(
  { out, environment }: { readonly out: string; readonly environment: CliEnvironment },
  task: (takenFrom: LockHolder | undefined) => Promise<T>,
): Promise<T> {
  const path = join(out, LOCK_FILE);
  const self = await describeSelf(environment);
  const lock = await take(path, { out, self, environment });
  try {
    if (lock.takenFrom !== undefined) await removeLeftovers(out);
    return await task(lock.takenFrom);
  } finally {
    // Only what is still ours: a person may have removed it and started another run.
    if ((await readLock(path))?.text === lock.text) await rm(path, { force: true });
  }
}

/** Says that a run was killed and its lock taken over. */
export function tellTakenLock(holder: LockHolder | undefined, emit: Emit): void {
  if (holder === undefined) return;
  const message = `process ${holder.pid}, at work here since ${holder.since}, has gone without an end; its lock was taken over`;
  emit({ type: 'diagnostic', diagnostic: finding('run.lock-taken', message) });
}

async function take(path: string, work: Omit<Taking, 'text'>): Promise<Taken> {
  const { out, self } = work;
  const text = `${JSON.stringify(self)}\n`;
  try {
    await mkdir(out, { recursive: true });
    const taken = await acquire(path, { ...work, text });
    return { text, ...taken };
  } catch (cause) {
    if (cause instanceof RebundleError) throw cause;
    throw new RebundleError('OUTPUT_UNWRITABLE', `${escapeTerminal(path)} cannot be written`, { cause });
  }
}

interface Taking {
  readonly out: string;
  readonly self: LockHolder;
  readonly text: string;
  readonly environment: CliEnvironment;
}

interface Taken {
  readonly text: string;
  readonly takenFrom?: LockHolder;
}

/**
 * Makes the lock file, or takes it over from a process that is gone. Whoever takes over holds a second lock beside it and looks again under that, so that of two who
 * find the same left lock one wins; the second lock is taken in the same way, for it may be left, too.
 */
async function acquire(path: string, work: Taking): Promise<Pick<Taken, 'takenFrom'>> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    if (await create(path, work.text)) return {};
    const found = await readLock(path);
    if (found === undefined) continue;
    const { holder } = found;
    if (holder === undefined || !(await isGone(holder, work))) throw lockedError(path, holder, work);
    const guard = `${path}.takeover`;
    await acquire(guard, work);
    try {
      if ((await readLock(path))?.text !== found.text) continue;
      await replace(path, work.text);
      return { takenFrom: holder };
    } finally {
      await rm(guard, { force: true });
    }
  }
  throw lockedError(path, undefined, work);
}

/** False where the file is there. It is whole as soon as it is there, wherever the file system has links. */
async function create(path: string, text: string): Promise<boolean> {
  const temp = await writeTemp(path, text);
  try {
    await link(temp, path);
    return true;
  } catch (thrown) {
    // Over a network the answer to a link that was made may be lost.
    if ((await stat(temp)).nlink > 1) return true;
    if (isErrno(thrown, ['EEXIST'])) return false;
    if (!isErrno(thrown, NO_LINKS)) throw thrown;
  } finally {
    await rm(temp, { force: true });
  }
  try {
    await writeNew(path, text);
    return true;
  } catch (thrown) {
    if (isErrno(thrown, ['EEXIST'])) return false;
    throw thrown;
  }
}

async function replace(path: string, text: string): Promise<void> {
  const temp = await writeTemp(path, text);
  try {
    await rename(temp, path);
  } finally {
    await rm(temp, { force: true });
  }
}

async function writeTemp(path: string, text: string): Promise<string> {
  const temp = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  await writeNew(temp, text);
  return temp;
}

async function writeNew(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isErrno(thrown: unknown, codes: readonly unknown[]): boolean {
  return thrown instanceof Error && 'code' in thrown && codes.includes(thrown.code);
}

async function readLock(path: string): Promise<LockFile | undefined> {
  const bytes = await readFile(path).catch((thrown: unknown) => {
    if (isErrno(thrown, ['ENOENT'])) return undefined;
    throw thrown;
  });
  if (bytes === undefined) return undefined;
  const text = bytes.toString('utf8');
  const holder = parseHolder(text);
  return { text, ...(holder === undefined ? {} : { holder }) };
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const { pid, host, since, start } = JSON.parse(text) as Partial<Record<keyof LockHolder, unknown>>;
    if (!Number.isSafeInteger(pid) || Number(pid) < 1 || typeof host !== 'string' || typeof since !== 'string')
      return undefined;
    return { pid: Number(pid), host, since, ...(typeof start === 'string' ? { start } : {}) };
  } catch {
    return undefined;
  }
}

async function describeSelf({ pid, now }: CliEnvironment): Promise<LockHolder> {
  const [machine, ticks] = await Promise.all([readMachine(), readTicks(pid)]);
  const start = machine === undefined || ticks === undefined ? {} : { start: `${machine} ${ticks}` };
  return { pid, host: hostname(), since: `${new Date(now()).toISOString().slice(0, 19)}Z`, ...start };
}

/** True where the process is certain to run no more. */
async function isGone(holder: LockHolder, { self, environment }: Taking): Promise<boolean> {
  if (holder.host !== self.host) return false;
  const [boot, processes, ticks] = holder.start?.split(' ') ?? [];
  const [ownBoot, ownProcesses] = self.start?.split(' ') ?? [];
  const isKnown = ticks !== undefined && ownBoot !== undefined;
  if (isKnown && boot !== ownBoot) return true;
  // A container of the same name: its processes cannot be seen from here.
  if (isKnown && processes !== ownProcesses) return false;
  if (!environment.isRunning(holder.pid)) return true;
  const now = await readTicks(holder.pid);
  return isKnown && now !== undefined && now !== ticks;
}

/** The boot and the namespace of process ids, where the system tells (Linux). */
async function readMachine(): Promise<string | undefined> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}

/** When a process started, in ticks since the boot; `ended` for one that only waits to be buried, undefined where nobody tells. */
async function readTicks(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  // The name of the program is in brackets and may hold anything.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? 'ended' : fields?.[19];
}

function lockedError(path: string, holder: LockHolder | undefined, { out, self }: Taking): RebundleError {
  const shown = escapeTerminal(path);
  const remove = `If it runs no more, delete ${shown}.`;
  if (holder === undefined) {
    return new RebundleError('RUN_LOCKED', `another run may be at work in ${escapeTerminal(out)}: ${shown} is there`, {
      hint: remove,
    });
  }
  const who = `process ${holder.pid} on ${escapeTerminal(holder.host)}, since ${escapeTerminal(holder.since)}`;
  const isHere = holder.host === self.host && holder.start?.split(' ')[1] === self.start?.split(' ')[1];
  return new RebundleError('RUN_LOCKED', `another run is at work in ${escapeTerminal(out)}: ${who}`, {
    hint: isHere ? 'Wait until it ends, or name another --out for another factory.' : remove,
  });
}
