import * as fc from 'fast-check';
import { it } from 'vitest';
import { conversionKeepsMeaning } from './conversion.ts';

it('a converted package means what docker-app made of it, for many packages', async () => {
  await fc.assert(conversionKeepsMeaning, { numRuns: 30_000 });
});
