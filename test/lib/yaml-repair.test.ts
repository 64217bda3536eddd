import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RebundleError } from '../../src/errors.ts';
import { parseYaml, resolveAlias, type YamlNode } from '../../src/lib/yaml.ts';

function read(text: string): unknown {
  const { root } = parseYaml({ text, path: 'f', line: 1 });
  return root === undefined ? undefined : plain(root);
}

function plain(node: YamlNode): unknown {
  const value = resolveAlias(node);
  if (value.kind === 'scalar') return value.value;
  if (value.kind === 'seq') return value.items.map(plain);
  return Object.fromEntries(value.pairs.map((pair) => [pair.name, plain(pair.value)]));
}

function failure(text: string): string {
  try {
    parseYaml({ text, path: 'f', line: 1 });
  } catch (thrown) {
    if (thrown instanceof RebundleError) return `${thrown.location?.line}:${thrown.location?.column} ${thrown.message}`;
  }
  return 'none';
}

describe('what libyaml takes at any indentation', () => {
  it.each<[string, unknown]>([
    ['a: "x\ny"\n', { a: 'x y' }],
    ['a: "x\n\n\ny"\nb: 1\n', { a: 'x\n\ny', b: '1' }],
    ["a: 'x\n  y\nz'\n", { a: 'x y z' }],
    ['a:\n  b: "x\n y"\n  c: 1\n', { a: { b: 'x y', c: '1' } }],
    ['- "a\nb"\n- c\n', ['a b', 'c']],
    ["a: [\"x\ny\", 'it''s\n]']\n", { a: ['x y', "it's ]"] }],
    ['a: {\n\tb: 1,\n\tc: [\n\tx # ]\n]\n}\n', { a: { b: '1', c: ['x'] } }],
    ['a: [\nx\n]\nb: {\ny: 1\n}\n', { a: ['x'], b: { y: '1' } }],
    ['a: "a\\\nb"\n', { a: 'ab' }],
    ['a: "\n--foo"\n', { a: ' --foo' }],
    ['a: "b"#c\nd: [e]#f\n', { a: 'b', d: ['e'] }],
    ['a: 1\rb: 2\r', { a: '1', b: '2' }],
  ])('%j', (text, expected) => expect(read(text)).toEqual(expected));

  it('keeps the places of the text', () => {
    const text = 'a: "x\ny"\nb: [\nc,\n"d\ne"]\nf: g\n';
    const { root, locate } = parseYaml({ text, path: 'f', line: 1 });
    if (root?.kind !== 'map') throw new Error('expected a map');
    const parts = root.pairs.map(({ value }) => text.slice(value.start, value.end));
    expect(parts).toEqual(['"x\ny"', '[\nc,\n"d\ne"]', 'g']);
    expect(root.pairs.map(({ start }) => locate(start).line)).toEqual([1, 3, 7]);
  });

  it('gives the values that more indentation gives', () => {
    const word = fc.constantFrom('x', 'y z', '-', '', '#', ']', '\\n');
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (lines) => {
        const text = lines.join('\n');
        const inner = lines.join('\n      ');
        expect(read(`a:\n  b: "${text}"\n  c: 1\n`)).toEqual(read(`a:\n  b: "${inner}"\n  c: 1\n`));
      }),
    );
  });
});

describe('what libyaml refuses', () => {
  it.each([
    ['a: 1\n\t\nb: 2\n', '2:1 not valid YAML: found a tab character that violates indentation'],
    ['a:\n  - b\n \t\n  - c\n', '3:2 not valid YAML: found a tab character that violates indentation'],
    ['a: \u0001\n', '1:4 not valid YAML: control characters are not allowed'],
    ['a: "\u007f"\n', '1:5 not valid YAML: control characters are not allowed'],
    ['%x\na: 1\n', '1:1 not valid YAML: found unknown directive name'],
    ['a: &x.y 1\n', '1:9 not valid YAML: an anchor has letters, digits, _ and - only'],
  ])('%j', (text, expected) => expect(failure(text)).toBe(expected));

  it.each(['a: "x\n---\ny"\n', 'a: "x\n', 'a: [x\n', "a: 'x\ny\n"])('%j', (text) =>
    expect(failure(text)).toMatch(/not valid YAML/),
  );

  it.each(['a: 1\n    \t\nb: 2\n', 'a:\n  b: 1\n    \t\n  c: 2\n', '%YAML 1.1\n---\na: 1\n'])('but not %j', (text) =>
    expect(failure(text)).toBe('none'),
  );

  it('takes time in proportion to the text', () => {
    const text = `${'a: "x\ny"\n'.repeat(30_000)}`;
    expect(failure(text)).not.toBe('none');
  });
});
