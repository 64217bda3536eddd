import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunReportInput } from '../report/run-report.ts';
import { writeOutput } from './output.ts';
import { formatRepository } from './repository-list.ts';
import type { Setup } from './setup.ts';

/** What the last run left, in the output folder. */
export const FAILED_FILE = 'failed.txt';

const HEAD = `# What the last run left: apps that failed, were held or not reached, and repositories that could not be read.
# --only-failed goes on with them; --repositories takes this file.
`;

/**
 * Writes the list of what a run left, as `--repositories` takes it, or removes that of an earlier run where nothing is left. An app without a result is left, too, and
 * so is all of a repository that was not read.
 */
export async function writeFailedList(
  run: Pick<RunReportInput, 'sources' | 'results' | 'plan'>,
  { out, repositories }: Pick<Setup, 'out' | 'repositories'>,
): Promise<void> {
  const path = join(out, FAILED_FILE);
  const lines = listLeft(run, repositories, out);
  if (lines.length === 0) await rm(path, { force: true });
  else await writeOutput(path, [HEAD, ...lines.map((line) => `${line}\n`)]);
}

function listLeft(
  { sources, results, plan }: Pick<RunReportInput, 'sources' | 'results' | 'plan'>,
  repositories: Setup['repositories'],
  base: string,
): string[] {
  const keyOf = (repository: string, path: string): string => JSON.stringify([repository, path]);
  const ended = new Map(
    [...plan.apps, ...results].map(({ origin, status }) => [keyOf(origin.repository, origin.path), status]),
  );
  const read = new Map(sources.map((source) => [source.repository, source]));
  return [...repositories].flatMap(([repository, spec]) => {
    const source = read.get(repository);
    if (source === undefined || source.error !== undefined) return [formatRepository(spec, undefined, base)];
    return source.packages
      .filter(({ selected }) => selected)
      .filter(({ path }) => ['failed', 'held', undefined].includes(ended.get(keyOf(repository, path))))
      .map(({ path }) => formatRepository(spec, path, base));
  });
}
