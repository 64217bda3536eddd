import * as fc from 'fast-check';
import { it } from 'vitest';
import { conversionIsProved, proofFindsWrongEdits } from './proof.ts';

it('the proof holds for generated packages', async () => {
  await fc.assert(conversionIsProved, { numRuns: 1_000 });
});

it('the proof finds an edit that is wrong', async () => {
  await fc.assert(proofFindsWrongEdits, { numRuns: 300 });
});
