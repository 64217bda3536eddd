import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ConvertOptions, convertFiles, formatFindings } from './convert-package.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/convert');
const CORPUS = process.env.REBUNDLE_CORPUS ?? join(import.meta.dirname, '../../../shared/corpus');
const SHELLHTTPD = join(CORPUS, 'golden/shellhttpd');
const updates = process.env.UPDATE_GOLDEN === '1';
const cases = readdirSync(FIXTURES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

describe('golden conversions', () => {
  it('are there, and CI does not rewrite them', () => {
    expect(cases.length).toBeGreaterThan(40);
    expect(updates && process.env.CI === 'true').toBe(false);
  });

  it.each(cases)('%s', async (name) => {
    const folder = join(FIXTURES, name);
    const { app, diagnostics, failed } = await convertFiles(readTree(join(folder, 'input')), readOptions(folder));
    const findings = formatFindings(diagnostics);
    const actual: ReadonlyMap<string, string> = failed
      ? new Map([['error.txt', findings]])
      : new Map([
          ['docker-compose.yml', app?.composeText ?? ''],
          ['findings.txt', findings],
        ]);
    const expected = join(folder, 'expected');
    if (updates && process.env.CI !== 'true') {
      rmSync(expected, { recursive: true, force: true });
      mkdirSync(expected, { recursive: true });
      for (const [path, text] of actual) writeFileSync(join(expected, path), text);
    }
    expect(Object.fromEntries(actual)).toEqual(
      Object.fromEntries([...readTree(expected)].map(([path, bytes]) => [path, bytes.toString('utf8')])),
    );
  });

  it.skipIf(!existsSync(SHELLHTTPD))('shellhttpd becomes what its maintainers wrote, byte for byte', async () => {
    const { app, failed } = await convertFiles(readTree(join(SHELLHTTPD, 'before')));
    expect(failed).toBe(false);
    expect(app?.composeText).toBe(
      readFileSync(join(SHELLHTTPD, 'after-1-728bbe5/shellhttpd/docker-compose.yml'), 'utf8'),
    );
  });
});

function readTree(root: string): Map<string, Buffer> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/')).sort();
  return new Map(paths.map((path) => [path, readFileSync(join(root, path))]));
}

function readOptions(folder: string): ConvertOptions {
  const path = join(folder, 'options.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as ConvertOptions) : {};
}
