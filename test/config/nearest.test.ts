import { expect, test } from 'vitest';
import { nearestName } from '../../src/lib/nearest.ts';

const keys = ['factory', 'registry', 'registries', 'repositories', 'apps'];

test.each([
  ['factroy', 'factory'],
  ['Factory', 'factory'],
  ['registrys', 'registry'],
  ['repository', 'repositories'],
  ['app', 'apps'],
  ['aps', 'apps'],
])('%s is near %s', (name, nearest) => {
  expect(nearestName(name, keys)).toBe(nearest);
});

test('what differs in more than a third of its letters is not near', () => {
  expect(nearestName('xyz', keys)).toBeUndefined();
  expect(nearestName('', keys)).toBeUndefined();
  expect(nearestName('aaaa', ['aabb'])).toBeUndefined();
  expect(nearestName('aaaaaa', ['aaaabb'])).toBe('aaaabb');
});

test('of equally near names the first is taken', () => {
  expect(nearestName('bat', ['cat', 'hat'])).toBe('cat');
  expect(nearestName('bat', ['hat', 'cat'])).toBe('hat');
});

test('a swap of neighbours is one slip, and names over 64 characters are not compared', () => {
  expect(nearestName('tga', ['tag'])).toBe('tag');
  expect(nearestName('a'.repeat(64), ['a'.repeat(64)])).toBe('a'.repeat(64));
  expect(nearestName('a'.repeat(65), ['a'.repeat(65)])).toBeUndefined();
  expect(nearestName('a'.repeat(64), ['a'.repeat(65)])).toBeUndefined();
});
