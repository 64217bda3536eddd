import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKeep } from '../../src/lib/keep.ts';

test('a value is the same when it is read again, held or packed, and apart from what it was made of', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())),
      fc.nat(200),
      (values, limit) => {
        const keep = createKeep(limit);
        const given = structuredClone(values);
        const kept = given.map((value) => keep(value));
        for (const value of given) for (const key of Object.keys(value)) delete value[key];
        const wanted = values.map((value) => JSON.parse(JSON.stringify(value)));
        expect(kept.map(({ read }) => read())).toEqual(wanted);
      },
    ),
  );
});

test('only as much as the limit is held as it is', () => {
  const keep = createKeep(20);
  const [first, second] = [keep({ a: 'x'.repeat(10) }), keep({ b: 'y'.repeat(10) })];
  expect(first.isPacked).toBe(false);
  expect(first.read()).toBe(first.read());
  expect(second.isPacked).toBe(true);
  expect(second.read()).not.toBe(second.read());
});

test('a value that nobody else has is held itself, and packed as the others where there is no room for it', () => {
  const keep = createKeep(20);
  const [first, second] = [{ a: 1 }, { b: 2 }];
  expect(keep(first, 20).read()).toBe(first);
  const packed = keep(second, 20);
  expect(packed.isPacked).toBe(true);
  expect(packed.read()).toEqual(second);
});

test('many packed values are read as they were given', () => {
  const keep = createKeep(0);
  const values = Array.from({ length: 300 }, (_, i) => ({
    i,
    noise: Array.from({ length: 400 }, (_, j) => (i * 7919 + j * j * 31) % 9973),
  }));
  const kept = values.map((value) => keep(value));
  expect(kept.map(({ read }) => read())).toEqual(values);
});
