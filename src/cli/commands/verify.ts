import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option } from 'commander';
import { RebundleError } from '../../errors.ts';
import { type CommandDefinition, type CommandResult, type Invocation, PLACES } from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { listOption, ROOT_OPTION } from '../tuf-options.ts';
import { verifyReferences } from '../verify-bundles.ts';
import { verifyTargets } from '../verify-targets.ts';

export const VERIFY: CommandDefinition = {
  name: 'verify',
  summary: 'check published bundles, or targets files, as devices take them, whoever made them',
  paths: { name: 'what', description: 'references of bundles, with a digest or tag, or targets files', kind: 'text' },
  options: ['config', ...PLACES, 'removeApp', 'errorOn', 'json', 'quiet'],
  own: [
    listOption('--older <file>', 'a copy of the targets from before: what was out then has to be as it was'),
    listOption('--files <dir>', 'folder with the file targets: judges their bytes and packages'),
    listOption('--own <app>', 'an app of this factory, which has to be there in both styles (repeatable)'),
    ROOT_OPTION,
    () => new Option('--reachable', 'ask the registry for every bundle, its blobs and its images'),
  ],
  example: 'rebundle verify hub.example/factory/app@sha256:...',
  statuses: [0, 3, 1, 4, 130],
  run: verify,
};

async function verify(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const { paths } = invocation;
  if (paths.length === 0)
    throw new RebundleError('USAGE', 'nothing to verify was named', {
      hint: 'Name references of bundles, or a targets file.',
    });
  const files: string[] = [];
  for (const path of paths) if (await isTargetsFile(path, environment)) files.push(path);
  if (files.length === paths.length) return verifyTargets(paths, invocation, environment);
  if (files.length > 0) {
    throw new RebundleError('USAGE', 'bundles and targets files are verified one kind at a time');
  }
  const [foreign] = Object.keys(invocation.own);
  if (foreign !== undefined) throw new RebundleError('USAGE', `--${foreign} is for targets files, and none was named`);
  return verifyReferences(paths, invocation, environment);
}

/** An operand is a targets file where it is there as a file, or says that it is one by its ending; `-` is standard input. */
async function isTargetsFile(path: string, { cwd }: CliEnvironment): Promise<boolean> {
  if (path === '-' || path.endsWith('.json')) return true;
  return (await stat(resolve(cwd, path)).catch(() => undefined))?.isFile() === true;
}
