import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Challenge, parseChallenges } from '../../src/registry/challenge.ts';

const parse = (...headers: string[]) =>
  parseChallenges(headers).map(({ scheme, parameters, token68 }) => [
    scheme,
    token68 ?? Object.fromEntries(parameters),
  ]);

describe('parseChallenges', () => {
  test.each<[string, string[], unknown]>([
    [
      'the usual one of a registry',
      ['Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"'],
      [
        [
          'bearer',
          { realm: 'https://auth.example/token', service: 'registry.example', scope: 'repository:a/b:pull,push' },
        ],
      ],
    ],
    [
      'several in one header',
      ['Negotiate, Basic realm="a, b", Bearer realm="x"'],
      [
        ['negotiate', {}],
        ['basic', { realm: 'a, b' }],
        ['bearer', { realm: 'x' }],
      ],
    ],
    [
      'several headers',
      ['Basic realm="a"', 'BEARER Realm="x"'],
      [
        ['basic', { realm: 'a' }],
        ['bearer', { realm: 'x' }],
      ],
    ],
    [
      'the example of RFC 9110',
      ['Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""'],
      [
        ['basic', { realm: 'simple' }],
        ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
      ],
    ],
    [
      'token68',
      ['Negotiate YIIJvwYGKwYBBQUCoA==, Bearer realm="x"'],
      [
        ['negotiate', 'YIIJvwYGKwYBBQUCoA=='],
        ['bearer', { realm: 'x' }],
      ],
    ],
    ['blanks around =', ['Bearer realm = "x" , service= y'], [['bearer', { realm: 'x', service: 'y' }]]],
    [
      'no quotes around a URL',
      ['Bearer realm=https://a.example/t?x=1,service=s'],
      [['bearer', { realm: 'https://a.example/t?x=1', service: 's' }]],
    ],
    ['the first of two values', ['Bearer realm="a",realm="b"'], [['bearer', { realm: 'a' }]]],
    [
      'empty list members',
      [', ,Basic realm="a",, ,Bearer realm="b",'],
      [
        ['basic', { realm: 'a' }],
        ['bearer', { realm: 'b' }],
      ],
    ],
    ['a string without an end', ['Bearer realm="abc, Basic realm=x'], [['bearer', { realm: '' }]]],
    ['rubbish before', ['"what", Basic realm="a"'], [['basic', { realm: 'a' }]]],
    ['nothing', ['', '   '], []],
  ])('%s', (_name, headers, expected) => {
    expect(parse(...headers)).toEqual(expected);
  });

  const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
  const value = fc.string({ unit: fc.constantFrom(...'ab "\\,=:/é\t'.split('')), maxLength: 20 });
  const challenge = fc.record({
    scheme: name,
    parameters: fc.uniqueArray(fc.tuple(name, value), { selector: ([n]) => n, minLength: 1, maxLength: 5 }),
  });

  test('what is written by the grammar is read back, in one header or several', () => {
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 5 }), fc.boolean(), (challenges, joined) => {
        const texts = challenges.map(
          ({ scheme, parameters }) =>
            `${scheme} ${parameters.map(([n, v]) => `${n}="${v.replace(/["\\]/g, '\\$&')}"`).join(', ')}`,
        );
        const read = parseChallenges(joined ? [texts.join(', ')] : texts);
        const expected: Challenge[] = challenges.map(({ scheme, parameters }) => ({
          scheme,
          parameters: new Map(parameters),
        }));
        expect(read).toEqual(expected);
      }),
    );
  });

  test('any text is read, and quickly', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'a,"\\= /'.split('')), maxLength: 200 }),
        (text) => void parseChallenges([text]),
      ),
    );
    expect(parseChallenges([`Bearer ${'a="\\'.repeat(200_000)}`]).length).toBeLessThanOrEqual(16);
    expect(parseChallenges(Array.from({ length: 100 }, () => 'Basic realm="a"'))).toHaveLength(16);
  });
});
