import { spawn } from 'node:child_process';
import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { HelperAnswer, RunHelper } from '../registry/credentials.ts';
import type { CliEnvironment } from './environment.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MAX_OUTPUT = 64 * 1024;
const TIMEOUT_MS = 30_000;
/** What helpers print, by docker-credential-helpers, where they hold nothing for the server. */
const NOT_FOUND = /credentials not found/i;

/**
 * Runs `docker-credential-NAME get` as docker does: the server on standard input, JSON on standard output, no shell. Output and time are capped, and
 * nothing of the output gets into messages. Throws REGISTRY_AUTH.
 */
export function createHelperRunner(
  { env, signal }: Pick<CliEnvironment, 'env' | 'signal'>,
  timeoutMs: number = TIMEOUT_MS,
): RunHelper {
  return async (helper, server) => {
    if (!NAME.test(helper)) {
      throw new RebundleError('REGISTRY_AUTH', `'${escapeTerminal(helper)}' is not a name of a credential helper`);
    }
    const program = `docker-credential-${helper}`;
    const fail = (why: string, hint: string): RebundleError =>
      new RebundleError('REGISTRY_AUTH', `${program} gave no credentials for ${escapeTerminal(server)}: ${why}`, {
        hint,
      });
    const { status, output, problem } = await runGet({ program, server, env, signal, timeoutMs });
    if (problem !== undefined) throw fail(problem, `Check that ${program} is installed and on the path.`);
    const text = decodeUtf8(output) ?? '';
    if (status !== 0) {
      if (NOT_FOUND.test(text)) return undefined;
      throw fail(`it ended with status ${status ?? 'unknown'}`, `Run it by hand: echo ${server} | ${program} get`);
    }
    const answer = parseAnswer(text);
    if (answer === undefined)
      throw fail('its answer is not the JSON of a helper', `Run it by hand: echo ${server} | ${program} get`);
    return answer.secret === '' ? undefined : answer;
  };
}

function parseAnswer(text: string): HelperAnswer | undefined {
  try {
    const { Username: username, Secret: secret } = JSON.parse(text) as Record<string, unknown>;
    return typeof username === 'string' && typeof secret === 'string' ? { username, secret } : undefined;
  } catch {
    return undefined;
  }
}

interface HelperRun {
  readonly status: number | null;
  readonly output: Buffer;
  readonly problem?: string;
}

function runGet(call: {
  readonly program: string;
  readonly server: string;
  readonly env: CliEnvironment['env'];
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}): Promise<HelperRun> {
  const { program, server, env, signal, timeoutMs } = call;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // Its own messages go nowhere: they may hold what it keeps.
    const child = spawn(program, ['get'], { env, stdio: ['pipe', 'pipe', 'ignore'], shell: false });
    const parts: Buffer[] = [];
    let size = 0;
    let problem: string | undefined;
    const end = (why?: string): void => {
      problem ??= why;
      child.kill('SIGKILL');
      // A child of the helper may hold the pipe open.
      child.stdout.destroy();
    };
    const onAbort = (): void => end();
    const timer = setTimeout(() => end(`it took longer than ${timeoutMs / 1000} s`), timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    const finish = (run: HelperRun): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      if (signal.aborted) reject(signal.reason);
      else resolve(run);
    };
    child.stdout.on('data', (part: Buffer) => {
      size += part.byteLength;
      if (size > MAX_OUTPUT) end(`it printed more than ${MAX_OUTPUT} bytes`);
      else parts.push(part);
    });
    // A helper that reads nothing is no trouble of its own.
    child.stdin.on('error', () => {});
    child.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'ENOENT' ? 'there is no such program' : `it cannot be started (${error.code ?? 'unknown'})`;
      finish({ status: null, output: Buffer.alloc(0), problem: why });
    });
    child.once('close', (status) => {
      finish({ status, output: Buffer.concat(parts), ...(problem === undefined ? {} : { problem }) });
    });
    child.stdin.end(`${server}\n`);
  });
}
