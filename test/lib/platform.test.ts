import { describe, expect, it } from 'vitest';
import { comparePlatforms, formatPlatform, normalizePlatform, parsePlatform } from '../../src/lib/platform.ts';

describe('parsePlatform', () => {
  it.each(['linux/amd64', 'linux/arm/v7', 'linux/arm64/v8'])('reads %s', (text) => {
    expect(formatPlatform(parsePlatform(text)!)).toBe(text);
  });

  it.each(['', 'linux', 'linux/', '/amd64', 'linux/arm/', 'linux/arm/v7/x'])('does not read %j', (text) => {
    expect(parsePlatform(text)).toBeUndefined();
  });
});

it.each([
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64', 'linux/arm64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/v6', 'linux/arm/v6'],
  ['linux/riscv64', 'linux/riscv64'],
])('%s is compared as %s', (text, expected) =>
  expect(formatPlatform(normalizePlatform(parsePlatform(text)!))).toBe(expected),
);

it('sorts by text', () => {
  const texts = ['linux/arm64', 'linux/amd64', 'linux/arm/v7', 'darwin/arm64'];
  expect(
    texts
      .map((text) => parsePlatform(text)!)
      .sort(comparePlatforms)
      .map(formatPlatform),
  ).toEqual(['darwin/arm64', 'linux/amd64', 'linux/arm/v7', 'linux/arm64']);
});
