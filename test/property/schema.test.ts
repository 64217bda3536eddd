import * as fc from 'fast-check';
import { it } from 'vitest';
import { renderedPackagesConvert } from './schema.ts';

it('what docker-app rendered, of the whole file format, converts and is equal', async () => {
  await fc.assert(renderedPackagesConvert, { numRuns: 400 });
});
