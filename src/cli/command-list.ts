import type { CommandDefinition } from './command.ts';

/** Every command in the order of help, by what is typed; each is loaded only where it is needed. */
const COMMANDS: readonly (readonly [name: string, load: () => Promise<CommandDefinition>])[] = [
  ['scan', async () => (await import('./commands/scan.ts')).SCAN],
  ['convert', async () => (await import('./commands/convert.ts')).CONVERT],
  ['plan', async () => (await import('./commands/plan.ts')).PLAN],
  ['apply', async () => (await import('./commands/apply.ts')).APPLY],
  ['run', async () => (await import('./commands/run.ts')).RUN],
  ['explain', async () => (await import('./commands/explain.ts')).EXPLAIN],
  ['ls-bundle', async () => (await import('./commands/ls-bundle.ts')).LS_BUNDLE],
  ['report diff', async () => (await import('./commands/report.ts')).REPORT_DIFF],
  ['verify', async () => (await import('./commands/verify.ts')).VERIFY],
  ['simulate', async () => (await import('./commands/simulate.ts')).SIMULATE],
  ['retire', async () => (await import('./commands/retire.ts')).RETIRE],
  ['pull', async () => (await import('./commands/pull.ts')).PULL],
  ['targets export', async () => (await import('./commands/targets.ts')).TARGETS_EXPORT],
  ['targets attach', async () => (await import('./commands/targets.ts')).TARGETS_ATTACH],
  ['targets sign', async () => (await import('./commands/targets.ts')).TARGETS_SIGN],
  ['copy', async () => (await import('./commands/copy.ts')).COPY],
  ['auth check', async () => (await import('./commands/auth.ts')).AUTH_CHECK],
];

/** The commands that a command line can mean: those that begin with its first word, none where it asks for the version alone, else all. */
export async function loadCommands(args: readonly string[] = []): Promise<readonly CommandDefinition[]> {
  const [first] = args;
  if (first === '--version') return [];
  const meant = COMMANDS.filter(([name]) => name.split(' ')[0] === first);
  return Promise.all((meant.length === 0 ? COMMANDS : meant).map(([, load]) => load()));
}
