import { RebundleError, type SourceLocation } from '../errors.ts';
import {
  effectivePairs,
  parseYaml,
  resolveAlias,
  type YamlDocument,
  type YamlMap,
  type YamlNode,
  type YamlPair,
  type YamlSource,
  type YamlValue,
} from '../lib/yaml.ts';
import { printGo, readScalar } from '../lib/yaml-scalars.ts';

/** Whose rules a compose text must keep: those of docker-app 0.4-0.8 with docker-compose 1.29, or of docker-compose 1.29 alone. */
export type ComposeOrigin = 'docker-app' | 'compose';

export interface ComposeService {
  readonly name: string;
  /** The member of `services`; its value may be an alias. */
  readonly pair: YamlPair;
  /** The service, alias resolved. */
  readonly map: YamlMap;
  /** The members of the service, merge keys applied; the values may be aliases. */
  readonly members: ReadonlyMap<string, YamlPair>;
}

/** A member of `volumes`, `networks`, `configs` or `secrets`. */
interface ComposeResource {
  readonly name: string;
  readonly pair: YamlPair;
  /** A map, or a scalar that is null. */
  readonly value: YamlValue;
}

/** The first document of a compose text as a model with places. Nothing is interpolated; nodes keep what was written. */
export interface ComposeFile {
  readonly source: YamlSource;
  readonly origin: ComposeOrigin;
  readonly document: YamlDocument;
  readonly root: YamlMap;
  /** As written; undefined where it is absent or empty. */
  readonly version: string | undefined;
  /** In the order of the file, without extensions. */
  readonly services: readonly ComposeService[];
  readonly volumes: ReadonlyMap<string, ComposeResource>;
  readonly networks: ReadonlyMap<string, ComposeResource>;
  readonly configs: ReadonlyMap<string, ComposeResource>;
  readonly secrets: ReadonlyMap<string, ComposeResource>;
}

/** Services, and members of any other section. */
const MAX_MEMBERS = 1000;
const VERSIONS: Record<ComposeOrigin, RegExp> = {
  'docker-app': /^3(?:\.[0-9])?$/,
  compose: /^(?:2(?:\.[0-4])?|3(?:\.[0-9])?)$/,
};

/**
 * Reads the first document of a compose text. Throws YAML_INVALID and YAML_LIMIT as the parser does, COMPOSE_VERSION for a version that the
 * origin did not take, COMPOSE_INVALID where a section or a service is not a mapping; each with its place. What is inside services is
 * checked by `validateCompose`.
 */
export function readComposeFile(source: YamlSource, options: { readonly origin?: ComposeOrigin } = {}): ComposeFile {
  const origin = options.origin ?? 'docker-app';
  const document = parseYaml(source);
  const root = document.root === undefined ? undefined : resolveAlias(document.root);
  if (root?.kind !== 'map') {
    throw invalid('the compose document must be a mapping', document.locate(root?.start ?? 0));
  }
  const members = effectivePairs(root);
  const version = readVersion(members.get('version'), origin, document);
  const section = (name: string): Map<string, YamlPair> => readSection(members.get(name), name, document);
  const resources = (name: string): Map<string, ComposeResource> => {
    const found = new Map<string, ComposeResource>();
    for (const [key, pair] of section(name)) found.set(key, readResource(name, key, pair, document));
    return found;
  };
  const services = [...section('services')].map(([name, pair]) => readService(name, pair, document));
  return {
    source,
    origin,
    document,
    root,
    version,
    services,
    volumes: resources('volumes'),
    networks: resources('networks'),
    configs: resources('configs'),
    secrets: resources('secrets'),
  };
}

/** docker-app: absent reads as 1.0 and the number is looked at before its type. docker-compose takes an absent or empty version. */
function readVersion(pair: YamlPair | undefined, origin: ComposeOrigin, document: YamlDocument): string | undefined {
  const node = pair === undefined ? undefined : resolveAlias(pair.value);
  const location = document.locate(node?.start ?? document.root?.start ?? 0);
  const unsupported = (text: string): RebundleError =>
    new RebundleError('COMPOSE_VERSION', `unsupported Compose file version: ${text}`, {
      hint: `Write version: '${origin === 'docker-app' ? '3.7' : '3.8'}' if the file keeps the rules of that version.`,
      location,
    });
  if (node === undefined) {
    if (origin === 'docker-app') throw unsupported('1.0');
    return undefined;
  }
  if (node.kind !== 'scalar') throw mustBeString(location);
  const value = readScalar(node, origin === 'docker-app' ? 'go-v2' : 'python');
  const text = printGo(value);
  if (origin === 'compose' && text === '') return undefined;
  if (origin === 'compose' && value.type !== 'string') throw mustBeString(location, node.value);
  if (!VERSIONS[origin].test(text)) throw unsupported(text);
  if (value.type !== 'string') throw mustBeString(location, text);
  return text;
}

function mustBeString(location: SourceLocation, text?: string): RebundleError {
  const hint = `Quote it: version: '${text ?? '3.7'}'.`;
  return new RebundleError('COMPOSE_VERSION', 'version must be a string', { hint, location });
}

function readSection(pair: YamlPair | undefined, name: string, document: YamlDocument): Map<string, YamlPair> {
  if (pair === undefined) return new Map();
  const node = resolveAlias(pair.value);
  if (node.kind !== 'map') throw invalid(`${name} must be a mapping`, document.locate(pair.start));
  const members = effectivePairs(node);
  if (members.size > MAX_MEMBERS) {
    throw new RebundleError('YAML_LIMIT', `${name} has more than ${MAX_MEMBERS} members`, {
      location: document.locate(pair.start),
    });
  }
  return members;
}

function readService(name: string, pair: YamlPair, document: YamlDocument): ComposeService {
  const map = resolveAlias(pair.value);
  if (map.kind !== 'map') throw invalid(`services.${name} must be a mapping`, document.locate(pair.start));
  return { name, pair, map, members: effectivePairs(map) };
}

function readResource(section: string, name: string, pair: YamlPair, document: YamlDocument): ComposeResource {
  const value = resolveAlias(pair.value);
  if (value.kind !== 'map' && !isNull(value)) {
    throw invalid(`${section}.${name} must be a mapping`, document.locate(pair.start));
  }
  return { name, pair, value };
}

/** True for a value that every YAML reader takes as null. */
export function isNull(node: YamlNode): boolean {
  return node.kind === 'scalar' && readScalar(node, 'go-v3').type === 'null';
}

function invalid(message: string, location: SourceLocation): RebundleError {
  return new RebundleError('COMPOSE_INVALID', message, { location });
}
