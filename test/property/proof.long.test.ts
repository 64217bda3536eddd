import * as fc from 'fast-check';
import { it } from 'vitest';
import { conversionIsProved, proofFindsWrongEdits } from './proof.ts';
import { renderedPackagesConvert, resultsStay } from './schema.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

it(`the proof holds for generated packages (SEED=${seed})`, async () => {
  console.info(`SEED=${seed}`);
  await fc.assert(conversionIsProved, { numRuns: 20_000, seed });
}, 600_000);

it(`the proof finds an edit that is wrong (SEED=${seed})`, async () => {
  await fc.assert(proofFindsWrongEdits, { numRuns: 5_000, seed });
}, 600_000);

it(`what docker-app rendered, of the whole file format, converts and is equal (SEED=${seed})`, async () => {
  await fc.assert(renderedPackagesConvert, { numRuns: 5_000, seed });
}, 600_000);

it(`what was converted stays as it is when it is converted again (SEED=${seed})`, async () => {
  await fc.assert(resultsStay, { numRuns: 5_000, seed });
}, 600_000);
