import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { parseValue } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { parseGitUrl } from '../lib/git-url.ts';
import type { CliEnvironment } from './environment.ts';
import type { RepositorySpec } from './sources.ts';

const MAX_REPOSITORIES = 20_000;

/** A repository of a list or a command line. */
export interface NamedRepository {
  readonly spec: RepositorySpec;
  /** Paths of packages in it, which alone are meant. */
  readonly packages?: readonly string[];
}

const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const SETTING = `\\s+(ref|name|git|submodules|include|exclude|package)=(${QUOTED}|[^\\s"]\\S*)`;
/** The shortest place that nothing but settings follows. */
const LINE = new RegExp(`^(${QUOTED}|[^"].*?)((?:${SETTING})*)$`);

/**
 * Reads a list of repositories, one a line: a path, a path of a package or a URL, then by need ` ref=`, ` name=`, ` git=` and ` submodules=` with `true` or `false`,
 * and any number of ` include=`, ` exclude=` and ` package=`, the path of a package in the repository. What holds blanks may be quoted as in JSON. Empty lines and
 * lines that begin with `#` are passed over. Paths are relative to the folder of the list, those of standard input (`-`) to the current one. Throws USAGE with the
 * line.
 */
export async function listRepositories(file: string, { cwd, readInput }: CliEnvironment): Promise<NamedRepository[]> {
  const shown = file === '-' ? 'standard input' : file;
  const bytes = await readList(file, shown, { cwd, ...(readInput === undefined ? {} : { readInput }) });
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new RebundleError('USAGE', `${shown} is not UTF-8 text`);
  const base = file === '-' ? cwd : dirname(resolve(cwd, file));
  const found = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .flatMap((line, i) => (/^\s*(?:#|$)/.test(line) ? [] : [parseLine(line.trim(), `${shown}:${i + 1}`, base)]));
  if (new Set(found.map(({ spec }) => spec.path ?? spec.url)).size > MAX_REPOSITORIES)
    throw new RebundleError('USAGE', `${shown} names more than ${MAX_REPOSITORIES} repositories`);
  return found;
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

function parseLine(line: string, where: string, base: string): NamedRepository {
  const [, place = line, settings = ''] = LINE.exec(line) ?? [];
  const values = new Map<string, string[]>();
  for (const [, key = '', given = ''] of settings.matchAll(new RegExp(SETTING, 'g')))
    values.set(key, [...(values.get(key) ?? []), unquote(given, where)]);
  const one = (key: string): string | undefined => values.get(key)?.at(-1);
  const [ref, name] = [one('ref'), one('name')];
  const [include, exclude, packages] = ['include', 'exclude', 'package'].map((key) => values.get(key));
  for (const glob of [...(include ?? []), ...(exclude ?? [])]) parseValue('text', glob, where);
  const spec: RepositorySpec = {
    ...(ref === undefined ? {} : { ref: parseValue('ref', ref, `${where}: ref`) }),
    ...(name === undefined ? {} : { name: parseValue('text', name, `${where}: name`) }),
    ...readFlag(one('git'), 'git', where),
    ...readFlag(one('submodules'), 'submodules', where),
    ...(include === undefined ? {} : { include }),
    ...(exclude === undefined ? {} : { exclude }),
  };
  const repository = parseValue('repository', unquote(place, where), where);
  const only = packages === undefined ? {} : { packages };
  return parseGitUrl(repository) === undefined
    ? { spec: { ...spec, path: resolve(base, repository) }, ...only }
    : { spec: { ...spec, url: repository }, ...only };
}

function readFlag(text: string | undefined, key: 'git' | 'submodules', where: string) {
  if (text === undefined) return {};
  if (text === 'true' || text === 'false') return { [key]: text === 'true' };
  throw new RebundleError('USAGE', `${where}: ${key}: expected true or false, found ${JSON.stringify(text)}`);
}

function unquote(text: string, where: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return JSON.parse(text) as string;
  } catch (cause) {
    throw new RebundleError('USAGE', `${where}: expected a text quoted as in JSON`, { cause });
  }
}

/** The line of a list in the folder `base` that names a repository, or one package of it. */
export function formatRepository(spec: RepositorySpec, path: string | undefined, base: string): string {
  const { ref, name, git, submodules, include = [], exclude = [] } = spec;
  const way = relative(base, spec.path ?? '') || '.';
  const place = spec.url ?? (parseGitUrl(way) === undefined ? way : `./${way}`);
  const settings: readonly (readonly [string, string | undefined])[] = [
    ['ref', ref],
    ['name', name],
    ['git', git?.toString()],
    ['submodules', submodules?.toString()],
    ...include.map((glob) => ['include', glob] as const),
    ...exclude.map((glob) => ['exclude', glob] as const),
    ['package', path],
  ];
  const words = settings.flatMap(([key, value]) => (value === undefined ? [] : [` ${key}=${quote(value)}`]));
  return `${place.startsWith('#') ? JSON.stringify(place) : quote(place)}${words.join('')}`;
}

function quote(text: string): string {
  return /^[^\s"\u0000-\u001f\u007f][^\s\u0000-\u001f\u007f]*$/.test(text) ? text : JSON.stringify(text);
}
