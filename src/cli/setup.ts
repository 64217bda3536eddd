import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { type Config, defaultConfig, mergeConfig, parseConfig, resolvePaths } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { createLimit, type Limit } from '../lib/limit.ts';
import type { DocumentPart } from '../model/app.ts';
import type { MigrationRequest } from '../pipeline/migration.ts';
import type { Git } from '../source/git-command.ts';
import type { Source } from '../source/source.ts';
import type { Invocation } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { readOptional } from './output.ts';
import { type OpenedSources, openSources } from './sources.ts';

const DEFAULT_CONFIG = 'rebundle.yml';

/** A command line turned into what the pipeline takes. */
export interface Setup {
  readonly config: Config;
  readonly request: MigrationRequest;
  readonly sources: readonly Source[];
  /** Absolute folders of the sources that are read as they lie there, by repository name. */
  readonly roots: ReadonlyMap<string, string>;
  /** The repositories as a list could name them, by name, in order. */
  readonly repositories: OpenedSources['repositories'];
  readonly git: Git;
  /** Absolute. */
  readonly out: string;
  readonly limit: Limit;
  /** No command may reach a network. */
  readonly offline: boolean;
  readonly signal: AbortSignal;
}

/** Reads the configuration and opens the sources; `commits`: all at a commit, none as a folder. Throws CONFIG_INVALID and USAGE. */
export async function prepareSetup(
  invocation: Invocation,
  environment: CliEnvironment,
  options: { readonly commits?: boolean } = {},
): Promise<Setup> {
  const { flags } = invocation;
  const { cwd } = environment;
  const config = mergeConfig(await loadConfig(flags.config, cwd), environment.env, resolveFlags(flags, cwd));
  const out = resolve(cwd, config.out);
  const { commits = false } = options;
  const opened = await openSources({ invocation, config, out, commits }, environment);
  const { sources, roots, only, repositories, scanRules, git } = opened;
  const request: MigrationRequest = {
    config,
    apps: flags.apps,
    only,
    ...(flags.onlyFailed ? { onlyFailed: true } : {}),
    scanRules,
    parameterFiles: await Promise.all(config.parameters.files.map((path) => readParameterFile(path, cwd))),
    ...(await readFleet(config, cwd)),
    allowPartial: flags.allowPartial,
    removeApps: flags.removeApps,
    ...(flags.maxFailures === undefined ? {} : { maxFailures: flags.maxFailures }),
  };
  return {
    config,
    request,
    sources,
    roots,
    repositories,
    git,
    out,
    offline: flags.offline,
    signal: environment.signal,
    limit: createLimit(Math.max(8, availableParallelism() * 2), environment.signal),
  };
}

async function loadConfig(named: string | undefined, cwd: string): Promise<Config> {
  const path = named ?? DEFAULT_CONFIG;
  const bytes = await readOptional(resolve(cwd, path));
  if (bytes === undefined) {
    if (named === undefined) return defaultConfig();
    throw new RebundleError('CONFIG_INVALID', `${path}: no such file`, {
      hint: 'Name a configuration file with --config.',
    });
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new RebundleError('CONFIG_INVALID', `${path} is not UTF-8 text`);
  return resolvePaths(parseConfig(text, path), dirname(path), (base, to) => resolve(cwd, base, to));
}

/** Places of flags are relative to the current folder. */
function resolveFlags(flags: Invocation['flags'], cwd: string): Invocation['flags'] {
  const absolute = <P extends NonNullable<Invocation['flags']['to']>>(place: P): P =>
    place.kind === 'oci-layout' ? { ...place, directory: resolve(cwd, place.directory) } : place;
  return {
    ...flags,
    ...(flags.to === undefined ? {} : { to: absolute(flags.to) }),
    registries: new Map([...flags.registries].map(([host, place]) => [host, absolute(place)])),
  };
}

async function readParameterFile(path: string, cwd: string): Promise<DocumentPart> {
  const shown = relative(cwd, resolve(cwd, path));
  const bytes = await readOptional(resolve(cwd, path));
  const text = bytes === undefined ? undefined : decodeUtf8(bytes);
  if (text === undefined) {
    throw new RebundleError(
      'USAGE',
      `${shown}: ${bytes === undefined ? 'no such parameters file' : 'the parameters file is not UTF-8 text'}`,
    );
  }
  return { text, path: shown, offset: 0, line: 1 };
}

/** Throws PARAM_INVALID with the place where a file of a group is none. */
async function readFleet({ fleet }: Config, cwd: string): Promise<Pick<MigrationRequest, 'fleet'>> {
  if (fleet.parameters.size === 0) return {};
  const { readParameters } = await import('../dockerapp/parameters.ts');
  const read = [...fleet.parameters].map(async ([group, path]) => {
    const document = await readParameterFile(path, cwd);
    readParameters({ own: document, files: [], metadata: { text: '', path: '', line: 1 }, settings: [] });
    return { group, document };
  });
  return { fleet: await Promise.all(read) };
}

/** The folder of an app below `--out`. */
export function appFolder(out: string, app: string): string {
  return join(out, 'apps', app);
}
