import * as fc from 'fast-check';
import { it } from 'vitest';
import { renderedPackagesConvert, resultsStay } from './schema.ts';

it('what docker-app rendered, of the whole file format, converts and is equal', async () => {
  await fc.assert(renderedPackagesConvert, { numRuns: 400 });
});

it('what was converted stays as it is when it is converted again', async () => {
  await fc.assert(resultsStay, { numRuns: 300 });
});
