import type { Reporter } from '../events.ts';
import type { CliEnvironment } from './environment.ts';
import type { Flags, ReporterKind } from './options.ts';

/** Colour on a terminal, unless NO_COLOR says no. */
export function wantsColor({ env, stderrIsTerminal }: CliEnvironment): boolean {
  return stderrIsTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

export function reporterKind({ reporter }: Flags, { env, stderrIsTerminal }: CliEnvironment): ReporterKind {
  return reporter ?? (stderrIsTerminal && (env.CI ?? '') === '' && env.TERM !== 'dumb' ? 'live' : 'lines');
}

/** The reporter of a run; it writes to standard error. Only the one that is used is loaded. */
export async function createReporter(flags: Flags, environment: CliEnvironment): Promise<Reporter> {
  const write = environment.writeError;
  const shared = {
    color: wantsColor(environment),
    verbose: flags.verbosity === 'verbose',
    quiet: flags.verbosity === 'quiet',
  };
  switch (reporterKind(flags, environment)) {
    case 'silent':
      return (await import('../reporters/silent.ts')).createSilentReporter();
    case 'ndjson':
      return (await import('../reporters/ndjson.ts')).createNdjsonReporter(write);
    case 'lines':
      return (await import('../reporters/lines.ts')).createLinesReporter(write, shared);
    case 'live':
      return (await import('../reporters/live.ts')).createLiveReporter({
        write,
        width: environment.width,
        now: environment.now,
        repeat: environment.repeat,
        ...shared,
      });
  }
}
