import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, readText } from '../samples/deploy-files.ts';

const PACKED: readonly string[] = JSON.parse(readText('package.json')).files;

function linksOf(path: string): string[] {
  const links = [...readText(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links
    .filter((link) => !/^(?:https:\/\/|#)/.test(link))
    .map((link) => normalize(join(dirname(path), link.replace(/#.*/, ''))));
}

test.each(['README.md', 'MIGRATION.md', 'ARCHITECTURE.md', 'samples/README.md', 'samples/deploy/README.md'])(
  'the links of %s lead to files',
  (path) => {
    for (const link of linksOf(path)) expect(existsSync(join(ROOT, link)), link).toBe(true);
  },
);

test('links of the package lead into it, or to the samples, of which README.md says that they are for a clone', () => {
  const links = PACKED.filter((path) => path.endsWith('.md')).flatMap(linksOf);
  expect(links.length).toBeGreaterThan(5);
  const outside = links.filter((link) => !PACKED.some((path) => link === path || link.startsWith(`${path}/`)));
  expect(outside.filter((link) => !link.startsWith('samples/'))).toEqual([]);
  expect(outside.length > 0).toBe(readText('README.md').includes('links to it are for a clone'));
});
