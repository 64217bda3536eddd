import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadCommands } from '../../src/cli/command-list.ts';
import { runProgram } from '../../src/cli/program.ts';
import { toRebundleError } from '../../src/errors.ts';

/** How a command line ended; an error is in `error` as `CODE: message (hint)`. */
export interface ProgramResult {
  readonly status?: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly error?: string;
}

/** A temporary folder in which commands run in this process, from the sources. */
export class ProgramFolder {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<ProgramFolder> {
    return new ProgramFolder(await realpath(await mkdtemp(join(tmpdir(), 'rebundle-program-'))));
  }

  async write(path: string, text: string): Promise<void> {
    const file = join(this.root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  read(path: string): Promise<string> {
    return readFile(join(this.root, path), 'utf8');
  }

  /** Paths of the files below a folder, sorted; none where it is not there. */
  async list(folder: string): Promise<string[]> {
    const entries = await readdir(join(this.root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    const root = join(this.root, folder).length + 1;
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name).slice(root)).sort();
  }

  async run(...args: string[]): Promise<ProgramResult> {
    let stderr = '';
    const environment = {
      version: '0.0.0',
      cwd: this.root,
      env: { SOURCE_DATE_EPOCH: '1600000000' },
      writeError: (text: string) => {
        stderr += text;
      },
      stdoutIsTerminal: false,
      stderrIsTerminal: false,
      width: () => 100,
      now: () => 0,
      repeat: () => () => {},
      signal: new AbortController().signal,
      pid: process.pid,
      isRunning: () => true,
    };
    try {
      const { status, stdout = '' } = await runProgram(args, {
        commands: await loadCommands(args),
        environment,
        version: '0.0.0',
      });
      return { status, stdout: Buffer.from(stdout).toString('utf8'), stderr };
    } catch (thrown) {
      const { code, message, hint } = toRebundleError(thrown);
      return { stdout: '', stderr, error: `${code}: ${message}${hint === undefined ? '' : ` (${hint})`}` };
    }
  }

  close(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}
