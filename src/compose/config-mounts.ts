import type { YamlNode, YamlSeq } from '../lib/yaml.ts';
import type { ComposeFile, ComposeService } from './compose-file.ts';
import { type ComposeValue, readComposeValue } from './compose-value.ts';
import { isRelativePath, normalizePath, readShortVolume } from './mounts.ts';
import { itemsOf, memberOf, scalarOf, textOf } from './value-access.ts';

/** A mount that does on every release of compose what a config of a service does on the later ones. Texts are as compose reads them, variables included. */
export interface ConfigMount {
  readonly source: string;
  readonly target: string;
  /** Stands before the target that the config has. */
  readonly root: '' | '/';
  /** What of the config the mount cannot say. */
  readonly losses: readonly string[];
}

/** One entry of the `configs` of a service. */
interface ConfigUse {
  readonly index: number;
  readonly config: string;
  readonly item: YamlNode;
  /** The mount in its place, or why it stays. */
  readonly outcome: ConfigMount | { readonly kept: string };
}

/** The configs of a service that has some. */
export interface ServiceConfigs {
  readonly service: ComposeService;
  readonly list: YamlSeq;
  readonly uses: readonly ConfigUse[];
}

/** Works out for each config of each service whether a mount can stand in its place. */
export function findConfigMounts(file: ComposeFile): ServiceConfigs[] {
  const root = readComposeValue(file);
  const definitions = memberOf(root, 'configs');
  return file.services.flatMap((service) => {
    const value = memberOf(memberOf(root, 'services'), service.name);
    const configs = memberOf(value, 'configs');
    if (configs?.kind !== 'list' || configs.items.length === 0) return [];
    const targets = mountTargets(value);
    const shared = isShared(service, configs.node);
    const uses = configs.items.map((item, index): ConfigUse => {
      const name = item.kind === 'map' ? memberOf(item, 'source') : item;
      const found = shared
        ? { kept: 'an anchor, an alias or a merge key shares it' }
        : readMount(item, name, memberOf(definitions, textOf(name)));
      const target = 'kept' in found ? undefined : normalizePath(readTarget(item, textOf(name)));
      const outcome = target !== undefined && targets.has(target) ? { kept: `${target} is mounted already` } : found;
      if (target !== undefined) targets.add(target);
      return { index, config: textOf(name), item: configs.node.items[index]!, outcome };
    });
    return [{ service, list: configs.node, uses }];
  });
}

function readMount(
  item: ComposeValue,
  name: ComposeValue | undefined,
  definition: ComposeValue | undefined,
): ConfigUse['outcome'] {
  const file = scalarOf(memberOf(definition, 'file'));
  const target = scalarOf(memberOf(item, 'target'));
  const external = memberOf(definition, 'external');
  const source = scalarOf(name);
  if (source === undefined || source.node.value.includes('$')) return { kept: 'a variable names it' };
  if (definition === undefined) return { kept: 'it is not declared' };
  if (external !== undefined && textOf(external) !== 'false') return { kept: 'it is external and has no file here' };
  const path = textOf(file);
  if (file === undefined || path === '') return { kept: 'it has no file' };
  if (file.fault !== undefined || target?.fault !== undefined) return { kept: 'compose cannot read its path' };
  const at = textOf(target) === '' ? source : (target ?? source);
  if (at.node.value.startsWith('$')) return { kept: 'its target begins with a variable' };
  if (path.includes(':') || textOf(at).includes(':')) return { kept: 'a path of a mount has no colon' };
  const startsOpen = file.node.value.startsWith('$');
  if (startsOpen && !isRelativePath(path)) return { kept: 'a variable says whether its file is relative' };
  const isPath = !startsOpen && /^(?:\.{0,2}\/|~)/.test(file.node.value);
  const root = textOf(at).startsWith('/') ? '' : '/';
  const losses = ['uid', 'gid'].flatMap((key) => {
    const id = textOf(memberOf(item, key));
    return id === '' || id === '0' ? [] : [`${key} ${id}`];
  });
  const mode = readMode(memberOf(item, 'mode'));
  if (mode !== undefined && mode !== '0444') losses.push(`mode ${mode}`);
  if (startsOpen) losses.push('an absolute path as the value of its variable');
  return {
    source: isPath ? file.node.value : `./${file.node.value}`,
    target: root + at.node.value,
    root,
    losses,
  };
}

function readTarget(item: ComposeValue, name: string): string {
  const target = textOf(memberOf(item, 'target'));
  const path = target === '' ? name : target;
  return path.startsWith('/') ? path : `/${path}`;
}

/** Permission bits as docker-app had them; undefined where none are said. */
function readMode(value: ComposeValue | undefined): string | undefined {
  const go = value?.kind === 'scalar' ? value.go : undefined;
  if (go?.type === 'int') return `0${go.value.toString(8)}`;
  return value === undefined || go?.type === 'null' ? undefined : textOf(value);
}

/** Where something is mounted in a service already. */
function mountTargets(service: ComposeValue | undefined): Set<string> {
  const volumes = itemsOf(memberOf(service, 'volumes')).map((item) =>
    item.kind === 'map' ? textOf(memberOf(item, 'target')) : (readShortVolume(textOf(item))?.target ?? ''),
  );
  const tmpfs = memberOf(service, 'tmpfs');
  const memory = (tmpfs?.kind === 'list' ? tmpfs.items : [tmpfs]).map((item) => textOf(item).split(':')[0] ?? '');
  return new Set([...volumes, ...memory].filter((target) => target !== '').map(normalizePath));
}

/** True where an edit of the configs or volumes of a service could change another part, or what it inherits. */
function isShared({ pair, map, members }: ComposeService, list: YamlSeq): boolean {
  const configs = members.get('configs');
  const volumes = members.get('volumes');
  const isOwn = [configs, volumes].every((own) => own === undefined || map.pairs.includes(own));
  if (!isOwn || pair.value.kind === 'alias' || map.anchor !== undefined || volumes?.value.kind === 'alias') return true;
  return volumes?.value.anchor !== undefined || configs?.value.kind === 'alias' || hasMark(list);
}

/** True where a node is an alias, or it or what it holds has an anchor or a tag. */
function hasMark(node: YamlNode): boolean {
  if (node.kind === 'alias' || node.anchor !== undefined || node.tag !== undefined) return true;
  if (node.kind === 'seq') return node.items.some(hasMark);
  return node.kind === 'map' && node.pairs.some((pair) => hasMark(pair.key) || hasMark(pair.value));
}
