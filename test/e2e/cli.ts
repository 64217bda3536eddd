import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { PAUSED, pauseAtRequest } from '../support/stop-hook.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The built program; another build of it may be named. */
const MAIN = process.env.REBUNDLE_MAIN ?? join(ROOT, 'dist/cli/main.js');
const SAMPLES = join(ROOT, 'samples');
export const CONFIG = 'samples/rebundle.yml';
export const BROKEN = 'samples/broken/rebundle.yml';
export const EPOCH = '1600000000';
export const CREATED_AT = '2020-09-13T12:26:40Z';

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Words before `node`, such as `sh -c`. */
  readonly prefix?: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  /** Another copy of the program. */
  readonly main?: string;
  /** Sends this signal when the text appears on standard error, when the promise is kept, or after so many milliseconds. */
  readonly interrupt?: { readonly at: string | number | Promise<unknown>; readonly signal: NodeJS.Signals };
  /** Lets the program stand still at a request or answer of that number while the work is done. */
  readonly pause?: { readonly atRequest: number; readonly work: () => Promise<void> };
}

/** A temporary folder with a copy of the samples, in which the built program runs. */
export class Workspace {
  readonly root: string;
  readonly #running = new Set<ChildProcess>();

  private constructor(root: string) {
    this.root = root;
  }

  /** `inMemory`: where the machine has a folder for that, since there nothing waits for a disk. */
  static async create(options: { readonly samples?: boolean; readonly inMemory?: boolean } = {}): Promise<Workspace> {
    if (!existsSync(MAIN)) throw new Error('dist/ is not there: build first, npm test does it');
    const base = options.inMemory === true && existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    const workspace = new Workspace(await realpath(await mkdtemp(join(base, 'rebundle-e2e-'))));
    if (options.samples !== false) {
      await cp(SAMPLES, join(workspace.root, 'samples'), { recursive: true });
    }
    return workspace;
  }

  /** Runs the program. SOURCE_DATE_EPOCH is set; nothing else of the environment but PATH is passed on. */
  run(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    const { input, result } = this.start(args, options);
    input.end();
    return result;
  }

  /** The same, for a program that a test sends signals to. */
  start(
    args: readonly string[],
    options: CliOptions = {},
  ): {
    readonly input: Writable;
    readonly kill: (signal: NodeJS.Signals) => void;
    readonly result: Promise<CliResult>;
  } {
    const { env, prefix = [], main = MAIN, interrupt, pause, ...user } = options;
    const [program = process.execPath, ...words] = [...prefix, process.execPath, main, ...args];
    const goOn = this.path('go-on');
    const hook = pause === undefined ? {} : pauseAtRequest(pause.atRequest, goOn);
    const given = { PATH: process.env.PATH, HOME: this.root, SOURCE_DATE_EPOCH: EPOCH, ...hook, ...env };
    const child = spawn(program, words, { cwd: this.root, env: given, stdio: 'pipe', ...user });
    this.#running.add(child);
    const result = new Promise<CliResult>((resolve, reject) => {
      let stdout = '';
      let stderr = '';
      const signalLater =
        typeof interrupt?.at === 'number' ? setTimeout(() => child.kill(interrupt.signal), interrupt.at) : undefined;
      let interrupted = false;
      const end = (): void => {
        interrupted = true;
        if (interrupt !== undefined) child.kill(interrupt.signal);
      };
      const at = interrupt?.at;
      if (typeof at === 'object') at.then(end, reject);
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
        if (pause !== undefined && stderr.includes(PAUSED)) {
          stderr = stderr.replace(PAUSED, '');
          pause
            .work()
            .then(() => writeFile(goOn, ''))
            .catch(reject);
        }
        if (typeof at === 'string' && !interrupted && stderr.includes(at)) end();
      });
      child.on('error', reject);
      child.on('close', (status) => {
        clearTimeout(signalLater);
        this.#running.delete(child);
        resolve({ status, stdout, stderr });
      });
    });
    return { input: child.stdin, kill: (signal) => void child.kill(signal), result };
  }

  path(path: string): string {
    return join(this.root, path);
  }

  read(path: string): Promise<string> {
    return readFile(this.path(path), 'utf8');
  }

  async readJson<T = Record<string, unknown>>(path: string): Promise<T> {
    return JSON.parse(await this.read(path));
  }

  async write(path: string, content: string): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true });
    await writeFile(this.path(path), content);
  }

  exists(path: string): boolean {
    return existsSync(this.path(path));
  }

  /** Mode and digest of every file below a folder, by path. */
  async listing(folder = '.'): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const base = this.path(folder);
    if (!existsSync(base)) return found;
    const entries = await readdir(base, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const digest = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      found.set(path.slice(base.length + 1), digest);
    }
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async modeOf(path: string): Promise<number> {
    return (await lstat(this.path(path))).mode & 0o777;
  }

  /** Lets any user write below the folder. */
  async open(): Promise<void> {
    await chmod(this.root, 0o777);
  }

  /** Takes the folder away, and what a failed test left running in it. */
  async close(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Copies the built program, with the packages that it needs at run time, into a folder; gives the path of the copy's main file. */
export async function copyProgram(folder: string): Promise<string> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
  const packages = Object.entries<{ readonly dev?: boolean; readonly optional?: boolean }>(lock.packages);
  const needed = packages.filter(([path, { dev, optional }]) => path !== '' && dev !== true && optional !== true);
  for (const path of ['dist', 'package.json', ...needed.map(([name]) => name)])
    await cp(join(ROOT, path), join(folder, path), { recursive: true });
  return join(folder, 'dist/cli/main.js');
}

/** Apps and references of standard output. */
export function referencesIn(stdout: string): Record<string, string> {
  const rows = stdout.trimEnd().split('\n');
  return Object.fromEntries(rows.map((row) => row.split('\t') as [string, string]));
}

/** The report without what belongs to one run. */
export async function readReport(workspace: Workspace, path = 'out/report.json'): Promise<Record<string, unknown>> {
  const { timing: _, ...report } = await workspace.readJson(path);
  return report;
}
