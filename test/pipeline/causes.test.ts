import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UPDATE_CAUSES, type UpdateCause } from '../../src/model/plan.ts';
import { settleCauses } from '../../src/pipeline/causes.ts';

const settled = (...observations: UpdateCause[][]): string => {
  const { causes, unclear } = settleCauses(observations);
  return `${causes.join('+')}|${unclear.join('/')}`;
};

describe('settleCauses', () => {
  test.each<[UpdateCause[][], string]>([
    [[], '|'],
    [[['source']], 'source|'],
    [[['image'], ['source'], ['image']], 'source+image|'],
    [[['source', 'option']], '|source/option'],
    [[['image'], ['source', 'option']], 'image|source/option'],
    // A certain cause explains what else was seen.
    [[['source'], ['source', 'option']], 'source|'],
    [
      [
        ['source', 'option'],
        ['source', 'option', 'format'],
      ],
      '|source/option',
    ],
    [
      [
        ['source', 'option'],
        ['image', 'format'],
      ],
      '|source/image/option/format',
    ],
  ])('%j', (observations, text) => {
    expect(settled(...observations)).toBe(text);
  });

  test('says nothing that may be wrong: whatever holds, what is certain does, and one of what is unclear', () => {
    const observation = fc.subarray([...UPDATE_CAUSES], { minLength: 1 });
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 5 }), fc.subarray([...UPDATE_CAUSES]), (observations, truth) => {
        const holds = (causes: readonly UpdateCause[]): boolean => causes.some((cause) => truth.includes(cause));
        fc.pre(observations.every(holds));
        const { causes, unclear } = settleCauses(observations);
        expect(causes.every((cause) => truth.includes(cause))).toBe(true);
        expect(unclear.length === 0 || holds(unclear)).toBe(true);
        expect(unclear.some((cause) => causes.includes(cause)) && unclear.length === 1).toBe(false);
        expect(causes.length + unclear.length === 0).toBe(observations.length === 0);
      }),
    );
  });
});
