import { Argument, Command, CommanderError } from 'commander';
import { parseValue } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { CommandDefinition, CommandResult, Invocation } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { EXIT_STATUSES } from './exit-status.ts';
import { createOption, readFlags } from './options.ts';

/** Columns of help texts, on any terminal. */
const HELP_WIDTH = 100;

/** Commands of two words, by their first. */
const GROUPS: Readonly<Record<string, string>> = {
  auth: 'credentials of registries',
  report: 'reports of runs',
  targets: 'targets files and their signatures',
};

export interface ProgramSetup {
  readonly commands: readonly CommandDefinition[];
  /** What `--version` prints. */
  readonly version: string;
}

type Execute = (definition: CommandDefinition, invocation: Invocation) => Promise<void>;

/** The program for commander. `print` takes help and version texts; errors are thrown as CommanderError, never printed. */
export function createProgram(
  { commands, version }: ProgramSetup,
  print: (text: string) => void = () => {},
  execute: Execute = async () => {},
): Command {
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
  for (const definition of commands) addCommand(program, definition, execute);
  return program;
}

function addCommand(program: Command, definition: CommandDefinition, execute: Execute): void {
  const { name, summary, operands = [], paths, options, own = [], example, statuses } = definition;
  const words = name.split(' ');
  const parent = words.length === 1 ? program : groupOf(program, words[0] ?? '');
  const command = parent
    .command(words.at(-1) ?? name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
  for (const operand of operands) command.argument(`<${operand.name}>`, operand.description);
  if (paths !== undefined) {
    const parse = (text: string, before: readonly string[] = []): readonly string[] => [
      ...before,
      parseValue(paths.kind, text, paths.name.toUpperCase()),
    ];
    command.addArgument(new Argument(`[${paths.name}...]`, paths.description).argParser(parse));
  }
  for (const option of options) command.addOption(createOption(option));
  const ownOptions = own.map((create) => create());
  for (const option of ownOptions) command.addOption(option);
  const rows = EXIT_STATUSES.filter(({ status }) => statuses.includes(status)).map(
    ({ status, meaning }) => `  ${String(status).padEnd(5)}${meaning}`,
  );
  command.addHelpText('after', `\nExample:\n  ${example}\n\nExit status, the worst of:\n${rows.join('\n')}`);
  command.action(async () => {
    const values: Record<string, unknown> = command.opts();
    const given = ownOptions.map((option) => option.attributeName()).filter((key) => values[key] !== undefined);
    await execute(definition, {
      command: name,
      operands: operands.map((_, i) => String(command.processedArgs[i])),
      paths: (command.processedArgs[operands.length] ?? []) as readonly string[],
      flags: readFlags(values),
      own: Object.fromEntries(given.map((key) => [key, values[key]])),
    });
  });
}

/** The parent of the commands of a group, as in `auth check`. */
function groupOf(program: Command, name: string): Command {
  return (
    program.commands.find((known) => known.name() === name) ??
    program
      .command(name)
      .summary(GROUPS[name] ?? '')
      .helpCommand(false)
  );
}

/**
 * Runs a command line (without node and script). Help and version are results with status 0; a wrong command line throws USAGE with
 * commander's suggestion. What a command throws goes through.
 */
export async function runProgram(
  args: readonly string[],
  setup: ProgramSetup & { readonly environment: CliEnvironment },
): Promise<CommandResult> {
  let text = '';
  let result: CommandResult | undefined;
  const program = createProgram(
    setup,
    (part) => {
      text += part;
    },
    async (definition, invocation) => {
      result = await definition.run(invocation, setup.environment);
    },
  );
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
  let command = program;
  for (const word of args) {
    const next = command.commands.find((known) => known.name() === word);
    if (next === undefined) break;
    command = next;
  }
  const name = command === program ? '' : ` ${nameOf(command)}`;
  const hint = `See rebundle${name} --help.`;
  if (error.code === 'commander.help') {
    const names = command.commands.map((known) => known.name()).join(', ');
    const problem = args.length === 0 || command !== program ? 'no command is given' : 'there is no such command';
    return new RebundleError('USAGE', `${problem}, expected one of ${names}`, { hint });
  }
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new RebundleError('USAGE', escapeTerminal(message), { hint });
}

/** `auth check` for a command of a group. */
function nameOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${parent.name()} ${command.name()}` : command.name();
}
