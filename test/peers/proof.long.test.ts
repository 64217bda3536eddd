import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { compareModels, printModel } from '../../src/compose/model.ts';
import { RELEASE_ENVIRONMENT } from '../../src/convert/rendering.ts';
import { writeDocument } from '../../src/convert/write-model.ts';
import { convertFiles } from '../convert/convert-package.ts';
import { findDifferences, isKnown, isLostInPrint, PEERS, readWithPeer } from '../support/peer-models.ts';
import { requireProgram } from '../support/programs.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/convert');
const names = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'expected/docker-compose.yml')));
const environment = Object.fromEntries(RELEASE_ENVIRONMENT);
const hasOld = requireProgram('docker-compose');

describe.each(PEERS)('golden packages and $name', ({ program, generation }) => {
  const cwd = mkdtempSync(join(tmpdir(), 'rebundle-proof-'));
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));
  const peer = { program: program ?? '', generation, cwd };
  const skipped = program === undefined || !hasOld ? ': SKIPPED, a program is not installed' : '';

  test.skipIf(skipped !== '')(
    `our model of each result is that of the program${skipped}`,
    async () => {
      const found: string[] = [];
      let compared = 0;
      for (const name of names) {
        const text = readFileSync(join(FIXTURES, name, 'expected/docker-compose.yml'), 'utf8');
        const result = await findDifferences({ ...peer, text, environment });
        // What the program refuses for its own reasons (no image, files that are not there) is no model to compare.
        if (!result.compared) continue;
        compared += 1;
        found.push(...result.differences.map((line) => `${name}: ${line}`));
      }
      expect(found).toEqual([]);
      expect(compared).toBeGreaterThan(30);
    },
    600_000,
  );

  test.skipIf(skipped !== '')(
    `docker-app's render, loaded by docker-compose 1.29, is the converted file, loaded by the program${skipped}`,
    async () => {
      const found: string[] = [];
      let compared = 0;
      for (const name of names) {
        const { app, proof, failed } = await convertFiles(readTree(join(FIXTURES, name, 'input')));
        if (failed || app === undefined || proof?.rendered === undefined) continue;
        const text = writeDocument(proof.rendered, (each) => each);
        const before = await readWithPeer({ program: 'docker-compose', generation: '1.29', cwd, text, environment });
        const after = await readWithPeer({ ...peer, text: app.composeText, environment });
        if ('error' in before || 'error' in after) continue;
        compared += 1;
        for (const { path, before: was, after: is } of compareModels(before.model, after.model)) {
          if (isLost(path, was, is) || isKnown(generation, path, is, was)) continue;
          found.push(`${name}: ${path.join('.')}: ${printModel(was)} is ${printModel(is)}`);
        }
      }
      expect(found).toEqual([]);
      expect(compared).toBeGreaterThan(20);
    },
    600_000,
  );
});

/** What docker-app's render lost, and what a disabled service left behind. */
function isLost(path: readonly string[], before: unknown, after: unknown): boolean {
  return path[2] === 'depends_on' || path[2] === 'links' || isLostInPrint(path, before, after);
}

function readTree(root: string): Map<string, Buffer> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(root, path), readFileSync(path)];
    }),
  );
}
