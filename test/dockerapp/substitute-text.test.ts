import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { substituteText, tokenizeText } from '../../src/dockerapp/substitute-text.ts';

const join = (text: string): string =>
  tokenizeText(text)
    .map((token) => token.text)
    .join('');
const kinds = (text: string): string[] => tokenizeText(text).map(({ kind, text: part }) => `${kind} ${part}`);

function substitute(text: string, values: Readonly<Record<string, string>>): string {
  const result = substituteText(text, (name) => (Object.hasOwn(values, name) ? values[name] : undefined));
  return 'error' in result ? `error at ${result.offset}: ${result.error}` : result.text;
}

describe('tokens of 0.9', () => {
  it.each([
    ['a $b c', ['text a ', 'named $b', 'text  c']],
    ['$a.b.c.', ['named $a.b.c', 'text .']],
    ['$a..b', ['named $a', 'text ..b']],
    ['${a.b}-x', ['braced ${a.b}', 'text -x']],
    ['$a-b', ['named $a', 'text -b']],
    ['$$a $$$b', ['escape $$', 'text a ', 'escape $$$', 'text b']],
    ['$1 $ x ${} ${1a} x$', ['text $1 $ x ${} ${1a} x$']],
    ['${a-b} ${c}', ['refused ${a-b} ${c}']],
    ['${a?b}\n${c}', ['refused ${a?b}', 'text \n', 'braced ${c}']],
    ['${a b}', ['text ${a b}']],
    ['${a-b', ['text ${a-b']],
  ])('%s', (text, expected) => expect(kinds(text)).toEqual(expected));

  it('join to the text, whatever it holds', () => {
    const pieces = fc.constantFrom('$', '{', '}', 'a', '.b', '-', ':', '?', '1', '\n', ' ', '${a}', '$$');
    fc.assert(fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => join(parts.join('')) === parts.join('')));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => join(text) === text));
  });

  it('are found in time in proportion to the text', () => {
    for (const text of ['${a-'.repeat(20_000), '$a'.repeat(50_000), '${'.repeat(50_000)]) expect(join(text)).toBe(text);
  });
});

describe('substitution of 0.9', () => {
  it.each([
    ['$foobar $foo', { foo: '1', foobar: '2' }, '2 1'],
    ['$foo $foobar', { foo: '1', foobar: '2' }, '1 1bar'],
    ['${a} ${b}', { a: 'x${b}', b: '1' }, 'x1 1'],
    ['${b} ${a}', { a: 'x${b}', b: '1' }, '1 x${b}'],
    ['$${a} ${a}', { a: '1' }, '$1 1'],
    ['# ${a}\nb: 1', { a: 'x' }, '# x\nb: 1'],
    ['a: ${a}', { a: '$&$1' }, 'a: $&$1'],
    ['${x}', {}, 'error at 0: Failed to set value for x. Value not found in parameters.'],
    [
      'a ${x:-d}',
      { x: '1' },
      "error at 2: The default value syntax of Compose files is not supported in Docker App. The characters ':' and '-' are not allowed in parameter names. Invalid parameter: ${x:-d}.",
    ],
    [
      '${x?m}',
      { x: '1' },
      "error at 0: The custom error message syntax of Compose files is not supported in Docker App. The characters ':' and '?' are not allowed in parameter names. Invalid parameter: ${x?m}.",
    ],
  ])('%s', (text, values, expected) => expect(substitute(text, values)).toBe(expected));

  it('is the same in one pass as one reference after the other', () => {
    const name = fc.constantFrom('a', 'b', 'ab', 'a.b');
    const part = fc.oneof(
      name.map((each) => `$${each}`),
      name.map((each) => `\${${each}}`),
      fc.constantFrom(' ', 'x', '.', '$$', '}'),
    );
    const values = fc.record({
      a: fc.constantFrom('1', '', 'x'),
      b: fc.constantFrom('2', 'y$a'),
      ab: fc.constantFrom('3', '${b}'),
      'a.b': fc.constant('4'),
    });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), values, (parts, given) => {
        const text = parts.join('');
        const lookup = (name: string): string => given[name as keyof typeof given] ?? 'u';
        let expected = text;
        for (const token of tokenizeText(text)) {
          if (token.kind !== 'named' && token.kind !== 'braced') continue;
          expected = expected.replaceAll(token.text, () => lookup(token.name ?? ''));
        }
        expect(substituteText(text, lookup)).toEqual({ text: expected });
      }),
    );
  });
});
