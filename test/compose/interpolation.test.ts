import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ComposeGeneration, interpolateCompose, tokenizeCompose } from '../../src/compose/interpolation.ts';
import { RebundleError } from '../../src/errors.ts';

const VALUES: Readonly<Record<string, string>> = { set: 'VALUE', empty: '' };
const environment = (name: string): string | undefined => VALUES[name];

function interpolate(text: string, generation: ComposeGeneration): string | 'refused' {
  try {
    return interpolateCompose(text, environment, generation);
  } catch (error) {
    if (error instanceof RebundleError && error.code === 'INTERPOLATION_INVALID') return 'refused';
    throw error;
  }
}

describe('interpolateCompose', () => {
  test.each<[text: string, v1: string, v2: string]>([
    ['plain', 'plain', 'plain'],
    ['$set-$none.', 'VALUE-.', 'VALUE-.'],
    ['$$set $$$$', '$set $$', '$set $$'],
    ['${set}${none}', 'VALUE', 'VALUE'],
    ['${none-d} ${empty-d} ${set-d}', 'd  VALUE', 'd  VALUE'],
    ['${none:-d} ${empty:-d} ${set:-d}', 'd d VALUE', 'd d VALUE'],
    ['${none-}', '', ''],
    ['${none-a:-b}', 'a:-b', 'a:-b'],
    ['${none-a:?+/ "b"#,}', 'a:?+/ "b"#,', 'a:?+/ "b"#,'],
    ['${set?m} ${empty?m}', 'VALUE ', 'VALUE '],
    ['${none?m}', 'refused', 'refused'],
    ['${empty:?m}', 'refused', 'refused'],
    ['${none:?}', 'refused', 'refused'],
    ['${set+x}${none+x}', 'refused', 'x'],
    ['${set:+x}${empty:+x}', 'refused', 'x'],
    ['${none-$set}', '$set', 'VALUE'],
    ['${none-${set}}', '${set}', 'VALUE'],
    ['${none-$$}', '$$', '$'],
    ['${none-a}b}', 'ab}', 'ab}'],
    ['${none-{}}', '{}', '{}'],
    ['${set-{}}', 'VALUE}', 'VALUE'],
    ['${none-{}', '{', 'refused'],
    ['${none-a\nb}', 'a\nb', 'refused'],
    ['$1', 'refused', '$1'],
    ['$ x', 'refused', '$ x'],
    ['x$', 'refused', 'x$'],
    ['${}', 'refused', 'refused'],
    ['${1a}', 'refused', 'refused'],
    ['${ set }', 'refused', 'refused'],
    ['${a.b}', 'refused', 'refused'],
    ['${set', 'refused', 'refused'],
    ['${a b}', 'refused', 'refused'],
    ['$é', 'refused', '$é'],
    ['$\u0131-', '-', '$\u0131-'],
    ['${none-${a.b}}', '${a.b}', 'refused'],
    ['${set-${a.b}}', 'VALUE}', 'refused'],
  ])('%j is %j to 1.29 and %j to v2', (text, v1, v2) => {
    expect([interpolate(text, '1.29'), interpolate(text, 'v2')]).toEqual([v1, v2]);
  });

  test('an error names the text and the reason', () => {
    expect(() => interpolateCompose('a ${b.c}', environment, '1.29')).toThrow(
      'compose cannot interpolate "a ${b.c}": \'b\' is not followed by',
    );
  });

  test('nested defaults have a limit', () => {
    const text = `${'${a-'.repeat(200)}x${'}'.repeat(200)}`;
    expect(interpolate(text, 'v2')).toBe('refused');
    expect(interpolate(`${'${a-'.repeat(20)}x${'}'.repeat(20)}`, 'v2')).toBe('x');
  });
});

describe('tokenizeCompose', () => {
  test('gives kind, name, operator and operand', () => {
    expect(tokenizeCompose('a$$${b:-c}$d$', '1.29')).toEqual([
      { kind: 'literal', text: 'a' },
      { kind: 'escape', text: '$$' },
      { kind: 'braced', text: '${b:-c}', name: 'b', operator: ':-', operand: 'c' },
      { kind: 'named', text: '$d', name: 'd' },
      { kind: 'invalid', text: '$', reason: expect.any(String) },
    ]);
  });

  test('the texts of all tokens join to the source', () => {
    const piece = fc.constantFrom(
      '$',
      '{',
      '}',
      'a',
      '_',
      '-',
      ':-',
      '?',
      '+',
      ' ',
      '\n',
      '1',
      '.',
      'é',
      '\u{1f600}',
      '${',
      '$$',
    );
    const text = fc.oneof(
      fc.array(piece).map((pieces) => pieces.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, fc.constantFrom<ComposeGeneration>('1.29', 'v2'), (source, generation) => {
        const tokens = tokenizeCompose(source, generation);
        expect(tokens.map((token) => token.text).join('')).toBe(source);
        expect(tokens.every((token) => token.text !== '')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('interpolating a text without tokens but literals gives the text', () => {
    fc.assert(
      fc.property(fc.string(), (source) => {
        const isPlain = tokenizeCompose(source, '1.29').every(({ kind }) => kind === 'literal');
        expect(isPlain).toBe(!source.includes('$'));
        if (isPlain) expect(interpolate(source, '1.29')).toBe(source);
      }),
    );
  });
});
