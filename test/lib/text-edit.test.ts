import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEdits, joinEdits, mapOffsets, sortEdits } from '../../src/lib/text-edit.ts';

const edit = (start: number, end: number, text: string) => ({ start, end, text });

describe('applyEdits', () => {
  it('takes offsets of the text before any edit, in any order', () => {
    expect(applyEdits('abcdef', [edit(4, 6, 'X'), edit(0, 1, ''), edit(2, 2, '--')])).toBe('b--cdX');
  });

  it('changes nothing without edits', () => expect(applyEdits('abc', [])).toBe('abc'));

  it('lets an insertion touch a replacement', () => {
    expect(applyEdits('abc', [edit(1, 2, 'X'), edit(1, 1, '+'), edit(2, 2, '-')])).toBe('a+X-c');
  });

  it.each([[[edit(0, 2, ''), edit(1, 3, '')]], [[edit(0, 3, ''), edit(1, 1, 'x')]], [[edit(2, 1, '')]]])(
    'refuses edits that overlap: %j',
    (edits) => expect(() => applyEdits('abcd', edits)).toThrow(RangeError),
  );
});

describe('sortEdits', () => {
  it('leaves its argument alone', () => {
    const edits = [edit(2, 3, 'b'), edit(0, 1, 'a')];
    expect(sortEdits(edits).map(({ text }) => text)).toEqual(['a', 'b']);
    expect(edits.map(({ text }) => text)).toEqual(['b', 'a']);
  });
});

describe('joinEdits', () => {
  /** Edits of a text that do not overlap. */
  const editsOf = (text: string) =>
    fc
      .array(fc.record({ gap: fc.nat(4), length: fc.nat(3), text: fc.string({ maxLength: 3 }) }), { maxLength: 5 })
      .map((parts) => {
        let at = 0;
        return parts.flatMap(({ gap, length, text: replacement }) => {
          const start = at + gap;
          at = start + length;
          return at > text.length ? [] : [edit(start, at, replacement)];
        });
      });
  const chains = fc
    .string({ maxLength: 20 })
    .chain((text) =>
      editsOf(text).chain((first) => editsOf(applyEdits(text, first)).map((second) => ({ text, first, second }))),
    );

  it('does at once what two lists do one after the other', () => {
    fc.assert(
      fc.property(chains, ({ text, first, second }) => {
        const edited = applyEdits(text, first);
        expect(applyEdits(text, joinEdits(first, second, edited))).toBe(applyEdits(edited, second));
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves edits alone that the later ones do not meet', () => {
    const first = [
      { ...edit(0, 1, 'XX'), origin: { rule: 'value' as const } },
      { ...edit(1, 2, ''), origin: { rule: 'dollar' as const } },
    ];
    const later = { ...edit(4, 5, '!'), origin: { rule: 'config-mount' as const } };
    expect(joinEdits(first, [later], 'XXcdef')).toEqual([...first, { ...later, start: 4, end: 5 }]);
  });

  it('makes one edit of those that meet, with the origin of the later', () => {
    const first = [{ ...edit(1, 3, 'XYZ'), origin: { rule: 'value' as const } }];
    const later = { ...edit(2, 5, '-'), origin: { rule: 'config-mount' as const } };
    expect(joinEdits(first, [later], 'aXYZdef')).toEqual([{ ...edit(1, 4, 'X-'), origin: later.origin }]);
  });
});

describe('mapOffsets', () => {
  const edits = [edit(1, 2, 'XYZ'), edit(4, 6, '')];

  it.each([
    [0, 0],
    [1, 1],
    [3, 1],
    [4, 2],
    [5, 3],
    [6, 6],
  ])('%i comes from %i', (offset, expected) => expect(mapOffsets(edits)(offset)).toBe(expected));
});
