import { defineConfig } from 'vitest/config';

/** Tests that take minutes: fuzzing, big factories, other versions of Node. */
export default defineConfig({
  test: {
    include: ['test/**/*.long.test.ts'],
    passWithNoTests: true,
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
