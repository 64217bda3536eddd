import { defineConfig } from 'vitest/config';

/** Tests that take minutes: fuzzing, big factories, other versions of Node. */
export default defineConfig({
  test: {
    include: ['test/**/*.long.test.ts'],
    passWithNoTests: true,
    testTimeout: 600_000,
    // Much of the time is spent waiting for programs: every core can take a file of tests.
    maxWorkers: '100%',
    hookTimeout: 120_000,
  },
});
