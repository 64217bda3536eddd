import * as fc from 'fast-check';
import { it } from 'vitest';
import { conversionKeepsMeaning } from './conversion.ts';

it('a converted package means what docker-app made of it', async () => {
  await fc.assert(conversionKeepsMeaning, { numRuns: 1_000 });
});
