import { basename } from 'node:path';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { nearestName } from '../lib/nearest.ts';
import type { PackageLocation } from '../model/app.ts';
import type { ScannedSource } from '../pipeline/migration.ts';
import type { Invocation } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { prepareSetup, type Setup } from './setup.ts';

/** What a command takes whose first operand is an app. */
export const APP_OPERAND = { name: 'app', description: 'name of an app, or path of its package' } as const;

/** The app that the first operand names; a path of its package stands for the repository, too. Throws USAGE for a path besides further ones. */
export async function prepareApp(
  invocation: Invocation,
  environment: CliEnvironment,
): Promise<{ readonly setup: Setup; readonly app: string }> {
  const [named = ''] = invocation.operands;
  const isPath = /[/\\]|\.dockerapp$/.test(named);
  if (isPath && invocation.paths.length > 0) {
    throw new RebundleError('USAGE', `${escapeTerminal(named)} is a package, and needs no further paths`, {
      hint: 'Name the app without its path, or the package alone.',
    });
  }
  const setup = await prepareSetup(isPath ? { ...invocation, paths: [named] } : invocation, environment);
  return { setup, app: isPath ? basename(named).replace(/\.dockerapp(?:\.disabled)?$/, '') : named };
}

/** The packages of that name and no other, also those that a run leaves out. Throws USAGE where there is none. */
export function selectApp(scanned: readonly ScannedSource[], app: string): ScannedSource[] {
  const packages = scanned.flatMap((source) => source.packages);
  if (!packages.some(({ name }) => name === app)) {
    const near = nearestName(
      app,
      packages.map(({ name }) => name),
    );
    throw new RebundleError('USAGE', `there is no package of the app ${escapeTerminal(app)}`, {
      hint: near === undefined ? 'rebundle scan lists all packages.' : `Did you mean ${escapeTerminal(near)}?`,
    });
  }
  const select = ({ reason: _none, ...location }: PackageLocation): PackageLocation => ({
    ...location,
    selected: true,
  });
  return scanned.map((source) => ({
    ...source,
    packages: source.packages.filter(({ name }) => name === app).map(select),
  }));
}
