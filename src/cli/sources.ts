import { stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Config, RepositoryConfig } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { nameOfGitUrl, parseGitUrl } from '../lib/git-url.ts';
import { createFolderSource } from '../source/folder.ts';
import { createGit, type Git } from '../source/git-command.ts';
import { findGitDir } from '../source/git-dir.ts';
import { createMirrors, MIRROR_BLOB_LIMIT } from '../source/git-mirror.ts';
import { createGitPool } from '../source/git-pool.ts';
import type { Source } from '../source/source.ts';
import type { Invocation } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { FAILED_FILE } from './failed-list.ts';
import { readOptional } from './output.ts';
import { listRepositories, type NamedRepository } from './repository-list.ts';

/** A repository that a command line or the configuration names, places absolute. */
export type RepositorySpec = Omit<RepositoryConfig, 'name' | 'path' | 'url'> & {
  readonly path?: string | undefined;
  readonly url?: string | undefined;
  readonly name?: string;
};

export interface OpenedSources {
  readonly sources: readonly Source[];
  /** Absolute folders that are read as they lie there, by repository name. */
  readonly roots: ReadonlyMap<string, string>;
  /** Packages that were named, or that the last run left, by repository. */
  readonly only: ReadonlyMap<string, readonly string[]>;
  /** The repositories as a list could name them, by name, in order. */
  readonly repositories: ReadonlyMap<string, RepositorySpec>;
  /** Globs of single repositories, by name. */
  readonly scanRules: ReadonlyMap<
    string,
    { readonly include?: readonly string[]; readonly exclude?: readonly string[] }
  >;
  readonly git: Git;
}

/**
 * Opens the repositories of the command line, of a list, or of the configuration. A folder is read as it lies there, unless a ref is asked for; a bare or remote
 * repository is read at its ref. `commits`: all of them are read at a commit. Nothing is fetched yet.
 */
export async function openSources(
  input: {
    readonly invocation: Invocation;
    readonly config: Config;
    /** Absolute; it is no input. */
    readonly out: string;
    readonly commits?: boolean;
  },
  environment: CliEnvironment,
): Promise<OpenedSources> {
  const { config, out, invocation } = input;
  const { flags } = invocation;
  const { cwd, env, signal } = environment;
  const listed = flags.repositories === undefined ? [] : await listRepositories(flags.repositories, environment);
  const isConfigured = flags.repositories === undefined && invocation.paths.length === 0;
  const named = isConfigured
    ? config.repositories.map(
        (spec): NamedRepository => ({
          spec: spec.path === undefined ? spec : { ...spec, path: resolve(cwd, spec.path) },
        }),
      )
    : mergeNamed(await findPackages([...readOperands(invocation, cwd), ...listed], { cwd, ref: flags.ref }));
  const specs = named.map(({ spec }) => spec);
  const names = nameRepositories(specs, cwd);
  const left = flags.onlyFailed ? await readLeft(out, environment) : undefined;
  const { fileUrls } = config.git;
  const { offline } = flags;
  const git = createGit({ env, signal, allowFile: fileUrls, offline });
  const pool = createGitPool();
  const cache = config.git.cache === undefined ? cacheFolder(env, out) : resolve(cwd, config.git.cache);
  const mirror = createMirrors({ git, cache, allowFile: fileUrls, offline });
  const roots = new Map<string, string>();
  const open = async (spec: RepositorySpec, repository: string): Promise<Source> => {
    const ref = flags.ref ?? spec.ref;
    const url = spec.url === undefined ? undefined : parseGitUrl(spec.url);
    const path = spec.path ?? '';
    const place = url === undefined ? findGitDir(path) : undefined;
    const isCommit = url !== undefined || ref !== undefined || input.commits === true || place?.bare === true;
    if (!isCommit) roots.set(repository, path);
    if (!isCommit && spec.git !== true) return createFolderSource({ root: path, repository, ignore: [out] });
    // What reads commits is loaded where one is read.
    const [{ createGitSource }, { createSubmoduleOpener }, { createTrackedSource }] = await Promise.all([
      import('../source/git.ts'),
      import('../source/git-submodules.ts'),
      import('../source/git-tracked.ts'),
    ]);
    const base = { git, pool, repository, ...(ref === undefined ? {} : { ref }) };
    if (!isCommit) return createTrackedSource({ ...base, root: path, ignore: [out] });
    const inner =
      spec.submodules === true && input.commits !== true
        ? { openSubmodule: createSubmoduleOpener({ ...base, mirror, ...(url === undefined ? {} : { parent: url }) }) }
        : {};
    if (url === undefined)
      return createGitSource({ ...base, ...inner, path, ...(place === undefined ? {} : { place }) });
    const { path: mirrored, prepare } = mirror(url, ref);
    const remote = { path: mirrored, prepare, reach: 'remote', missingSize: MIRROR_BLOB_LIMIT } as const;
    return createGitSource({ ...base, ...inner, ...remote });
  };
  const sources = await Promise.all(specs.map((spec, i) => open(spec, names[i] ?? '')));
  const rules = specs.map(
    ({ include, exclude }, i) =>
      [names[i] ?? '', { ...(include && { include }), ...(exclude && { exclude }) }] as const,
  );
  return {
    sources,
    roots,
    only: new Map(
      named.flatMap((each, i) => {
        const name = names[i] ?? '';
        const packages = left === undefined ? each.packages : choosePackages(each, name, left);
        return packages === undefined ? [] : [[name, packages] as const];
      }),
    ),
    repositories: new Map(specs.map((spec, i) => [names[i] ?? '', describeSpec(spec, names[i] ?? '', flags.ref)])),
    scanRules: new Map(rules.filter(([, rule]) => Object.keys(rule).length > 0)),
    git,
  };
}

function cacheFolder(env: CliEnvironment['env'], out: string): string {
  const { REBUNDLE_CACHE, XDG_CACHE_HOME, HOME } = env;
  if (REBUNDLE_CACHE) return join(resolve(REBUNDLE_CACHE), 'git');
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'rebundle', 'git');
  return HOME ? join(HOME, '.cache', 'rebundle', 'git') : join(out, 'cache', 'git');
}

function readOperands({ paths }: Invocation, cwd: string): NamedRepository[] {
  return paths.map((operand) => ({
    spec: parseGitUrl(operand) === undefined ? { path: resolve(cwd, operand) } : { url: operand },
  }));
}

/** The path of a package stands for its folder, with nothing else of it selected. Throws USAGE where there is no such package. */
async function findPackages(
  named: readonly NamedRepository[],
  { cwd, ref }: { readonly cwd: string; readonly ref: string | undefined },
): Promise<NamedRepository[]> {
  return Promise.all(
    named.map(async (each): Promise<NamedRepository> => {
      const { path } = each.spec;
      if (path === undefined || each.packages !== undefined || !/\.dockerapp(?:\.disabled)?$/.test(path)) return each;
      const atRef = (ref ?? each.spec.ref) !== undefined;
      if (!atRef && (await stat(path).catch(() => undefined)) === undefined)
        throw new RebundleError('USAGE', `${escapeTerminal(relative(cwd, path))}: no such package`);
      return { spec: { ...each.spec, path: dirname(path) }, packages: [basename(path)] };
    }),
  );
}

/** Each repository once: all packages that are named of it, or the whole where it is named as such. */
function mergeNamed(named: readonly NamedRepository[]): NamedRepository[] {
  const merged = new Map<string, NamedRepository>();
  for (const each of named) {
    const { path, url, ref, name, git, submodules, include, exclude } = each.spec;
    const key = JSON.stringify([path, url, ref, name, git, submodules, include, exclude].map((part) => part ?? null));
    const before = merged.get(key);
    const isWhole = each.packages === undefined || (before !== undefined && before.packages === undefined);
    const packages = [...(before?.packages ?? []), ...(each.packages ?? [])];
    merged.set(key, { spec: each.spec, ...(isWhole ? {} : { packages: [...new Set(packages)] }) });
  }
  return [...merged.values()];
}

/** What the last run left. Throws USAGE where there was none. */
async function readLeft(out: string, environment: CliEnvironment): Promise<NamedRepository[]> {
  if ((await readOptional(join(out, FAILED_FILE))) !== undefined)
    return listRepositories(join(out, FAILED_FILE), environment);
  if ((await readOptional(join(out, 'report.json'))) !== undefined) return [];
  throw new RebundleError('USAGE', `--only-failed: there was no run in ${escapeTerminal(out)}`, {
    hint: 'Run without --only-failed first, or name its folder with --out.',
  });
}

/** Of the packages that are named those that are left; all of them where the repository as a whole is. */
function choosePackages(
  { spec, packages }: NamedRepository,
  name: string,
  left: readonly NamedRepository[],
): readonly string[] | undefined {
  const own = left.filter(
    (each) =>
      each.spec.path === spec.path && each.spec.url === spec.url && (each.spec.name ?? shortNameOf(spec)) === name,
  );
  if (own.some((each) => each.packages === undefined)) return packages;
  const found = own.flatMap((each) => each.packages ?? []);
  return packages === undefined ? found : packages.filter((path) => found.includes(path));
}

/** The name only where a list could not find it out. */
function describeSpec(spec: RepositorySpec, name: string, ref: string | undefined): RepositorySpec {
  const { name: _given, ...rest } = spec;
  const at = ref === undefined ? rest : { ...rest, ref };
  return name === shortNameOf(spec) ? at : { ...at, name };
}

/** The last part of a place. */
function shortNameOf({ path = '', url }: RepositorySpec): string {
  const parsed = url === undefined ? undefined : parseGitUrl(url);
  return parsed === undefined ? basename(path) || path : nameOfGitUrl(parsed);
}

/** A name for each: the one given, else the last part of its place, or all of the place where two would have one name. Throws USAGE where that does not help. */
function nameRepositories(specs: readonly RepositorySpec[], cwd: string): string[] {
  const shortOf = (spec: RepositorySpec): string => spec.name ?? shortNameOf(spec);
  const counts = new Map<string, number>();
  for (const spec of specs) counts.set(shortOf(spec), (counts.get(shortOf(spec)) ?? 0) + 1);
  const names = specs.map((spec) => {
    const short = shortOf(spec);
    if ((counts.get(short) ?? 0) < 2 || spec.name !== undefined) return short;
    return spec.url ?? (relative(cwd, spec.path ?? '') || short);
  });
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name))
      throw new RebundleError('USAGE', `the repository ${name} is given twice`, {
        hint: 'Name it once, or give one of them another name.',
      });
    seen.add(name);
  }
  return names;
}
