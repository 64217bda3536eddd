import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { createLimit, type Limit } from '../lib/limit.ts';
import { maskUrlCredentials } from '../lib/redact.ts';

const MAX_OUTPUT = 64 * 1024 * 1024;
const MAX_ERRORS = 8 * 1024;
const LOCAL_TIMEOUT_MS = 120_000;

/** What a call of git may reach: `none` is this machine's disk only. */
export type GitReach = 'none' | 'remote';

export interface GitSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Whether `file://` URLs are fetched from; https and ssh always are. */
  readonly allowFile?: boolean;
  /** Whether even remote work reaches nothing. */
  readonly offline?: boolean;
  /** The program; by default `git` on the path. */
  readonly program?: string;
}

export interface GitCall {
  /** Where it runs; paths in `args` are absolute, so it rarely matters. */
  readonly cwd?: string;
  readonly input?: Uint8Array;
  readonly reach?: GitReach;
  /** Most bytes of standard output; 64 MiB by default. */
  readonly maxOutput?: number;
  /** Two minutes by default. */
  readonly timeoutMs?: number;
  /** More variables, such as GIT_OBJECT_DIRECTORY. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** How git ended: its output, or what it said was wrong, in one line that is safe to show. */
interface GitResult {
  readonly ok: boolean;
  readonly output: Buffer;
  readonly problem: string;
}

/** git on this machine, called so that nothing in a repository makes it run other programs. */
export interface Git {
  readonly run: (args: readonly string[], call?: GitCall) => Promise<GitResult>;
  /** A process to talk to. It does not keep this one alive, and ends when this one does. */
  readonly start: (args: readonly string[], reach?: GitReach) => ChildProcessWithoutNullStreams;
  /** True where `cat-file` takes commands (git 2.36): one process then tells sizes and contents. */
  readonly hasBatchCommand: () => Promise<boolean>;
  readonly signal: AbortSignal | undefined;
}

/** Settings that a repository cannot overrule: no hooks, no monitors, no pager, no background work. */
const SAFE = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.pager=cat',
  'core.askPass=false',
  'credential.interactive=false',
  'gc.autoDetach=false',
  'maintenance.autoDetach=false',
  'fetch.recurseSubmodules=false',
  'submodule.recurse=false',
  'protocol.allow=never',
].flatMap((setting) => ['-c', setting]);

/** Variables of the user that a fetch needs: where keys, certificates and proxies are. Everything else of the environment stays out. */
const REMOTE_VARIABLES =
  /^(?:USER|LOGNAME|XDG_CONFIG_HOME|SSH_AUTH_SOCK|SSH_AGENT_PID|GIT_SSH|GIT_SSH_COMMAND|GIT_SSL_CAINFO|GIT_SSL_CAPATH|SSL_CERT_FILE|SSL_CERT_DIR|(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY)$/;

/**
 * Makes the git of a command. No shell, no prompt, no hook, no system configuration; the user's own configuration is read for fetches only, which need its
 * credential helpers. Schemes: https and ssh, `file` where allowed, and none at all for work on local repositories, so that a partial clone fetches
 * nothing on its own.
 */
export function createGit({ env, signal, allowFile = false, offline = false, program = 'git' }: GitSettings): Git {
  const options = (asked: GitReach): { readonly env: Record<string, string>; readonly args: readonly string[] } => {
    const reach = offline ? 'none' : asked;
    const allowed = reach === 'none' ? [] : ['https', 'ssh', ...(allowFile ? ['file'] : [])];
    const remote = Object.entries(env).filter(([name]) => reach === 'remote' && REMOTE_VARIABLES.test(name));
    const kept = ['PATH', 'HOME', 'TMPDIR', 'SYSTEMROOT'].map((name) => [name, env[name]] as const);
    const given = [...kept, ...remote].filter((pair): pair is [string, string] => pair[1] !== undefined);
    return {
      args: [...SAFE, ...allowed.flatMap((scheme) => ['-c', `protocol.${scheme}.allow=always`])],
      env: {
        ...Object.fromEntries(given),
        LC_ALL: 'C',
        TZ: 'UTC',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_ATTR_NOSYSTEM: '1',
        GIT_TERMINAL_PROMPT: '0',
        GIT_ASKPASS: 'false',
        SSH_ASKPASS: 'false',
        SSH_ASKPASS_REQUIRE: 'force',
        GIT_OPTIONAL_LOCKS: '0',
        GIT_PROTOCOL_FROM_USER: '0',
        // Takes precedence over every protocol setting of a repository.
        GIT_ALLOW_PROTOCOL: allowed.length === 0 ? 'none' : allowed.join(':'),
        ...(reach === 'none' ? { GIT_CONFIG_GLOBAL: '/dev/null', GIT_NO_LAZY_FETCH: '1' } : {}),
      },
    };
  };
  if (signal !== undefined) setMaxListeners(0, signal);
  let version: Promise<boolean> | undefined;
  const run: Git['run'] = (args, call = {}) => {
    const base = options(call.reach ?? 'none');
    return runGit(
      {
        program,
        args: [...base.args, ...args],
        env: { ...base.env, ...call.variables },
        ...(signal === undefined ? {} : { signal }),
      },
      call,
    );
  };
  return {
    signal,
    run,
    hasBatchCommand: () => {
      version ??= run(['version']).then(({ output }) => {
        const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(output.toString()) ?? [];
        return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 36);
      });
      return version;
    },
    start: (args, reach = 'none') => {
      const base = options(reach);
      const child = spawn(program, [...base.args, ...args], { env: base.env, stdio: 'pipe', shell: false });
      child.unref();
      return child;
    },
  };
}

/** Like `run`, but a git that fails is an error of the source. */
export async function requireGit(
  git: Git,
  args: readonly string[],
  call: GitCall & { readonly what: string },
): Promise<Buffer> {
  const { ok, output, problem } = await git.run(args, call);
  if (!ok) throw new RebundleError('SOURCE_UNREADABLE', `${call.what}: ${problem}`);
  return output;
}

/** What git said, in one line: the first that names a trouble, without its prefix. */
export function describeGitProblem(errors: string, status: number | null): string {
  const lines = errors
    .split(/[\n\r]/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('warning:') && !line.startsWith('hint:'));
  const line = lines.find((each) => /^(?:fatal|error|remote: (?:fatal|error)):/i.test(each)) ?? lines[0];
  if (line === undefined) return `git ended with status ${status ?? 'unknown'}`;
  return escapeTerminal(maskUrlCredentials(line.replace(/^(?:fatal|error): /, ''))).slice(0, 500);
}

/** Why a child could not be started. */
export function describeStart(error: NodeJS.ErrnoException): string {
  return error.code === 'ENOENT'
    ? 'there is no program git: install it'
    : `git cannot be started (${error.code ?? ''})`;
}

function runGit(
  child: {
    readonly program: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  },
  call: GitCall,
): Promise<GitResult> {
  const { signal } = child;
  const { cwd, input, maxOutput = MAX_OUTPUT, timeoutMs = LOCAL_TIMEOUT_MS } = call;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const running = spawn(child.program, child.args, {
      env: child.env,
      stdio: 'pipe',
      shell: false,
      ...(cwd === undefined ? {} : { cwd }),
    });
    const parts: Buffer[] = [];
    let size = 0;
    let errors = '';
    let problem: string | undefined;
    const end = (why?: string): void => {
      problem ??= why;
      running.kill('SIGKILL');
      running.stdout.destroy();
      running.stderr.destroy();
    };
    const onAbort = (): void => end();
    const timer = setTimeout(() => end(`git took longer than ${timeoutMs / 1000} s`), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    const finish = (ok: boolean, why: string): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      if (signal?.aborted === true) reject(signal.reason);
      else resolve({ ok: ok && problem === undefined, output: Buffer.concat(parts, size), problem: problem ?? why });
    };
    running.stdout.on('data', (part: Buffer) => {
      if (size + part.byteLength > maxOutput) end(`git printed more than ${maxOutput} bytes`);
      else {
        size += part.byteLength;
        parts.push(part);
      }
    });
    running.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (errors.length < MAX_ERRORS) errors += text;
    });
    // A git that ends early reads no more; how it ended says why.
    running.stdin.on('error', () => {});
    running.once('error', (error) => finish(false, describeStart(error)));
    running.once('close', (status) => finish(status === 0, describeGitProblem(errors, status)));
    running.stdin.end(input ?? '');
  });
}

/**
 * A limit on fetches: so many at once in all, and fewer for each host, so that a slow host with many repositories does not hold up the others and is not
 * overrun.
 */
export function createFetchLimit(
  { total, perHost }: { readonly total: number; readonly perHost: number },
  signal?: AbortSignal,
): (host: string) => Limit {
  const all = createLimit(total, signal);
  const hosts = new Map<string, Limit>();
  return (host) => {
    const own = hosts.get(host) ?? createLimit(perHost, signal);
    hosts.set(host, own);
    return (task) => own(() => all(task));
  };
}
