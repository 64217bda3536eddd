import { basename } from 'node:path';
import * as z from 'zod';
import type { RepositorySettings } from './config-repositories.ts';
import { ConfigText, VALUES } from './config-schema.ts';
import { RebundleError } from './errors.ts';
import { escapeTerminal } from './lib/escape-text.ts';
import { nameOfGitUrl, parseGitUrl } from './lib/git-url.ts';
import type { Place } from './lib/place.ts';
import { parseValidatedYaml } from './lib/validated-yaml.ts';
import type { Interpolation, Semantics, ServiceConfigsMode } from './model/app.ts';

type ReadonlyDeep<T> =
  T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<K, V>
    : T extends ReadonlySet<infer V>
      ? ReadonlySet<V>
      : T extends object
        ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> }
        : T;

/** A configuration file as it is written, checked, with its defaults; paths and repository names are still to be resolved. */
export type ConfigFile = ReadonlyDeep<z.output<typeof ConfigText>>;

/** A repository to read: `path` or `url`. */
export type RepositoryConfig = Omit<RepositorySettings, 'name' | 'path' | 'url'> & {
  readonly name: string;
} & ({ readonly path: string; readonly url?: undefined } | { readonly url: string; readonly path?: undefined });

/** What a run works with: the file under the environment under the flags. */
export interface Config extends Omit<ConfigFile, 'repositories'> {
  readonly repositories: readonly RepositoryConfig[];
  /** Folder for what a run leaves behind, relative to the current folder. */
  readonly out: string;
}

/** The flags that stand over the configuration. Their paths are relative to the current folder. */
export interface ConfigFlags {
  readonly out?: string;
  readonly to?: Place;
  readonly registries: ReadonlyMap<string, Place>;
  /** Platforms; none means those of the file. */
  readonly platforms: readonly string[];
  readonly tag?: string;
  readonly targetVersion?: string;
  readonly interpolation?: Interpolation;
  readonly semantics?: Semantics | 'auto';
  readonly serviceConfigs?: ServiceConfigsMode;
  readonly parameterFiles: readonly string[];
  readonly set: ReadonlyMap<string, string>;
  /** Globs on references to pin anew; they are joined with those of the file. */
  readonly repin: readonly string[];
  /** More entries of `findings.ignore`. */
  readonly ignore?: ConfigFile['findings']['ignore'];
  /** Parameter files of groups of devices, by group. */
  readonly fleet?: ReadonlyMap<string, string>;
}

/** Checks a single value as the file's schema does. Throws USAGE naming `what` and saying what was expected. */
export function parseValue<K extends keyof typeof VALUES>(
  kind: K,
  text: string,
  what: string,
): z.output<(typeof VALUES)[K]> {
  const result = VALUES[kind].safeParse(text);
  if (result.success) return result.data as z.output<(typeof VALUES)[K]>;
  const expected = result.error.issues[0]?.message ?? 'expected another value';
  throw new RebundleError('USAGE', `${what}: ${expected}, found "${escapeTerminal(text)}"`);
}

/** Reads the text of a `rebundle.yml`. Throws CONFIG_INVALID with place, key and expectation of each error; `path` names the file there. */
export function parseConfig(text: string, path: string): ConfigFile {
  return parseValidatedYaml(ConfigText, { text, path, code: 'CONFIG_INVALID' });
}

/** The configuration of a run that has no file. */
export function defaultConfig(): Config {
  return resolvePaths(ConfigText.parse({}), '.', (_base, path) => path);
}

/** Makes the paths of a file absolute and gives each repository its name. Throws CONFIG_INVALID where two repositories have one name. */
export function resolvePaths(
  file: ConfigFile,
  baseDir: string,
  resolve: (base: string, path: string) => string,
): Config {
  const toPath = (path: string): string => resolve(baseDir, path);
  const toPlace = (place: Place): Place =>
    place.kind === 'oci-layout' ? { kind: 'oci-layout', directory: toPath(place.directory) } : place;
  const placeOf = new Map<string, string>();
  const repositories = file.repositories.map((entry): RepositoryConfig => {
    const { path, url, name: given, ...settings } = entry;
    const parsed = url === undefined ? undefined : parseGitUrl(url);
    const place = parsed?.url ?? toPath(path ?? '');
    const name = given ?? (parsed === undefined ? basename(place) || place : nameOfGitUrl(parsed));
    const other = placeOf.get(name);
    if (other !== undefined) {
      const message = `two repositories are named ${escapeTerminal(name)}: ${escapeTerminal(other)} and ${escapeTerminal(place)}`;
      throw new RebundleError('CONFIG_INVALID', message, {
        hint: 'Give one of them another name: repositories: [{ path, name }].',
      });
    }
    placeOf.set(name, place);
    return parsed === undefined ? { ...settings, path: place, name } : { ...settings, url: place, name };
  });
  const { targets, publish, parameters, fleet } = file;
  return {
    ...file,
    repositories,
    git: { ...file.git, ...(file.git.cache === undefined ? {} : { cache: toPath(file.git.cache) }) },
    registries: new Map([...file.registries].map(([host, place]) => [host, toPlace(place)])),
    hosts: new Map([...file.hosts].map(([host, settings]) => [host, resolveHost(settings, toPath)])),
    parameters: { ...parameters, files: parameters.files.map(toPath) },
    fleet: { parameters: new Map([...fleet.parameters].map(([group, path]) => [group, toPath(path)])) },
    publish: { ...publish, ...(publish.to === undefined ? {} : { to: toPlace(publish.to) }) },
    ...(targets === undefined
      ? {}
      : {
          targets: {
            ...targets,
            repo: isUrl(targets.repo) ? targets.repo : toPath(targets.repo),
            ...(targets.tokenFile === undefined ? {} : { tokenFile: toPath(targets.tokenFile) }),
            ...(targets.signing === undefined ? {} : { signing: resolveSigning(targets.signing, toPath) }),
            ...(targets.seed === undefined ? {} : { seed: toPath(targets.seed) }),
          },
        }),
    out: 'out',
  };
}

/** True where `targets.repo` is a server. */
export function isUrl(place: string): boolean {
  return /^https?:\/\//.test(place);
}

type HostConfig = ConfigFile['hosts'] extends ReadonlyMap<string, infer H> ? H : never;

function resolveHost(settings: HostConfig, toPath: (path: string) => string): HostConfig {
  const { ca, clientCertificate, clientKey } = settings;
  return {
    ...settings,
    ...(ca === undefined ? {} : { ca: ca.map(toPath) }),
    ...(clientCertificate === undefined ? {} : { clientCertificate: toPath(clientCertificate) }),
    ...(clientKey === undefined ? {} : { clientKey: toPath(clientKey) }),
  };
}

type Signing = NonNullable<NonNullable<Config['targets']>['signing']>;

function resolveSigning(signing: Signing, toPath: (path: string) => string): Signing {
  return {
    ...signing,
    keys: signing.keys.map(toPath),
    ...(signing.root === undefined ? {} : { root: toPath(signing.root) }),
  };
}

/**
 * Puts the environment (REBUNDLE_TAG, REBUNDLE_FACTORY, REBUNDLE_TARGET_VERSION, REBUNDLE_OUT; empty ones do not count) and then the
 * flags over a configuration. Maps and parameter files are joined, all else is replaced. Throws USAGE for a wrong value, and for a target
 * version given by flag where the configuration has no targets.
 */
export function mergeConfig(
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
  flags: ConfigFlags,
): Config {
  const variable = <K extends 'tag' | 'factory' | 'targetVersion' | 'path'>(
    kind: K,
    name: string,
  ): string | undefined => {
    const text = environment[name];
    return text === undefined || text === '' ? undefined : parseValue(kind, text, name);
  };
  const factory = variable('factory', 'REBUNDLE_FACTORY') ?? config.factory;
  const tag = flags.tag ?? variable('tag', 'REBUNDLE_TAG') ?? config.images.tag;
  const version =
    flags.targetVersion ?? variable('targetVersion', 'REBUNDLE_TARGET_VERSION') ?? config.targets?.version;
  const { targets } = config;
  if (flags.targetVersion !== undefined && targets === undefined) {
    throw new RebundleError('USAGE', '--target-version: the configuration has no targets', {
      hint: 'Add a targets section to the configuration.',
    });
  }
  return {
    ...config,
    ...(factory === undefined ? {} : { factory }),
    registries: new Map([...config.registries, ...flags.registries]),
    interpolation: flags.interpolation ?? config.interpolation,
    semantics: flags.semantics ?? config.semantics,
    serviceConfigs: flags.serviceConfigs ?? config.serviceConfigs,
    images: {
      ...config.images,
      ...(tag === undefined ? {} : { tag }),
      platforms: flags.platforms.length === 0 ? config.images.platforms : flags.platforms,
    },
    pin: { refresh: [...config.pin.refresh, ...flags.repin] },
    parameters: {
      files: [...config.parameters.files, ...flags.parameterFiles],
      set: new Map([...config.parameters.set, ...flags.set]),
    },
    findings: { ignore: [...config.findings.ignore, ...(flags.ignore ?? [])] },
    fleet: { parameters: new Map([...config.fleet.parameters, ...(flags.fleet ?? [])]) },
    publish: { ...config.publish, ...(flags.to === undefined ? {} : { to: flags.to }) },
    ...(targets === undefined ? {} : { targets: { ...targets, ...(version === undefined ? {} : { version }) } }),
    out: flags.out ?? variable('path', 'REBUNDLE_OUT') ?? config.out,
  };
}

/** The two names that every reference needs. Throws CONFIG_INVALID where the configuration lacks one. */
export function requireIdentity(config: Config): { readonly factory: string; readonly registry: string } {
  const { factory, registry } = config;
  if (factory === undefined || registry === undefined) {
    const missing = [factory === undefined ? 'factory' : '', registry === undefined ? 'registry' : '']
      .filter(Boolean)
      .join(' and ');
    throw new RebundleError('CONFIG_INVALID', `the configuration lacks ${missing}`, {
      hint: 'References are registry/factory/app: name both in rebundle.yml.',
    });
  }
  return { factory, registry };
}

/** JSON Schema (draft 2020-12) of `rebundle.yml`. */
export function configJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(ConfigText, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // Scalars are texts here and so are their defaults, but a number is to be shown as one.
      if (jsonSchema.type === 'integer' && jsonSchema.default !== undefined)
        jsonSchema.default = Number(jsonSchema.default);
      if (jsonSchema.type === 'boolean' && jsonSchema.default !== undefined)
        jsonSchema.default = jsonSchema.default === 'true';
    },
  });
}
