import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createListReader, jsonChunks } from '../../src/lib/json-chunks.ts';

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

test('texts of items are made once where they are kept, to the same whole', () => {
  const value = { items: [{ a: [1] }, 'text', null, { b: {} }], other: { c: 2 } };
  const texts = new WeakMap<object, string>();
  let encoded = 0;
  const count = (part: unknown, indent: number): string => {
    encoded += 1;
    return encode(part, indent);
  };
  const write = (given: object): string => [...jsonChunks(given, count, texts)].join('');
  expect(write(value)).toBe(`${JSON.stringify(value, undefined, 2)}\n`);
  const first = encoded;
  const longer = { ...value, items: [...value.items, { d: 3 }] };
  expect(write(longer)).toBe(`${JSON.stringify(longer, undefined, 2)}\n`);
  // Two kept items less, and a new one more.
  expect(encoded - first).toBe(first - 1);
});

test('a list may be made as it is written', () => {
  function* items() {
    yield { a: 1 };
    yield { b: [2] };
  }
  expect([...jsonChunks({ items: items(), none: [][Symbol.iterator]() }, encode)].join('')).toBe(
    `${JSON.stringify({ items: [...items()], none: [] }, undefined, 2)}\n`,
  );
});

test('what was written is read item by item, however it is cut, and another layout as a whole', () => {
  const item = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
  const value = fc.record({ before: fc.jsonValue(), items: fc.array(item), after: fc.jsonValue() });
  fc.assert(
    fc.property(value, cuts, fc.boolean(), (given, sizes, isOurs) => {
      const text = isOurs ? [...jsonChunks(given, encode)].join('') : JSON.stringify(given);
      const read: unknown[] = [];
      const reader = createListReader('items', (piece) => read.push(JSON.parse(piece)));
      const bytes = Buffer.from(text);
      for (let at = 0, i = 0; at < bytes.byteLength; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        reader.push(bytes.subarray(at, at + size));
        at += size;
      }
      const rest = JSON.parse(reader.end());
      expect({ ...rest, items: [...read, ...rest.items] }).toEqual(JSON.parse(text));
      if (isOurs) expect(rest.items).toEqual([]);
    }),
  );
});
