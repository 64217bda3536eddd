import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonChunks } from '../../src/lib/json-chunks.ts';

const encode = (value: unknown, indent: number): string => JSON.stringify(value, undefined, indent);

test('the pieces together are the whole', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.option(fc.jsonValue(), { nil: undefined })), (value) => {
      expect([...jsonChunks(value, encode)].join('')).toBe(`${JSON.stringify(value, undefined, 2)}\n`);
    }),
  );
});

test('every item of a list is a piece of its own', () => {
  const pieces = [...jsonChunks({ apps: [{ a: 'x\ny' }, { b: [] }], none: [] }, encode)];
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(40);
  expect(pieces.filter((piece) => piece.includes('x\\ny'))).toHaveLength(1);
});
