import { describe, expect, it } from 'vitest';
import { evaluateEnabled } from '../../src/dockerapp/enabled.ts';
import { parseYaml } from '../../src/lib/yaml.ts';

function evaluate(text: string): boolean | string {
  const root = parseYaml({ text: `[${text}]\n`, path: '', line: 1 }).root;
  const node = root?.kind === 'seq' ? root.items[0] : undefined;
  if (node === undefined) throw new Error('expected a node');
  const result = evaluateEnabled(node, (value) => value.replace('${t}', 'true').replace('${f}', ' FALSE '));
  return 'error' in result ? result.error : result.enabled;
}

describe('x-enabled of docker-app 0.5 to 0.8', () => {
  it.each<[string, boolean | string]>([
    ['true', true],
    ['no', false],
    ['y', true],
    ['"true"', true],
    ['"1"', true],
    ['" True "', true],
    ['"false"', false],
    ['"0"', false],
    ['""', false],
    ['"  "', false],
    ['"!true"', false],
    ['"!0"', true],
    ['"! ! true"', true],
    ['"!"', true],
    ['"!!!FALSE"', true],
    ['"${t}"', true],
    ['"! ${t}"', false],
    ['"!${f}"', true],
    ['"yes"', 'yes is not a valid value for x-enabled'],
    ['"${t}${t}"', 'true${t} is not a valid value for x-enabled'],
    ['1', 'invalid type (int) for x-enabled'],
    ['1.5', 'invalid type (float) for x-enabled'],
    ['~', 'invalid type (null) for x-enabled'],
    ['{a: b}', 'invalid type (map) for x-enabled'],
    ['[true]', 'invalid type (seq) for x-enabled'],
  ])('%s', (text, expected) => expect(evaluate(text)).toBe(expected));

  it('follows an alias', () => {
    const root = parseYaml({ text: '[&a "false", *a]\n', path: '', line: 1 }).root;
    expect(root?.kind === 'seq' && evaluateEnabled(root.items[1]!, (text) => text)).toEqual({ enabled: false });
  });
});
