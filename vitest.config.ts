import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.long.test.ts'],
    testTimeout: 60_000,
    // Much of the time is spent waiting for programs: every core can take a file of tests.
    maxWorkers: '100%',
    hookTimeout: 60_000,
  },
});
