import { expect, test } from 'vitest';
import { combineStatus, EXIT_STATUSES, type ExitStatus } from '../../src/cli/exit-status.ts';
import { ERRORS } from '../../src/errors.ts';

const RANKED: readonly ExitStatus[] = [0, 2, 3, 1, 5, 4, 130];

test('the table is ranked', () => {
  expect(EXIT_STATUSES.map(({ status }) => status)).toEqual(RANKED);
});

test('the worse of two decides, in either order', () => {
  for (const [i, a] of RANKED.entries()) {
    for (const [j, b] of RANKED.entries()) expect(combineStatus(a, b)).toBe(RANKED[Math.max(i, j)]);
  }
});

test('no status is 0, many are one', () => {
  expect(combineStatus()).toBe(0);
  expect(combineStatus(0, 3, 2, 0)).toBe(3);
  expect(combineStatus(2, 1, 5, 3)).toBe(5);
});

test('every error code ends in a status of the table', () => {
  for (const { exit } of Object.values(ERRORS)) expect(RANKED).toContain(exit);
});
