import { compareText } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { effectivePairs, resolveAlias, type YamlNode, type YamlScalar } from '../lib/yaml.ts';
import { readScalar } from '../lib/yaml-scalars.ts';
import type { Digest } from '../model/oci.ts';
import { type Budget, createBudget, spend } from './budget.ts';
import { type ComposeService, isNull } from './compose-file.ts';

/** The label by which devices see whether a service changed; composectl needs it on every service. */
export const HASH_LABEL = 'io.compose-spec.config-hash';

/** A value without places; maps have no prototype. */
export type PlainValue = string | boolean | null | readonly PlainValue[] | { readonly [name: string]: PlainValue };

/**
 * The 64 hex digits of the sha256 over the canonical JSON of a pinned service and of the (path, digest) of the bundle files that it mounts
 * or reads. `image` stands in place of the service's image; `build` and the label itself do not count, nor do comments, order of keys and
 * files, and quoting of equal values (as yaml.v3 reads them). Throws YAML_LIMIT where aliases make the service too large.
 */
export function hashService(input: {
  readonly service: ComposeService;
  readonly image: string;
  readonly files: readonly { readonly path: string; readonly digest: Digest }[];
}): string {
  const members = readPlainService(input.service, readPlainScalar);
  const files = input.files
    .map(({ path, digest }) => [path, digest])
    .toSorted(([a = ''], [b = '']) => compareText(a, b));
  return hexOf(digestOf(canonicalJson({ files, service: withMember(members, 'image', input.image) })));
}

/** The effective members of a service without `build` and the hash label; `labels` that are empty then are left out. */
export function readPlainService(
  service: ComposeService,
  readText: (node: YamlScalar) => PlainValue,
): { readonly [name: string]: PlainValue } {
  const budget = createBudget();
  const members = createPlainMap();
  for (const [name, pair] of service.members) {
    if (name === 'build' || (name === 'labels' && isNull(resolveAlias(pair.value)))) continue;
    const value = readPlain(pair.value, readText, budget, 1);
    const kept = name === 'labels' ? withoutHashLabel(value) : value;
    if (kept !== undefined) members[name] = kept;
  }
  return members;
}

/** Labels without the hash label; undefined where none are left. */
function withoutHashLabel(labels: PlainValue): PlainValue | undefined {
  if (isPlainList(labels)) {
    const kept = labels.filter((item) => !isHashItem(item));
    return kept.length === 0 ? undefined : kept;
  }
  if (labels === null || typeof labels !== 'object') return labels;
  const kept = createPlainMap();
  for (const [name, value] of Object.entries(labels)) if (name !== HASH_LABEL) kept[name] = value;
  return Object.keys(kept).length === 0 ? undefined : kept;
}

function isHashItem(item: PlainValue): boolean {
  return typeof item === 'string' && item.split('=')[0] === HASH_LABEL;
}

/** A document value with aliases and merge keys expanded. Throws YAML_LIMIT where that is too large. */
export function readPlain(
  node: YamlNode,
  readText: (node: YamlScalar) => PlainValue,
  budget: Budget = createBudget(),
  depth = 0,
): PlainValue {
  const value = resolveAlias(node);
  spend(budget, value, depth);
  if (value.kind === 'scalar') return readText(value);
  if (value.kind === 'seq') return value.items.map((item) => readPlain(item, readText, budget, depth + 1));
  const members = createPlainMap();
  for (const [name, pair] of effectivePairs(value)) members[name] = readPlain(pair.value, readText, budget, depth + 1);
  return members;
}

export function withMember(
  members: { readonly [name: string]: PlainValue },
  name: string,
  value: PlainValue,
): { readonly [name: string]: PlainValue } {
  return Object.assign(createPlainMap(), members, { [name]: value });
}

/** Without a prototype, so that a key such as `__proto__` is a key. */
export function createPlainMap(): { [name: string]: PlainValue } {
  return Object.create(null) as { [name: string]: PlainValue };
}

export function isPlainList(value: PlainValue | undefined): value is readonly PlainValue[] {
  return Array.isArray(value);
}

function readPlainScalar(node: YamlScalar): PlainValue {
  const value = readScalar(node, 'go-v3');
  if (value.type === 'null') return null;
  return value.type === 'bool' ? value.value : node.value;
}
