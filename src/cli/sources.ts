import { stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Config, RepositoryConfig } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { nameOfGitUrl, parseGitUrl } from '../lib/git-url.ts';
import { createFolderSource } from '../source/folder.ts';
import { createGitSource } from '../source/git.ts';
import { createGit, type Git } from '../source/git-command.ts';
import { findGitDir } from '../source/git-dir.ts';
import { createMirrors, MIRROR_BLOB_LIMIT } from '../source/git-mirror.ts';
import { createGitPool } from '../source/git-pool.ts';
import { createSubmoduleOpener } from '../source/git-submodules.ts';
import { createTrackedSource } from '../source/git-tracked.ts';
import type { Source } from '../source/source.ts';
import type { Invocation } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { listRepositories } from './repository-list.ts';

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
  /** Packages that were named, by repository. */
  readonly only: ReadonlyMap<string, readonly string[]>;
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
  const named = await readOperands(invocation, cwd);
  const specs =
    flags.repositories === undefined && invocation.paths.length === 0
      ? config.repositories.map(
          (spec): RepositorySpec => (spec.path === undefined ? spec : { ...spec, path: resolve(cwd, spec.path) }),
        )
      : [...named.specs, ...listed];
  const names = nameRepositories(specs, cwd);
  const { fileUrls } = config.git;
  const git = createGit({ env, signal, allowFile: fileUrls });
  const pool = createGitPool();
  const cache = config.git.cache === undefined ? cacheFolder(env, out) : resolve(cwd, config.git.cache);
  const mirror = createMirrors({ git, cache, allowFile: fileUrls });
  const roots = new Map<string, string>();
  const open = async (spec: RepositorySpec, repository: string): Promise<Source> => {
    const ref = flags.ref ?? spec.ref;
    const url = spec.url === undefined ? undefined : parseGitUrl(spec.url);
    const base = { git, pool, repository, ...(ref === undefined ? {} : { ref }) };
    const inner =
      spec.submodules === true && input.commits !== true
        ? { openSubmodule: createSubmoduleOpener({ ...base, mirror, ...(url === undefined ? {} : { parent: url }) }) }
        : {};
    if (url !== undefined) {
      const { path, prepare } = mirror(url, ref);
      return createGitSource({ ...base, ...inner, path, prepare, reach: 'remote', missingSize: MIRROR_BLOB_LIMIT });
    }
    const path = spec.path ?? '';
    const place = findGitDir(path);
    if (ref !== undefined || input.commits === true || place?.bare === true)
      return createGitSource({ ...base, ...inner, path, ...(place === undefined ? {} : { place }) });
    roots.set(repository, path);
    if (spec.git === true) return createTrackedSource({ ...base, root: path, ignore: [out] });
    return createFolderSource({ root: path, repository, ignore: [out] });
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
      specs.flatMap((spec, i) => {
        const packages = named.packages.get(spec);
        return packages === undefined ? [] : [[names[i] ?? '', packages] as const];
      }),
    ),
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

/** Repositories and packages given on the command line: a package stands for its folder, with nothing else of it selected. */
async function readOperands(
  { paths, flags }: Invocation,
  cwd: string,
): Promise<{ readonly specs: readonly RepositorySpec[]; readonly packages: ReadonlyMap<RepositorySpec, string[]> }> {
  const specs = new Map<string, RepositorySpec>();
  const packages = new Map<RepositorySpec, string[]>();
  const whole = new Set<RepositorySpec>();
  for (const operand of paths) {
    if (parseGitUrl(operand) !== undefined) {
      specs.set(operand, { url: operand });
      continue;
    }
    const absolute = resolve(cwd, operand);
    const isPackage = /\.dockerapp(?:\.disabled)?$/.test(absolute);
    const there = !isPackage || flags.ref !== undefined || (await stat(absolute).catch(() => undefined)) !== undefined;
    if (!there) throw new RebundleError('USAGE', `${operand}: no such package`);
    const path = isPackage ? dirname(absolute) : absolute;
    const spec = specs.get(path) ?? { path };
    specs.set(path, spec);
    if (isPackage && !whole.has(spec)) packages.set(spec, [...(packages.get(spec) ?? []), basename(absolute)]);
    if (isPackage) continue;
    whole.add(spec);
    packages.delete(spec);
  }
  return { specs: [...specs.values()], packages };
}

/** A name for each: the one given, else the last part of its place, or all of the place where two would have one name. Throws USAGE where that does not help. */
function nameRepositories(specs: readonly RepositorySpec[], cwd: string): string[] {
  const shortOf = ({ name, path, url }: RepositorySpec): string => {
    const parsed = url === undefined ? undefined : parseGitUrl(url);
    return name ?? (parsed === undefined ? basename(path ?? '') || (path ?? '') : nameOfGitUrl(parsed));
  };
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
