import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { rescueOverrides } from '../../src/convert/env-rescue.ts';
import { convertTexts } from '../convert/convert-package.ts';
import { findComposeV5, requireProgram } from '../support/programs.ts';

const programs = [
  ['docker-compose 1.29', requireProgram('docker-compose') ? 'docker-compose' : undefined],
  ['Docker Compose v5', findComposeV5()],
] as const;

/** Every printable character at the start, in the middle and at the end, and after a blank; what a YAML file can hold besides. */
const VALUES = [...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)), 'é', '日', '😀'].flatMap((c) => [
  c,
  `${c}a`,
  `a${c}`,
  `a${c}b`,
  `a ${c}`,
  `${c} a`,
  `a ${c} b`,
]);
const MORE = [
  '',
  'a  b',
  'export x',
  'KEY=V',
  'a: b',
  '{}',
  '[1,2]',
  'null',
  '~',
  'http://h:1/p?q=1&r=2#f',
  'A'.repeat(5000),
];

describe('environment files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rebundle-env-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(
    programs.map(([name, program]) => [program === undefined ? `${name}: SKIPPED, not installed` : name, program]),
  )('%s reads every value that is written as docker-app had it', async (_name, program) => {
    if (program === undefined) return;
    const values = [...VALUES, ...MORE].map((value, i) => [`v${i}`, value] as const);
    const lines = values.map(([name]) => `      ${name}: \${${name}}\n`).join('');
    const compose = `version: '3.7'\nservices:\n  a:\n    image: x\n    environment:\n${lines}`;
    const parameters = values.map(([name]) => `${name}: unset\n`).join('');
    const { pkg, app } = await convertTexts(compose, parameters, { interpolation: 'single' });
    const text = values.map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`).join('');
    const rescued = rescueOverrides(
      { pkg: pkg!, app: app!, interpolation: 'single', parameterFiles: [], settings: [] },
      [{ group: 'g', document: { text, path: 'fleet.yml', offset: 0, line: 1 } }],
    );
    const written = new Set(rescued.files[0]?.text.match(/^v\d+/gm));
    expect(written.size).toBeGreaterThan(600);
    expect(written.size + rescued.diagnostics.length).toBe(values.length);
    writeFileSync(join(folder, 'docker-compose.yml'), app!.composeText);
    writeFileSync(join(folder, '.env'), rescued.files[0]!.text);
    const env = { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8' };
    const result = spawnSync(program, ['config'], { cwd: folder, env, encoding: 'utf8' });
    expect(result.stderr).not.toContain('rror');
    const { parse } = await import('yaml');
    const read = parse(result.stdout).services.a.environment as Record<string, string | null>;
    for (const [name, value] of values) {
      if (written.has(name)) expect([name, String(read[name] ?? '').replaceAll('$$', '$')]).toEqual([name, value]);
    }
  });
});
