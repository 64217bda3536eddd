import { RebundleError } from '../errors.ts';
import { readAll } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { MigrationContext } from '../pipeline/migration.ts';
import type { AppReplacement, RepositoryReplacement } from '../pipeline/retire.ts';
import type { RetireOutlook } from '../pipeline/retire-check.ts';
import type { CommitFile, NewCommit } from '../source/git-write.ts';
import { type CommitOptions, deliverCommit, describeApp, startCommit } from './convert-commits.ts';
import type { CliEnvironment } from './environment.ts';
import type { Setup } from './setup.ts';

const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** Writes one commit for each repository, as a branch, as a patch, or both. Nothing is written before all of them are known to be possible. */
export async function writeReplacements(
  input: {
    readonly replacements: readonly RepositoryReplacement[];
    readonly outlook: RetireOutlook;
    readonly options: CommitOptions;
    readonly setup: Setup;
    readonly context: MigrationContext;
  },
  environment: CliEnvironment,
): Promise<string[]> {
  const { replacements, outlook, options, setup, context } = input;
  const planned: { readonly repository: string; readonly apps: readonly AppReplacement[]; readonly base: Base }[] = [];
  for (const { scanned, apps } of replacements) {
    const base = await startCommit(scanned.source, { options, setup, context });
    for (const app of apps) await requireOwn(app, base);
    planned.push({ repository: scanned.source.origin.repository, apps, base });
  }
  const lines: string[] = [];
  for (const { repository, apps, base } of planned) {
    const files: CommitFile[] = [];
    for (const { path, executable, open } of apps.flatMap((app) => app.files)) {
      files.push({ path, executable, bytes: await readAll(open(), MAX_FILE_BYTES, path) });
    }
    const removed = apps.flatMap((app) => app.removed);
    const commit = { ...base, files, removed, message: describeReplacement(apps, outlook) };
    lines.push(...(await deliverCommit({ repository, commit, options }, environment)));
  }
  return lines;
}

type Base = Omit<NewCommit, 'files' | 'message'>;

/** A commit cannot change what lies in a submodule. */
async function requireOwn({ app }: AppReplacement, { objects, parent, place }: Base): Promise<void> {
  const path = [place.prefix, app.location.path].filter((part) => part !== '').join('/');
  if ((await objects.info(`${parent}:${path}`)) !== undefined) return;
  throw new RebundleError('RETIRE_REFUSED', `'${escapeTerminal(app.location.path)}' lies in a submodule`, {
    hint: 'Name the repository of the submodule itself, or leave the app out with --app.',
    origin: app.origin,
  });
}

function describeReplacement(apps: readonly AppReplacement[], { lostFiles }: RetireOutlook): string {
  const [first] = apps;
  const subject =
    apps.length === 1
      ? `Replace ${first?.app.name}.dockerapp by a compose folder`
      : `Replace ${apps.length} Docker Apps by compose folders`;
  const parts = apps.map(({ app, folder, removed, dropped }) => {
    const gone = [...removed.filter((path) => path !== app.location.path), ...dropped];
    const rows = [
      `  Its place takes ${folder}/.`,
      ...gone.map((path) => `  Removed, too: ${path}`),
      ...(lostFiles.get(app.name) ?? []).map((path) => `  Not in the bundle any more, nothing refers to it: ${path}`),
    ];
    return [describeApp(app), ...rows.map(escapeTerminal)].join('\n');
  });
  return `${[escapeTerminal(subject), ...parts].join('\n\n')}\n`;
}
