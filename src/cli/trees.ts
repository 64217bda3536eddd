import { dirname, join } from 'node:path';
import { once } from '../lib/bytes.ts';
import type { ConvertedApp } from '../pipeline/migration.ts';
import type { OutputFile } from './output.ts';
import type { Setup } from './setup.ts';

export const COMPOSE_FILE = 'docker-compose.yml';

/** The converted tree: what `convert` writes, images as they are written. */
export function treeOf({ app, files, source }: ConvertedApp): OutputFile[] {
  const compose = Buffer.from(app?.composeText ?? '');
  return [
    { path: COMPOSE_FILE, executable: false, open: () => once(compose) },
    ...files.map((file) => ({ path: file.path, executable: file.executable, open: () => source.open(file.source) })),
  ];
}

export function inPlaceFolder({ name, location, source }: ConvertedApp, { roots }: Setup): string {
  return join(roots.get(source.origin.repository) ?? '', dirname(location.path), name);
}

/** Files that are not in their place already: a support file of the folder beside the package is. */
export function newFiles(app: ConvertedApp, setup: Setup, folder: string): OutputFile[] {
  const root = setup.roots.get(app.source.origin.repository) ?? '';
  const inPlace = new Set(
    app.files.filter((file) => join(root, file.source) === join(folder, file.path)).map(({ path }) => path),
  );
  return treeOf(app).filter(({ path }) => !inPlace.has(path));
}
