import { rescueOverrides } from '../convert/env-rescue.ts';
import { readParameters } from '../dockerapp/parameters.ts';
import { formatLocation } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import type { AppPackage, ComposeApp, Diagnostic, EnvFile, VariableMapping } from '../model/app.ts';
import type { MigrationRequest } from './migration.ts';

/** The overrides of the configured groups of devices for one converted app; nothing where no group is configured. */
export function rescueApp(
  pkg: AppPackage,
  app: ComposeApp,
  { config, parameterFiles, fleet = [] }: MigrationRequest,
): { readonly envFiles: readonly EnvFile[]; readonly diagnostics: readonly Diagnostic[] } {
  if (fleet.length === 0) return { envFiles: [], diagnostics: [] };
  const interpolation = config.apps.interpolation.get(app.name) ?? config.interpolation;
  const settings = [...config.parameters.set].map(([name, value]) => ({ name, value }));
  const { files, diagnostics } = rescueOverrides({ pkg, app, interpolation, parameterFiles, settings }, fleet);
  return { envFiles: files, diagnostics };
}

/**
 * Names in the files of groups that no app has, slips of the keyboard mostly. `apps` are the parameters of every app of the factory; where one could
 * not be read nothing can be said.
 */
export function findUnknownNames(
  fleet: MigrationRequest['fleet'] = [],
  apps: Iterable<{ readonly variables: readonly VariableMapping[] }>,
): Diagnostic[] {
  if (fleet.length === 0) return [];
  const known = new Set<string>();
  for (const { variables } of apps) for (const { parameter } of variables) known.add(parameter);
  return fleet.flatMap(({ group, document }) => {
    const metadata = { text: '', path: '', line: 1 };
    const { parameters } = readParameters({ own: document, files: [], metadata, settings: [] });
    return [...parameters.values()]
      .filter(({ name, value }) => value !== undefined && !known.has(name))
      .map(({ name, location }) => {
        const message = `no app has the parameter '${name}' that the devices of ${group} set (${formatLocation(location)})`;
        return finding('fleet.unknown-name', message);
      });
  });
}
