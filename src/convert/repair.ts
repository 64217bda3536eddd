import type { ModelMap, ModelValue } from '../compose/model-value.ts';
import type { SourceLocation } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import {
  effectivePairs,
  parseYaml,
  resolveAlias,
  type YamlMap,
  type YamlNode,
  type YamlPair,
  type YamlSource,
} from '../lib/yaml.ts';
import type { Diagnostic } from '../model/app.ts';
import type { ProofDifference } from './prove.ts';
import { type EscapeText, writeFlow } from './write-model.ts';

/** A member of a service, network, volume, config or secret that compose reads otherwise than docker-app did. */
export interface Repair {
  /** Section, name and key; of what is dropped it may lead further down. */
  readonly path: readonly string[];
  /** The YAML text of what docker-app made of it; undefined where docker-app printed nothing. */
  readonly text: string | undefined;
}

/** UTF-16 units of a value in a message. */
const MAX_SHOWN = 300;

/**
 * What makes each difference go away: docker-app's value in place of the member, or nothing. A member whose part is not written as such (`core: 0` is a soft
 * and a hard limit) is replaced once taking the part out was `tried`. Undefined where a thing itself is missing.
 */
export function chooseRepairs(
  rendered: ModelMap,
  differences: readonly ProofDifference[],
  { tried, encode }: { readonly tried: readonly Repair[]; readonly encode: EscapeText },
): Repair[] | undefined {
  const repairs = new Map<string, Repair>();
  const former = new Set(tried.map(pathKey));
  for (const { path, before, after } of differences) {
    const [section = '', name = '', key] = path;
    if (key === undefined) return undefined;
    const member = [section, name, key];
    const value = memberAt(rendered, member);
    const isDropped = before === undefined && after !== undefined && memberAt(rendered, path) === undefined;
    const place = isDropped && !former.has(pathKey({ path })) ? path : member;
    const text = value !== undefined && place === member ? writeFlow(value, encode) : undefined;
    repairs.set(pathKey({ path: place }), { path: place, text });
  }
  return [...repairs.values()];
}

/** True where a repair is none of those that were tried. */
export function isNewRepair(repair: Repair, tried: readonly Repair[]): boolean {
  return tried.every((former) => pathKey(former) !== pathKey(repair));
}

function pathKey({ path }: Pick<Repair, 'path'>): string {
  return path.join('\n');
}

/** docker-app's value in place of each member that a refusal of docker-compose 1.29 names. */
export function chooseRefusedRepairs(
  source: YamlSource,
  rendered: ModelMap,
  { refusals, encode }: { readonly refusals: readonly string[]; readonly encode: EscapeText },
): Repair[] {
  const { root } = parseYaml(source);
  const repairs: Repair[] = [];
  for (const section of membersOf(root)) {
    for (const thing of membersOf(section.value)) {
      const place = `${section.name}.${thing.name}`;
      const named = refusals.filter(
        (message) => message.startsWith(place) && !/[\w-]/.test(message[place.length] ?? ''),
      );
      if (named.length === 0) continue;
      const words = new Set(named.flatMap((message) => message.slice(place.length).split(/[^\w-]+/)));
      for (const { name: key } of membersOf(thing.value)) {
        if (!words.has(key)) continue;
        const path = [section.name, thing.name, key];
        const value = memberAt(rendered, path);
        repairs.push({ path, text: value === undefined ? undefined : writeFlow(value, encode) });
      }
    }
  }
  return repairs;
}

function membersOf(node: YamlNode | undefined): readonly YamlPair[] {
  const value = node === undefined ? undefined : resolveAlias(node);
  return value?.kind === 'map' ? value.pairs : [];
}

/** Repairs of both lists; the later one counts where both are of one member, and a whole member takes in what lies below it. */
export function mergeRepairs(first: readonly Repair[], second: readonly Repair[]): Repair[] {
  const all = new Map([...first, ...second].map((repair) => [pathKey(repair), repair]));
  return [...all.values()].filter(({ path }) => path.length <= 3 || !all.has(path.slice(0, 3).join('\n')));
}

function memberAt(model: ModelMap, path: readonly string[]): ModelValue | undefined {
  let value: ModelValue | undefined = model;
  for (const name of path) value = value instanceof Map ? (value.get(name) as ModelValue | undefined) : undefined;
  return value;
}

/** Where the text says what is repaired. */
interface PlacedRepairs {
  readonly replaced: ReadonlyMap<YamlPair, string>;
  readonly dropped: ReadonlySet<YamlPair>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Finds the members in the text. What is not written as its own member (but merged in from elsewhere) is left as it is. */
export function placeRepairs(
  root: YamlMap,
  repairs: readonly Repair[],
  locate: (offset: number) => SourceLocation,
): PlacedRepairs {
  const replaced = new Map<YamlPair, string>();
  const dropped = new Set<YamlPair>();
  const diagnostics: Diagnostic[] = [];
  for (const { path, text } of repairs) {
    const pair = findPair(root, path, text !== undefined);
    if (pair === undefined) continue;
    const place = path.join('.');
    const location = locate(pair.start);
    if (text === undefined) {
      dropped.add(pair);
      const message = `${place}: docker-app took this and printed nothing of it, so that no device had it; it is left out`;
      diagnostics.push(finding('render.member-dropped', message, { location }));
    } else {
      replaced.set(pair, text);
      const shown = text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}...`;
      const message = `${place}: docker-app read this otherwise than compose does; it is now ${shown}`;
      diagnostics.push(finding('render.value-fixed', message, { location }));
    }
  }
  return { replaced, dropped, diagnostics };
}

/** The pair at a path; what is dropped may lie as deep as the text goes, but never less than a member of a thing. */
function findPair(root: YamlMap, path: readonly string[], isExact: boolean): YamlPair | undefined {
  let map = root;
  let found: YamlPair | undefined;
  for (const [depth, name] of path.entries()) {
    const pair = effectivePairs(map).get(name);
    if (pair === undefined || !map.pairs.includes(pair)) return undefined;
    found = pair;
    if (depth === path.length - 1) return found;
    const value = isExact ? pair.value : resolveAlias(pair.value);
    if (value.kind !== 'map') return undefined;
    map = value;
  }
  return found;
}
