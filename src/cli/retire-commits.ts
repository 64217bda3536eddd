import { readAll } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { MigrationContext } from '../pipeline/migration.ts';
import type { AppReplacement, RepositoryReplacement } from '../pipeline/retire.ts';
import type { RetireOutlook } from '../pipeline/retire-check.ts';
import type { CommitFile } from '../source/git-write.ts';
import { type CommitOptions, deliverCommit, describeApp, startCommit } from './convert-commits.ts';
import type { CliEnvironment } from './environment.ts';
import type { Setup } from './setup.ts';

const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** Writes one commit for each repository, as a branch, as a patch, or both. Nothing is written before each of them has a place. */
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
  const bases = await Promise.all(
    replacements.map(({ scanned }) => startCommit(scanned.source, { options, setup, context })),
  );
  const lines: string[] = [];
  for (const [i, { scanned, apps }] of replacements.entries()) {
    const base = bases[i];
    if (base === undefined) continue;
    const { repository } = scanned.source.origin;
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
