import type { Reporter } from '../events.ts';
import { createLinesReporter } from '../reporters/lines.ts';
import { createLiveReporter } from '../reporters/live.ts';
import { createNdjsonReporter } from '../reporters/ndjson.ts';
import { createSilentReporter } from '../reporters/silent.ts';
import type { CliEnvironment } from './environment.ts';
import type { Flags, ReporterKind } from './options.ts';

/** Colour on a terminal, unless NO_COLOR says no. */
export function wantsColor({ env, stderrIsTerminal }: CliEnvironment): boolean {
  return stderrIsTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

export function reporterKind({ reporter }: Flags, { env, stderrIsTerminal }: CliEnvironment): ReporterKind {
  return reporter ?? (stderrIsTerminal && (env.CI ?? '') === '' && env.TERM !== 'dumb' ? 'live' : 'lines');
}

/** The reporter of a run; it writes to standard error. */
export function createReporter(flags: Flags, environment: CliEnvironment): Reporter {
  const write = environment.writeError;
  const shared = {
    color: wantsColor(environment),
    verbose: flags.verbosity === 'verbose',
    quiet: flags.verbosity === 'quiet',
  };
  switch (reporterKind(flags, environment)) {
    case 'silent':
      return createSilentReporter();
    case 'ndjson':
      return createNdjsonReporter(write);
    case 'lines':
      return createLinesReporter(write, shared);
    case 'live':
      return createLiveReporter({
        write,
        width: environment.width,
        now: environment.now,
        repeat: environment.repeat,
        ...shared,
      });
  }
}
