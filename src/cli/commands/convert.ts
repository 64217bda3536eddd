import { join, relative } from 'node:path';
import { Option } from 'commander';
import { RebundleError } from '../../errors.ts';
import { escapeTerminal } from '../../lib/escape-text.ts';
import { onOutput } from '../../lib/on-output.ts';
import type { AppResult } from '../../model/app.ts';
import { convertPackages } from '../../pipeline/convert.ts';
import { tellConversion } from '../../pipeline/ignore-findings.ts';
import { isNotTried } from '../../pipeline/max-failures.ts';
import { type ConvertedApp, hasErrors } from '../../pipeline/migration.ts';
import { scanSources, skippedResults } from '../../pipeline/scan.ts';
import {
  CONVERSION,
  type CommandDefinition,
  type CommandResult,
  type Invocation,
  OUTCOME,
  PROGRESS,
  REPOSITORY_PATHS,
  SOURCES,
} from '../command.ts';
import { commitOptions } from '../commit-options.ts';
import { type CommitOptions, writeCommits } from '../convert-commits.ts';
import { writeEnvFiles } from '../env-output.ts';
import type { CliEnvironment } from '../environment.ts';
import { combineStatus } from '../exit-status.ts';
import { removeTree, replaceTree, writeTree } from '../output.ts';
import { type LockHolder, tellTakenLock, withRunLock } from '../run-lock.ts';
import { checkOutput, offlineContext, resultStatus, sourceStatus, withReporter } from '../session.ts';
import { appFolder, prepareSetup, type Setup } from '../setup.ts';
import { COMPOSE_FILE, inPlaceFolder, newFiles, treeOf } from '../trees.ts';

export const CONVERT: CommandDefinition = {
  name: 'convert',
  summary: 'turn packages into compose files, without a registry',
  paths: REPOSITORY_PATHS,
  options: ['config', 'out', 'inPlace', 'app', ...SOURCES, ...CONVERSION, ...OUTCOME, ...PROGRESS],
  own: [
    () => new Option('--prove', 'write nothing, only say what was proved equal').conflicts(['out', 'inPlace']),
    ...commitOptions(['out', 'inPlace', 'prove']),
  ],
  example: 'rebundle convert ~/src/gateway --out converted',
  statuses: [0, 3, 1, 5, 4, 130],
  run: convert,
};

async function convert(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const commits = invocation.own as CommitOptions;
  const toCommits = commits.branch !== undefined || commits.patch !== undefined;
  const setup = await prepareSetup(invocation, environment, { commits: toCommits });
  const { inPlace } = invocation.flags;
  const proveOnly = invocation.own.prove === true;
  if (!inPlace && !proveOnly && !toCommits) checkOutput(setup);
  if (inPlace) requireFolders(setup);
  const work = (takenFrom?: LockHolder): Promise<CommandResult> =>
    convertAll({ setup, takenFrom, commits: toCommits ? commits : undefined }, invocation, environment);
  // What is written elsewhere, git guards.
  return inPlace || proveOnly || toCommits ? work() : withRunLock({ out: setup.out, environment }, work);
}

async function convertAll(
  {
    setup,
    takenFrom,
    commits,
  }: {
    readonly setup: Setup;
    readonly takenFrom: LockHolder | undefined;
    /** Where the result goes to commits. */
    readonly commits: CommitOptions | undefined;
  },
  invocation: Invocation,
  environment: CliEnvironment,
): Promise<CommandResult> {
  const toCommits = commits !== undefined;
  const { inPlace } = invocation.flags;
  const proveOnly = invocation.own.prove === true;
  return withReporter(invocation, environment, setup, async (emit) => {
    tellTakenLock(takenFrom, emit);
    const context = offlineContext(setup, environment, emit);
    const scanned = await scanSources(setup.request, context);
    const request = { ...setup.request, deviceSeverity: 'warning' } as const;
    const apps = await convertPackages(scanned, request, context, async (app) => app);
    const isFine = ({ app, diagnostics }: ConvertedApp): boolean => app !== undefined && !hasErrors(diagnostics);
    // What is a compose folder in its repository already stays as it is there.
    const isDone = (app: ConvertedApp): boolean => app.location.kind === 'compose' && (inPlace || toCommits);
    const due = apps.filter((app) => !isDone(app));
    const lines = commits
      ? await writeCommits({ apps: due, isFine, options: commits, setup, context }, environment)
      : [];
    const results: AppResult[] = [];
    for (const app of apps) {
      setup.signal.throwIfAborted();
      const fine = isFine(app);
      const folder = inPlace ? inPlaceFolder(app, setup) : appFolder(setup.out, app.name);
      if (proveOnly) lines.push(`${app.name}: ${describeProof(app, fine)}`);
      else if (fine && !isDone(app) && !toCommits) {
        await onOutput(folder, () =>
          inPlace ? writeTree(folder, newFiles(app, setup, folder)) : replaceTree(folder, treeOf(app)),
        );
        lines.push(relative(environment.cwd, join(folder, COMPOSE_FILE)));
      } else if (!inPlace && !toCommits && !isNotTried(app.diagnostics)) removeTree(folder);
      results.push({ app: app.name, origin: app.origin, ...describeEnd(app, fine, isDone(app)) });
    }
    if (!proveOnly && !toCommits) await writeEnvFiles(apps, setup);
    results.push(...skippedResults(scanned));
    const heard = tellConversion({ apps, results, scanned }, setup.request, context);
    const status = combineStatus(
      sourceStatus(scanned),
      resultStatus(heard.results, invocation.flags.errorOn, heard.diagnostics),
    );
    const stdout = lines.map((line) => `${escapeTerminal(line)}\n`).join('');
    return { status, stdout, results: heard.results };
  });
}

function describeEnd({ diagnostics }: ConvertedApp, fine: boolean, done: boolean): Omit<AppResult, 'app' | 'origin'> {
  const [first] = diagnostics;
  if (first !== undefined && isNotTried(diagnostics)) return { status: 'held', reason: first.message, diagnostics: [] };
  if (!fine) return { status: 'failed', diagnostics };
  return done
    ? { status: 'skipped', reason: 'it is a compose folder already', diagnostics }
    : { status: 'migrated', diagnostics };
}

/** Only a folder that is read as it lies there has a place beside the package. */
function requireFolders({ sources, roots }: Setup): void {
  const other = sources.find(({ origin }) => !roots.has(origin.repository));
  if (other === undefined) return;
  throw new RebundleError(
    'USAGE',
    `--in-place: ${escapeTerminal(other.origin.repository)} is read at a commit, without a checkout`,
    {
      hint: 'Use --branch NAME or --patch DIR.',
    },
  );
}

/** The defaults are counted with the overrides. */
function describeProof({ proof }: ConvertedApp, fine: boolean): string {
  if (proof === undefined) return 'not proved, see its errors';
  const { fields, overrides, sampled } = proof;
  const how = sampled ? ' (many parameters: overridden in groups)' : '';
  return `${fine ? 'equal' : 'not equal'}: ${fields} fields x ${overrides + 1} overrides x 2 generations${how}`;
}
