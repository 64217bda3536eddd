import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalizeText, visitUnsignable } from '../../src/targets/canonical.ts';
import { errorOf } from './samples.ts';

const { canonicalize } = createRequire(createRequire(import.meta.url).resolve('@tufjs/models'))(
  '@tufjs/canonical-json',
) as { canonicalize: (value: unknown) => string };

const whole = (text: string) => ({ start: 0, end: text.length });
const canonical = (text: string): string => canonicalizeText(text, whole(text), 'targets.json');

/** What device clients of 2020 write: compact, keys by byte, what is not ASCII as \u. */
function writeAsDevice(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeAsDevice).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${writeAsDevice(member)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

const ascii = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    ascii,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(ascii, tie('value'), { maxKeys: 5 }),
  ),
}));

describe('canonical bytes', () => {
  test('are those of OLPC canonical JSON and of devices, for all that is let through', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2, '\t'), (given, indent) => {
        const text = JSON.stringify(given, undefined, indent);
        const bytes = canonical(text);
        expect(bytes).toBe(canonicalize(given));
        expect(bytes).toBe(writeAsDevice(given));
        expect(canonical(bytes)).toBe(bytes);
      }),
    );
  });

  test('keep integers of 64 bits as they are, and escapes only where they must', () => {
    expect(canonical('{ "b": 18446744073709551615, "a": [-9223372036854775808, "\\u0041\\/\\"\\\\"] }')).toBe(
      '{"a":[-9223372036854775808,"A/\\"\\\\"],"b":18446744073709551615}',
    );
  });

  test('order keys by byte, a shorter one first, also beside a blank', () => {
    expect(canonical('{"a b":1,"a":2,"a!":3,"_":4,"Z":5,"1":6}')).toBe('{"1":6,"Z":5,"_":4,"a":2,"a b":1,"a!":3}');
  });

  test.each([
    ['{"a": 1.0}', 7],
    ['{"a": 1e3}', 7],
    ['{"a": -0}', 7],
    ['{"a": 18446744073709551616}', 7],
    ['{"a": -9223372036854775809}', 7],
    ['{"a": "é"}', 7],
    ['{"a": "\\u007f"}', 7],
    ['{"a": "\\n"}', 7],
    ['{"é": 1}', 2],
    ['{"a": "\\ud800"}', 7],
  ])('are refused with the place for %s', (text, column) => {
    const error = errorOf(() => canonical(text));
    expect(error.code).toBe('TARGETS_UNSIGNABLE');
    expect(error.location).toEqual({ path: 'targets.json', line: 1, column });
  });

  test('tell of every value that is refused, with the members that lead to it', () => {
    const text = '{"a":[1,1.5,{"ü":"x"}],"b":"\\t"}';
    const found: unknown[] = [];
    visitUnsignable(text, whole(text), ({ kind, path, offset }) => found.push([kind, path, text[offset]]));
    expect(found).toEqual([
      ['number', ['a', 1], '1'],
      ['character', ['a', 2, 'ü'], '"'],
      ['character', ['b'], '"'],
    ]);
  });
});
