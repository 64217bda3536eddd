import { describe, expect, it } from 'vitest';
import { applyEdits, sortEdits, sourceOffset } from '../../src/lib/text-edit.ts';

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

describe('sourceOffset', () => {
  const edits = [edit(1, 2, 'XYZ'), edit(4, 6, '')];

  it.each([
    [0, 0],
    [1, 1],
    [3, 1],
    [4, 2],
    [5, 3],
    [6, 6],
  ])('%i comes from %i', (offset, expected) => expect(sourceOffset(edits, offset)).toBe(expected));
});
