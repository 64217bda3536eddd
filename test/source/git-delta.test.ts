import fc from 'fast-check';
import { expect, it } from 'vitest';
import { applyDelta, readDeltaSizes } from '../../src/source/git-delta.ts';

const base = Buffer.from('0123456789');

it('copies and inserts', () => {
  const delta = Buffer.from([10, 9, 0x91, 3, 4, 2, 0x78, 0x79, 0x90, 3]);
  expect(readDeltaSizes(delta)).toEqual({ base: 10, result: 9, at: 2 });
  expect(applyDelta(base, delta, 9)?.toString()).toBe('3456xy012');
});

it('a copy without a size is of 65,536 bytes', () => {
  const large = Buffer.alloc(70_000, 'ab');
  const delta = Buffer.from([0xf0, 0xa2, 0x04, 0x80, 0x80, 0x04, 0x80]);
  expect(applyDelta(large, delta, 70_000)?.equals(large.subarray(0, 65_536))).toBe(true);
});

it.each([
  ['another base', [9, 1, 1, 0x78]],
  ['a result above the limit', [10, 100, 0x90, 10]],
  ['more than the result', [10, 1, 0x90, 2]],
  ['less than the result', [10, 3, 0x90, 2]],
  ['a copy from behind the base', [10, 5, 0x91, 8, 5]],
  ['an insertion that is cut', [10, 3, 3, 0x78]],
  ['a copy that is cut', [10, 3, 0x91, 1]],
  ['the reserved instruction', [10, 1, 0, 0x78]],
  ['no sizes', [0x80, 0x80]],
])('refuses %s', (_what, bytes) => {
  expect(applyDelta(base, Buffer.from(bytes), 50)).toBeUndefined();
});

it('is total: any bytes give nothing or what their head says', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, fits) => {
      const delta = Buffer.from(fits ? [10, ...bytes] : bytes);
      const result = applyDelta(base, delta, 1000);
      expect(result === undefined || result.byteLength === readDeltaSizes(delta)?.result).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
