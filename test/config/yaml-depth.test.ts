import { expect, test } from 'vitest';
import { findTooDeep } from '../../src/lib/yaml-depth.ts';

test.each([
  ['[[[x]]]', 2, undefined],
  ['[[[x]]]', 1, 2],
  ['a:\n  b:\n    c: 1\n', 2, undefined],
  ['a:\n  b:\n    c: 1\n', 1, 12],
  ['- - - x\n', 1, 4],
  ['? ? ? x\n', 1, 4],
  ['{a: {b: {c: d}}}', 1, 8],
  ['# nothing\n', 0, undefined],
])('%j with a limit of %i', (text, limit, offset) => {
  expect(findTooDeep(text, limit)).toBe(offset);
});

test.each(['[', '{', '- ', '? ', 'a: {', '[{a: '])('many thousand times %j is found too deep', (unit) => {
  expect(findTooDeep(unit.repeat(50_000), 16)).toBeGreaterThan(0);
});
