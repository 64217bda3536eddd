import { Argument, Command, CommanderError } from 'commander';
import { parseValue } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { EXIT_STATUSES, type ExitStatus } from './exit-status.ts';
import { type CommandName, createOption, type Flags, type OptionName, readFlags } from './options.ts';

/** Columns of help texts, on any terminal. */
const HELP_WIDTH = 100;

/** A command line, checked. */
export interface Invocation {
  readonly command: CommandName;
  /** Repositories or packages instead of the configured ones. */
  readonly paths: readonly string[];
  readonly flags: Flags;
}

export interface ApplyInvocation extends Invocation {
  /** Path of the plan file. */
  readonly plan: string;
}

/** How a command ended; `stdout` is its data. */
export interface CommandResult {
  readonly status: ExitStatus;
  readonly stdout?: string;
}

export type CommandHandlers = {
  readonly [name in Exclude<CommandName, 'apply'>]: (invocation: Invocation) => Promise<CommandResult>;
} & { readonly apply: (invocation: ApplyInvocation) => Promise<CommandResult> };

export interface ProgramSetup {
  readonly handlers: CommandHandlers;
  /** What `--version` prints. */
  readonly version: string;
}

interface CommandText {
  readonly summary: string;
  readonly options: readonly OptionName[];
  readonly example: string;
  readonly statuses: readonly ExitStatus[];
}

const PROGRESS: readonly OptionName[] = ['reporter', 'quiet', 'verbose'];
const CONVERSION: readonly OptionName[] = ['interpolation', 'parametersFile', 'set'];
const PLACES: readonly OptionName[] = ['to', 'registry', 'platform', 'tag'];
const OUTCOME: readonly OptionName[] = ['failFast', 'errorOn'];
const TARGETS: readonly OptionName[] = ['targetVersion', 'allowPartial', 'removeApp'];
const PLANNING: readonly OptionName[] = [
  ...(['config', 'out', 'app'] as const),
  ...PLACES,
  ...CONVERSION,
  ...TARGETS,
  ...OUTCOME,
  'report',
  ...PROGRESS,
];

const COMMANDS: Readonly<Record<CommandName, CommandText>> = {
  scan: {
    summary: 'list the packages found, each skipped one with its reason',
    options: ['config', 'app', 'json', ...PROGRESS],
    example: 'rebundle scan ~/src/gateway --json',
    statuses: [0, 1, 5, 4, 130],
  },
  convert: {
    summary: 'turn packages into compose files, without a registry',
    options: ['config', 'out', 'inPlace', 'app', ...CONVERSION, ...OUTCOME, ...PROGRESS],
    example: 'rebundle convert ~/src/gateway --out converted',
    statuses: [0, 3, 1, 5, 4, 130],
  },
  plan: {
    summary: 'do everything but writing: a plan file and reports, with the final digests',
    options: PLANNING,
    example: 'rebundle plan --tag 4f2c9ab --report html=review.html',
    statuses: [0, 2, 3, 1, 5, 4, 130],
  },
  apply: {
    summary: 'publish exactly what a plan says, or refuse',
    options: ['config', 'out', ...PLACES, ...CONVERSION, 'allowPartial', ...OUTCOME, 'report', ...PROGRESS],
    example: 'rebundle apply out/plan.json --tag 4f2c9ab',
    statuses: [0, 3, 1, 5, 4, 130],
  },
  run: {
    summary: 'plan and apply in one go: the scheduled job',
    options: PLANNING,
    example: 'rebundle run --tag "$(git rev-parse --short=7 HEAD)" --reporter lines',
    statuses: [0, 3, 1, 5, 4, 130],
  },
};

/** The program for commander. `print` takes help and version texts; errors are thrown as CommanderError, never printed. */
export function createProgram(setup: ProgramSetup & { readonly print: (text: string) => void }): Command {
  const { handlers, version, print } = setup;
  const program = new Command('rebundle')
    .description('Moves factories of Docker Apps to digest-pinned Compose Bundles and dual-style targets.')
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: () => {},
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const name of Object.keys(COMMANDS) as CommandName[]) {
    const command = addCommand(program, name);
    const paths = new Argument('[path...]', 'repositories or packages, instead of the configured ones').argParser(
      addPath,
    );
    if (name === 'apply') {
      command.argument('<plan>', 'the plan file').addArgument(paths);
      command.action(async (plan: string, given: string[] = []) => {
        await handlers.apply({ command: name, plan, paths: given, flags: readFlags(command.opts()) });
      });
    } else {
      command.addArgument(paths).action(async (given: string[] = []) => {
        await handlers[name]({ command: name, paths: given, flags: readFlags(command.opts()) });
      });
    }
  }
  return program;
}

function addCommand(program: Command, name: CommandName): Command {
  const { summary, options, example, statuses } = COMMANDS[name];
  const command = program
    .command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
  for (const option of options) command.addOption(createOption(option));
  const rows = EXIT_STATUSES.filter(({ status }) => statuses.includes(status)).map(
    ({ status, meaning }) => `  ${String(status).padEnd(5)}${meaning}`,
  );
  return command.addHelpText('after', `\nExample:\n  ${example}\n\nExit status, the worst of:\n${rows.join('\n')}`);
}

function addPath(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, parseValue('path', text, 'PATH')];
}

/**
 * Runs a command line (without node and script). Help and version are results with status 0; a wrong command line throws USAGE with
 * commander's suggestion. What a handler throws goes through.
 */
export async function runProgram(args: readonly string[], setup: ProgramSetup): Promise<CommandResult> {
  let text = '';
  let result: CommandResult | undefined;
  const { handlers } = setup;
  const keep =
    <I>(handler: (invocation: I) => Promise<CommandResult>) =>
    async (invocation: I): Promise<CommandResult> => {
      result = await handler(invocation);
      return result;
    };
  const program = createProgram({
    ...setup,
    handlers: {
      scan: keep(handlers.scan),
      convert: keep(handlers.convert),
      plan: keep(handlers.plan),
      apply: keep(handlers.apply),
      run: keep(handlers.run),
    },
    print: (part) => {
      text += part;
    },
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return { status: 0, stdout: text };
    throw usageError(thrown, args, program);
  }
  return result ?? { status: 0, stdout: text };
}

function usageError(error: CommanderError, args: readonly string[], program: Command): RebundleError {
  const command = program.commands.find((known) => known.name() === args[0]);
  const hint = command === undefined ? 'See rebundle --help.' : `See rebundle ${command.name()} --help.`;
  if (error.code === 'commander.help') {
    const names = program.commands.map((known) => known.name()).join(', ');
    const problem = args.length === 0 ? 'no command is given' : 'there is no such command';
    return new RebundleError('USAGE', `${problem}, expected one of ${names}`, { hint });
  }
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new RebundleError('USAGE', escapeTerminal(message), { hint });
}
