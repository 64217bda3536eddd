import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findViolations, parseImports } from './import-rule.ts';

const SRC = join(import.meta.dirname, '../../src');

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort();

describe('the sources', () => {
  it('are found', () => {
    expect(files).toContain('errors.ts');
    expect(files.length).toBeGreaterThan(20);
  });

  it('keep the import rule', () => {
    expect(files.flatMap((path) => findViolations(path, readFileSync(join(SRC, path), 'utf8')))).toEqual([]);
  });

  it('are small enough to read in one sitting', () => {
    const lines = (path: string) => readFileSync(join(SRC, path), 'utf8').split('\n').length - 1;
    expect(files.filter((path) => lines(path) > 320)).toEqual([]);
  });
});

describe('the import rule', () => {
  it.each([
    ['lib/a.ts', "import { b } from '../dockerapp/b.ts';", 'lib/a.ts imports dockerapp/b.ts'],
    ['model/a.ts', "import { b } from '../lib/b.ts';", 'model/a.ts imports lib/b.ts'],
    ['bundle/a.ts', "import type { B } from '../compose/b.ts';", 'bundle/a.ts imports compose/b.ts'],
    ['compose/a.ts', "export { b } from '../convert/b.ts';", 'compose/a.ts imports convert/b.ts'],
    ['convert/a.ts', "import { b } from '../targets/b.ts';", 'convert/a.ts imports targets/b.ts'],
    ['convert/a.ts', "import {\n  a,\n  b,\n} from '../pipeline/b.ts';", 'convert/a.ts imports pipeline/b.ts'],
    ['pipeline/a.ts', "import { b } from '../registry/layout.ts';", 'pipeline/a.ts imports registry/layout.ts'],
    ['pipeline/a.ts', "import { b } from '../config.ts';", 'pipeline/a.ts imports config.ts'],
    ['pipeline/a.ts', "const b = await import('../cli/b.ts');", 'pipeline/a.ts imports cli/b.ts'],
    ['registry/a.ts', "import { b } from '../bundle/b.ts';", 'registry/a.ts imports bundle/b.ts'],
    ['source/a.ts', "import { b } from '../registry/registry.ts';", 'source/a.ts imports registry/registry.ts'],
    ['reporters/a.ts', "import { b } from '../cli/b.ts';", 'reporters/a.ts imports cli/b.ts'],
    ['config.ts', "import { b } from './targets/b.ts';", 'config.ts imports targets/b.ts'],
    ['bundle/a.ts', "import { readFile } from 'node:fs/promises';", 'bundle/a.ts imports node:fs/promises'],
    ['bundle/a.ts', "import 'node:child_process';", 'bundle/a.ts imports node:child_process'],
    ['bundle/a.ts', "import { create } from 'tar';", 'bundle/a.ts imports tar'],
    ['pipeline/a.ts', "import { request } from 'undici';", 'pipeline/a.ts imports undici'],
    ['bundle/a.ts', "import { b } from './b.js';", 'bundle/a.ts imports ./b.js without .ts'],
    ['bundle/a.ts', 'const now = Date.now();', 'bundle/a.ts uses Date.now'],
    ['pipeline/a.ts', 'const now = new Date();', 'pipeline/a.ts uses new Date()'],
    ['lib/a.ts', 'const r = Math.random();', 'lib/a.ts uses Math.random'],
    ['reporters/a.ts', 'setInterval(draw, 100);', 'reporters/a.ts uses setInterval'],
    ['lib/a.ts', "import { randomUUID } from 'node:crypto';", 'lib/a.ts uses randomUUID'],
    ['pipeline/a.ts', 'const env = process.env;', 'pipeline/a.ts touches process'],
    ['cli/commands/a.ts', 'const env = process.env;', 'cli/commands/a.ts touches process'],
    ['registry/a.ts', "import process from 'node:process';", 'registry/a.ts imports node:process'],
    ['index.ts', 'export const a = 1;', 'index.ts does more than re-export'],
    ['misc/a.ts', '', 'misc/a.ts is in no area of the import rule'],
  ])('in %s forbids %j', (path, text, expected) => {
    expect(findViolations(path, `${text}\n`)).toEqual([expected]);
  });

  it.each([
    [
      'bundle/a.ts',
      "import { createHash } from 'node:crypto';\nimport { b } from '../lib/b.ts';\nimport { c } from './c.ts';",
    ],
    ['bundle/a.ts', "import { Header } from 'tar/header';\nconst epoch = new Date(0);"],
    ['bundle/a.ts', "// process.env and Date.now() in words\n/** import { b } from '../compose/b.ts'; */"],
    ['convert/a.ts', "import { b } from '../dockerapp/b.ts';\nimport { c } from '../compose/c.ts';"],
    ['pipeline/a.ts', "import type { Config } from '../config.ts';\nimport { R } from '../registry/registry.ts';"],
    ['registry/a.ts', "import { open } from 'node:fs/promises';"],
    ['cli/main.ts', "import { b } from '../registry/layout.ts';\nprocess.exitCode = 1;"],
    ['index.ts', "export { a } from './registry/layout.ts';\nexport type { B } from './model/app.ts';"],
  ])('in %s allows %j', (path, text) => {
    expect(findViolations(path, `${text}\n`)).toEqual([]);
  });

  it('reads every form of import', () => {
    const text = [
      "import a from './a.ts';",
      "import './b.ts';",
      'import {',
      '  c,',
      "} from './c.ts';",
      "export * from './d.ts';",
      "import type { E } from './e.ts';",
      "const f = () => import('./f.ts');",
    ].join('\n');
    expect(parseImports(text)).toEqual([
      { specifier: './a.ts', typeOnly: false },
      { specifier: './b.ts', typeOnly: false },
      { specifier: './c.ts', typeOnly: false },
      { specifier: './d.ts', typeOnly: false },
      { specifier: './e.ts', typeOnly: true },
      { specifier: './f.ts', typeOnly: false },
    ]);
  });
});
