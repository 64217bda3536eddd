import { describe, expect, it } from 'vitest';
import { substituteReferences, tokenizeReferences } from '../../src/dockerapp/references.ts';

const VALUES = new Map([
  ['a', '1'],
  ['a.b', '2'],
  ['A', 'upper'],
  ['k', 'v'],
  ['k.', 'dot'],
  ['enable-api', 'true'],
  ['x-', 'dash'],
  ['empty', ''],
  ['nested', 'x${a}$$'],
  ['_u', 'under'],
]);

function render(text: string): string {
  const { text: result, error, lost } = substituteReferences(tokenizeReferences(text), (name) => VALUES.get(name));
  if (error !== undefined) return `${error.kind}${error.name === undefined ? '' : ` ${error.name}`}`;
  return lost.length === 0 ? `= ${result}` : `= ${result} (lost ${lost.join(', ')})`;
}

describe('the grammar of 0.4 to 0.8', () => {
  it.each([
    ['plain', '= plain'],
    ['', '= '],
    ['${a} ${a.b} $a $a.b', '= 1 2 1 2'],
    ['${A}${a}', '= upper1'],
    ['$_u', '= under'],
    ['${empty}|', '= |'],
    ['$$', '= $'],
    ['$$a $${a} $$$$ $$$a', '= $a ${a} $$ $1'],
    ['${nested}', '= x${a}$$'],
    // A braced name takes what looks like a default.
    ['${enable-api}', '= true'],
    ['${x-}', '= dash'],
    ['${a-b}', 'undefined a-b'],
    ['${a:-b c}', 'undefined a:-b c'],
    ['${a?message}', 'undefined a?message'],
    ['${a:?}', 'undefined a:?'],
    ['${a-${a}}', 'undefined a-${a'],
    ['${a-\n}', 'undefined a-\n'],
    // A bare name does too, up to a brace or the end.
    ['$k-alpine tail', 'undefined k-alpine tail'],
    ['$k:-x} rest', 'undefined k:-x'],
    ['$k?x', 'undefined k?x'],
    ['$k:80 $k/x $k,y $k=z', '= v:80 v/x v,y v=z'],
    ['$k: x', '= v: x'],
    ['${k}-alpine', '= v-alpine'],
    // Dots belong to the name.
    ['$k. x', '= dot x'],
    ['$a. x', 'undefined a.'],
    ['$k.k', 'undefined k.k'],
    // What the grammar refuses.
    ['$', 'invalid'],
    ['x$', 'invalid'],
    ['$ x', 'invalid'],
    ['$1', 'invalid'],
    ['${}', 'invalid'],
    ['${ a }', 'invalid'],
    ['${1a}', 'invalid'],
    ['${a b}', 'invalid'],
    ['${é}', 'invalid'],
    ['${a', 'invalid'],
    ['${a:}', 'invalid'],
    ['$$$', 'invalid'],
    // Only the last reference decides about an error.
    ['${missing} ${a}', '=  1 (lost missing)'],
    ['${m} ${n} ${a} ${empty}', '=   1  (lost m, n)'],
    ['${a} ${missing}', 'undefined missing'],
    ['${missing} $$', 'undefined missing'],
    ['${missing} text', 'undefined missing'],
    ['$1 ${a}', '= 1 1 (lost $)'],
    ['$1 ${a} $', 'invalid'],
    ['${constructor}', 'undefined constructor'],
  ])('%j', (text, expected) => expect(render(text)).toBe(expected));

  it('folds case as Go does', () => {
    expect(tokenizeReferences('$\u017fx ${\u212a}').map(({ name }) => name)).toEqual(['\u017fx', undefined, '\u212a']);
  });

  it('takes time in proportion to the text', () => {
    for (const piece of ['${a-', '$a-', '${', '$', '${a b}', '${a-}']) {
      const text = piece.repeat(200_000);
      expect(tokenizeReferences(text).reduce((length, token) => length + token.text.length, 0)).toBe(text.length);
    }
  }, 10_000);
});
