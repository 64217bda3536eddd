#!/usr/bin/env node
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { addAbortSignal } from 'node:stream';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { ERRORS, formatLocation, type RebundleError, toRebundleError } from '../errors.ts';
import { readAll } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { maskUrlCredentials } from '../lib/redact.ts';
import { loadCommands } from './command-list.ts';
import type { CliEnvironment, HeapControl } from './environment.ts';
import { runProgram } from './program.ts';

const DEFAULT_WIDTH = 100;
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
// What Node 20 compiles with all optimisations would take a third of the time of an unchanged run; a long one is as fast without most of it.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=1000000');
const abort = new AbortController();
// Every stream in progress listens to it, and Node warns at the eleventh.
setMaxListeners(0, abort.signal);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second one, of either kind, ends the process at once: nothing is left half-written by that.
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
  });
}
// A reader that has enough, such as head, is no error.
process.stdout.on('error', () => {});

const heap: HeapControl = {
  limitGrowth: (percent) => setFlagsFromString(`--heap-growing-percent=${percent}`),
  newBytes: () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0,
  holdNew: (isHeld) => setFlagsFromString(`--semi-space-growth-factor=${isHeld ? 1 : 2}`),
};

const environment: CliEnvironment = {
  version,
  cwd: process.cwd(),
  env: process.env,
  writeError: (text) => process.stderr.write(text),
  readInput: () => readAll(addAbortSignal(abort.signal, process.stdin), MAX_INPUT_BYTES, 'standard input'),
  stdoutIsTerminal: process.stdout.isTTY === true,
  stderrIsTerminal: process.stderr.isTTY === true,
  width: () => process.stderr.columns ?? DEFAULT_WIDTH,
  now: () => Date.now(),
  repeat: (tick, ms) => {
    const timer = setInterval(tick, ms).unref();
    return () => clearInterval(timer);
  },
  heap,
  signal: abort.signal,
  pid: process.pid,
  isRunning,
};

try {
  const args = process.argv.slice(2);
  // What is loaded stays, and needs no room for what is new and soon gone.
  heap.holdNew(true);
  const commands = await loadCommands(args);
  heap.holdNew(false);
  const result = await runProgram(args, { commands, environment, version });
  if (result.stdout !== undefined) process.stdout.write(result.stdout);
  process.exitCode = result.status;
} catch (thrown) {
  const error = toRebundleError(thrown);
  process.stderr.write(describeError(error));
  process.exitCode = ERRORS[error.code].exit;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    // Another user's.
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}

/** Message, place and hint; a defect of ours comes with its stack. */
function describeError(error: RebundleError): string {
  const lines = maskUrlCredentials(error.message).split('\n').map(escapeTerminal);
  const place =
    error.location === undefined || error.code === 'CONFIG_INVALID'
      ? ''
      : ` (${escapeTerminal(formatLocation(error.location))})`;
  const text = [`rebundle: ${error.code}: ${lines.join('\n  ')}${place}`];
  if (error.hint !== undefined) text.push(`  ${escapeTerminal(error.hint)}`);
  if (error.code === 'INTERNAL') {
    const stack = error.cause instanceof Error ? error.cause.stack : error.stack;
    text.push(
      '  This is a defect of rebundle. Please report it with these lines:',
      ...(stack ?? '').split('\n').map(escapeTerminal),
    );
  }
  return `${text.join('\n')}\n`;
}
