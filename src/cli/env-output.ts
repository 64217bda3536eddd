import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConvertedApp, hasErrors } from '../pipeline/migration.ts';
import { writeOutput } from './output.ts';
import type { Setup } from './setup.ts';

/**
 * Writes `env/<group>/<app>.env` below the output folder. A file that an earlier run wrote and that is not due any more goes: of an app that was looked
 * at, and, where all were, of any other too.
 */
export async function writeEnvFiles(
  apps: readonly Pick<ConvertedApp, 'name' | 'envFiles' | 'diagnostics'>[],
  { request, out }: Setup,
): Promise<void> {
  const folder = join(out, 'env');
  const groups = (request.fleet ?? []).map(({ group }) => group);
  const isWhole = request.apps.length === 0 && request.only.size === 0;
  const names = new Set(apps.map(({ name }) => `${name}.env`));
  const due = new Map<string, string>();
  for (const { name, envFiles = [], diagnostics } of apps) {
    if (hasErrors(diagnostics)) continue;
    for (const { group, text } of envFiles) due.set(join(folder, group, `${name}.env`), text);
  }
  for (const group of new Set([...groups, ...(await listNames(folder))])) {
    for (const file of await listNames(join(folder, group))) {
      const path = join(folder, group, file);
      const isStale = file.endsWith('.env') && (isWhole || names.has(file)) && !due.has(path);
      if (isStale) await rm(path, { force: true });
    }
  }
  for (const [path, text] of due) await writeOutput(path, Buffer.from(text));
}

async function listNames(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
