import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseValue } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { parseGitUrl } from '../lib/git-url.ts';
import type { CliEnvironment } from './environment.ts';
import type { RepositorySpec } from './sources.ts';

const MAX_REPOSITORIES = 20_000;

/**
 * Reads a list of repositories, one a line: a path or URL, then by need ` ref=REF` and ` name=NAME`. Empty lines and lines that begin with `#` are passed over.
 * Paths are relative to the folder of the list, those of standard input (`-`) to the current one. Throws USAGE with the line.
 */
export async function listRepositories(file: string, { cwd, readInput }: CliEnvironment): Promise<RepositorySpec[]> {
  const shown = file === '-' ? 'standard input' : file;
  const bytes = await readList(file, shown, { cwd, ...(readInput === undefined ? {} : { readInput }) });
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new RebundleError('USAGE', `${shown} is not UTF-8 text`);
  const base = file === '-' ? cwd : dirname(resolve(cwd, file));
  const specs = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .flatMap((line, i) => (/^\s*(?:#|$)/.test(line) ? [] : [parseLine(line.trim(), `${shown}:${i + 1}`, base)]));
  if (specs.length > MAX_REPOSITORIES)
    throw new RebundleError('USAGE', `${shown} names more than ${MAX_REPOSITORIES} repositories`);
  return specs;
}

async function readList(
  file: string,
  shown: string,
  { cwd, readInput }: Pick<CliEnvironment, 'cwd' | 'readInput'>,
): Promise<Buffer> {
  if (file === '-' && readInput !== undefined) return readInput();
  try {
    return await readFile(resolve(cwd, file));
  } catch (cause) {
    throw new RebundleError('USAGE', `--repositories: ${shown} cannot be read`, { cause });
  }
}

function parseLine(line: string, where: string, base: string): RepositorySpec {
  let place = line;
  const settings: { ref?: string; name?: string } = {};
  for (;;) {
    const match = /^(.*\S)\s+(ref|name)=(\S+)$/.exec(place);
    if (match === null) break;
    const [, rest = '', key, given = ''] = match;
    if (key === 'ref') settings.ref = parseValue('ref', given, `${where}: ref`);
    else settings.name = parseValue('text', given, `${where}: name`);
    place = rest;
  }
  const repository = parseValue('repository', place, where);
  return parseGitUrl(repository) === undefined
    ? { ...settings, path: resolve(base, repository) }
    : { ...settings, url: repository };
}
