import type { YamlNode } from '../lib/yaml.ts';
import { resolveAlias } from '../lib/yaml.ts';
import { readScalar } from '../lib/yaml-scalars.ts';

/** Evaluates `x-enabled` as docker-app 0.5 to 0.8 did: a bool, or a text after substitution. An error text is docker-app's own. */
export function evaluateEnabled(
  node: YamlNode,
  substitute: (text: string) => string,
): { readonly enabled: boolean } | { readonly error: string } {
  const scalar = resolveAlias(node);
  if (scalar.kind !== 'scalar') return { error: `invalid type (${scalar.kind}) for x-enabled` };
  const value = readScalar(scalar, 'go-v2');
  if (value.type === 'bool') return { enabled: value.value };
  if (value.type !== 'string') return { error: `invalid type (${value.type}) for x-enabled` };
  const text = substitute(value.value);
  let word = text.trim().toLowerCase();
  let negated = false;
  while (word.startsWith('!')) {
    negated = !negated;
    word = word.slice(1).trim();
  }
  if (['true', '1'].includes(word)) return { enabled: !negated };
  if (['', 'false', '0'].includes(word)) return { enabled: negated };
  return { error: `${text} is not a valid value for x-enabled` };
}
