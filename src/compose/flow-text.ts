import { effectivePairs, resolveAlias, type YamlNode, type YamlScalar } from '../lib/yaml.ts';
import { readScalar } from '../lib/yaml-scalars.ts';
import { type Budget, createBudget, spend } from './budget.ts';

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** A double-quoted scalar that every YAML reader takes, in any place. */
export function quoteText(text: string): string {
  return JSON.stringify(text).replace(/[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]/g, (char) => {
    const code = char.charCodeAt(0);
    return code >= 0xd800 && code <= 0xdfff ? char : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/**
 * A value as one line of flow style, aliases and merge keys expanded: what can stand in place of an alias.
 * Throws YAML_LIMIT where the expansion is too large.
 */
export function writeFlow(node: YamlNode): string {
  return writeValue(node, createBudget(), 0);
}

/** `{...}` of members whose values are written already. */
export function writeFlowMap(members: Iterable<readonly [string, string]>): string {
  return `{${[...members].map(([key, value]) => `${key}: ${value}`).join(', ')}}`;
}

function writeValue(node: YamlNode, budget: Budget, depth: number): string {
  const value = resolveAlias(node);
  spend(budget, value, depth);
  if (value.kind === 'scalar') return writeScalar(value);
  if (value.kind === 'seq') return `[${value.items.map((item) => writeValue(item, budget, depth + 1)).join(', ')}]`;
  const members = [...effectivePairs(value).values()].map(
    (pair) => [writeKey(pair.key), writeValue(pair.value, budget, depth + 1)] as const,
  );
  return writeFlowMap(members);
}

/** A key as it is written in flow style; a non-string key stays what it is. */
export function writeKey(node: YamlNode): string {
  const key = resolveAlias(node);
  if (key.kind !== 'scalar') return '""';
  return PLAIN_KEY.test(key.value) && isText(key) ? key.value : writeScalar(key);
}

function writeScalar(node: YamlScalar): string {
  const tag = node.tag === undefined ? '' : `!<${node.tag.replace(/^!!/, 'tag:yaml.org,2002:')}> `;
  if (node.style === 'plain' && tag === '' && !isText(node)) return node.value === '' ? 'null' : node.value;
  return `${tag}${quoteText(node.value)}`;
}

/** True for a scalar that all YAML readers take as text. */
export function isText(node: YamlScalar): boolean {
  return (['go-v2', 'python', 'go-v3'] as const).every((reader) => readScalar(node, reader).type === 'string');
}
