import type { YamlNode } from '../lib/yaml.ts';
import { resolveAlias } from '../lib/yaml.ts';
import { readScalar } from '../lib/yaml-scalars.ts';
import { isMap, printValue, typeName } from './decode-go.ts';
import type { RenderedMap, RenderedValue } from './rendered-value.ts';

/** Whether a part is in, or docker-app's own error text. */
type Enabled = { readonly enabled: boolean } | { readonly error: string };

/** Evaluates `x-enabled` as docker-app 0.5 to 0.9 did: a bool, or a text after substitution. */
export function evaluateEnabled(node: YamlNode, substitute: (text: string) => string): Enabled {
  const scalar = resolveAlias(node);
  if (scalar.kind !== 'scalar') return { error: `invalid type (${scalar.kind}) for x-enabled` };
  const value = readScalar(scalar, 'go-v2');
  if (value.type === 'bool') return { enabled: value.value };
  if (value.type !== 'string') return { error: `invalid type (${value.type}) for x-enabled` };
  return readWord(substitute(value.value));
}

/** The same for a value that is read and substituted. */
export function isEnabled(value: RenderedValue): Enabled {
  if (typeof value === 'boolean') return { enabled: value };
  if (typeof value !== 'string') return { error: `invalid type (${typeName(value)}) for x-enabled` };
  return readWord(value);
}

function readWord(text: string): Enabled {
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

/** What docker-app 0.2 made of the key `enabled`, which any mapping outside of lists could have: a disabled mapping goes, an enabled one loses the key. */
export function applyEnabledKeys(map: RenderedMap): RenderedMap {
  const members = new Map<string, RenderedValue>();
  for (const [name, value] of map) {
    if (!isMap(value)) members.set(name, value);
    else if (!isOff(value.get('enabled'))) {
      members.set(name, applyEnabledKeys(new Map([...value].filter(([key]) => key !== 'enabled'))));
    }
  }
  return members;
}

function isOff(value: RenderedValue | undefined): boolean {
  if (value === undefined) return false;
  const text = printValue(value).trim();
  const isNegated = text.startsWith('!');
  const word = isNegated ? text.slice(1).trim() : text;
  return ['', '0', 'false', 'FALSE'].includes(word) !== isNegated;
}
