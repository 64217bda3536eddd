import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Folders of developers and build machines; packages in samples and tests may name folders of containers and devices. */
const OURS = /(?<![\w.~${}-])\/(?:home|Users|root|work|workspace|builds)\/[\w.-]+/;
const FOREIGN_TOO = /(?<![\w.~${}-])\/(?:Users|work|workspace|builds)\/[\w.-]+/;

function findMachinePath(text: string, pattern: RegExp): string | undefined {
  if (text.includes(`${ROOT}/`)) return ROOT;
  return pattern.exec(text)?.[0];
}

function listTexts(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('/blobs/sha256'))
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('no file names a folder of the machine that it was written on', () => {
  it.each([
    ['src', OURS],
    ['scripts', OURS],
    ['docs', OURS],
    ['schemas', OURS],
    ['samples', FOREIGN_TOO],
    ['test', FOREIGN_TOO],
  ])('%s', (folder, pattern) => {
    const found = listTexts(folder).flatMap((file) => {
      const path = findMachinePath(readFileSync(file, 'utf8'), pattern);
      return path === undefined ? [] : [`${relative(ROOT, file)}: ${path}`];
    });
    expect(found).toEqual([]);
  });

  it('the files at the root', () => {
    const files = readdirSync(ROOT, { withFileTypes: true }).filter(
      (entry) => entry.isFile() && /\.(?:md|json|ts|npmrc|gitignore)$|^LICENSE$/.test(entry.name),
    );
    expect(files.map((entry) => entry.name)).toContain('package.json');
    const found = files.flatMap((entry) => {
      const path = findMachinePath(readFileSync(join(ROOT, entry.name), 'utf8'), OURS);
      return path === undefined ? [] : [`${entry.name}: ${path}`];
    });
    expect(found).toEqual([]);
  });

  it('finds one where there is one', () => {
    expect(findMachinePath(`see ${['', 'home', 'jo', 'x'].join('/')}`, OURS)).toBe(['', 'home', 'jo'].join('/'));
    expect(findMachinePath(`see ${ROOT}/x`, FOREIGN_TOO)).toBe(ROOT);
    expect(findMachinePath('https://example.org/home/jo and ./home/jo', OURS)).toBeUndefined();
  });
});
