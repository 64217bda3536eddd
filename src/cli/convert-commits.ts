import { relative, resolve } from 'node:path';
import { RebundleError } from '../errors.ts';
import { readAll } from '../lib/bytes.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { maskVariables } from '../lib/redact.ts';
import type { ConvertedApp, MigrationContext } from '../pipeline/migration.ts';
import type { GitSource } from '../source/git.ts';
import { type CommitFile, formatPatch, type NewCommit, writeBranch } from '../source/git-write.ts';
import type { Source } from '../source/source.ts';
import type { CliEnvironment } from './environment.ts';
import { writeOutput } from './output.ts';
import type { Setup } from './setup.ts';
import { treeOf } from './trees.ts';

const MAX_FILE_BYTES = 256 * 1024 * 1024;
const DEFAULT_AUTHOR = 'rebundle <rebundle@localhost>';

export interface CommitOptions {
  readonly branch?: string;
  /** Folder for patches, relative to the current one. */
  readonly patch?: string;
  readonly author?: string;
  /** `YYYY-MM-DDTHH:MM:SSZ`; by default the clock of the run. */
  readonly date?: string;
}

/**
 * Writes the converted trees of each repository as one commit: on a new branch, as a patch, or both. Gives a line for each. An app that failed is left out and
 * named in the message.
 */
export async function writeCommits(
  input: {
    readonly apps: readonly ConvertedApp[];
    readonly isFine: (app: ConvertedApp) => boolean;
    readonly options: CommitOptions;
    readonly setup: Setup;
    readonly context: MigrationContext;
  },
  environment: CliEnvironment,
): Promise<string[]> {
  const { apps, isFine, options, setup, context } = input;
  const lines: string[] = [];
  for (const source of setup.sources) {
    const own = apps.filter(({ origin }) => origin.repository === source.origin.repository);
    const fine = own.filter(isFine);
    if (fine.length === 0) continue;
    const { repository } = source.origin;
    const commit = await planCommit({
      source,
      fine,
      failed: own.filter((app) => !isFine(app)),
      options,
      setup,
      context,
    });
    lines.push(...(await deliverCommit({ repository, commit, options }, environment)));
  }
  return lines;
}

/** Writes a commit of a repository as the options say: on a new branch, as a patch, or both. Gives a line for each. */
export async function deliverCommit(
  input: { readonly repository: string; readonly commit: NewCommit; readonly options: CommitOptions },
  { cwd }: CliEnvironment,
): Promise<string[]> {
  const { repository, commit, options } = input;
  const lines: string[] = [];
  if (options.branch !== undefined) {
    const written = await writeBranch(commit, options.branch);
    lines.push(`${repository}: ${written === undefined ? 'nothing to commit' : `${options.branch} ${written.commit}`}`);
  }
  if (options.patch !== undefined) {
    const bytes = await formatPatch(commit);
    const path = resolve(cwd, options.patch, `${patchName(repository)}.patch`);
    if (bytes !== undefined) await writeOutput(path, bytes);
    lines.push(bytes === undefined ? `${repository}: nothing to commit` : relative(cwd, path));
  }
  return lines;
}

/** A file name for a repository; no two repositories have one. */
function patchName(repository: string): string {
  const plain = repository.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^\.+/, '');
  return plain === repository ? plain : `${plain}-${hexOf(digestOf(Buffer.from(repository))).slice(0, 8)}`;
}

async function planCommit({
  source,
  fine,
  failed,
  options,
  setup,
  context,
}: {
  readonly source: Source;
  readonly fine: readonly ConvertedApp[];
  readonly failed: readonly ConvertedApp[];
  readonly options: CommitOptions;
  readonly setup: Setup;
  readonly context: MigrationContext;
}): Promise<NewCommit> {
  const files: CommitFile[] = [];
  for (const app of fine) {
    const parent = app.location.path.split('/').slice(0, -1);
    // What lies in its place already stays as it is, also a link.
    const place = (path: string): string => [...parent, app.name, path].join('/');
    const inPlace = new Set(app.files.filter((file) => file.source === place(file.path)).map(({ path }) => path));
    for (const { path, executable, open } of treeOf(app)) {
      if (inPlace.has(path)) continue;
      files.push({ path: place(path), executable, bytes: await readAll(open(), MAX_FILE_BYTES, path) });
    }
  }
  const base = await startCommit(source, { options, setup, context });
  return { ...base, files, message: describeCommit(fine, failed) };
}

/** What commits of a repository have in common: what they are made upon, by whom and when. */
export async function startCommit(
  source: Source,
  input: { readonly options: CommitOptions; readonly setup: Setup; readonly context: MigrationContext },
): Promise<Omit<NewCommit, 'files' | 'message'>> {
  const { options, setup, context } = input;
  if (!isGitSource(source)) throw new RebundleError('INTERNAL', `${source.origin.repository} is no git repository`);
  if (source.isCopy && options.branch !== undefined) {
    const shown = escapeTerminal(source.origin.repository);
    throw new RebundleError('USAGE', `--branch: ${shown} is a remote repository, nothing is pushed to it`, {
      hint: 'Use --patch DIR, or name a clone.',
    });
  }
  const { place, commit, objects } = await source.locate();
  return {
    git: setup.git,
    place,
    objects,
    parent: commit,
    author: options.author ?? DEFAULT_AUTHOR,
    seconds: Math.floor(Date.parse(options.date ?? context.createdAt) / 1000),
  };
}

function isGitSource(source: Source): source is GitSource {
  return 'locate' in source;
}

/** What a reviewer has to know: which apps, what became of their parameters, and all findings. Secrets are masked. */
function describeCommit(fine: readonly ConvertedApp[], failed: readonly ConvertedApp[]): string {
  const names = fine.map(({ name }) => name);
  const subject = names.length === 1 ? `Convert ${names[0]} to compose` : `Convert ${names.length} apps to compose`;
  const parts = fine.map(describeApp);
  const left = failed.map(({ location }) => escapeTerminal(`  ${location.path}`));
  const rest = left.length === 0 ? [] : [`Not converted, see the report:\n${left.join('\n')}`];
  return `${[subject, ...parts, ...rest].join('\n\n')}\n`;
}

/** A package in a commit message: its parameters and its findings, secrets masked. */
export function describeApp(app: ConvertedApp): string {
  const rows = maskVariables(app.app?.variables ?? []).map(({ parameter, variable, value, fixed }) => {
    const target = variable === undefined ? 'its value' : `\${${variable}}`;
    return `  ${parameter} -> ${target}, default ${JSON.stringify(value)}${fixed === undefined ? '' : `; fixed: ${fixed}`}`;
  });
  const findings = app.diagnostics.map(({ code, severity, message, location }) => {
    const at = location === undefined ? '' : ` (${location.path}:${location.line})`;
    return `  ${severity} ${code}: ${message}${at}`;
  });
  const own = [
    `${app.location.path}:`,
    ...(rows.length === 0 ? ['  no parameters'] : ['  Parameters:', ...rows.map((row) => `  ${row}`)]),
    ...(findings.length === 0 ? ['  no findings'] : ['  Findings:', ...findings.map((row) => `  ${row}`)]),
  ];
  return own.map(escapeTerminal).join('\n');
}
