import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { interpolateCompose } from '../../src/compose/interpolation.ts';
import { parseYaml, type resolveAlias } from '../../src/lib/yaml.ts';
import { requireProgram } from '../support/programs.ts';

const hasCompose = requireProgram('docker-compose');
const VALUES: Readonly<Record<string, string>> = { SET_A: 'VALUE', EMPTY_A: '' };
const environment = (name: string): string | undefined => VALUES[name];

const TAKEN = [
  'plain',
  '$SET_A-$NONE_A.',
  '$$SET_A $$$$',
  '${SET_A}${NONE_A}',
  '${NONE_A-d} ${EMPTY_A-d} ${SET_A-d}',
  '${NONE_A:-d} ${EMPTY_A:-d} ${SET_A:-d}',
  '${NONE_A-}x',
  '${NONE_A-a:-b}',
  '${NONE_A-a:?+/ "b"#,}',
  "${NONE_A-it's \\ é [x] * % =}",
  '${SET_A?m} ${EMPTY_A?m}',
  '${NONE_A-$SET_A}',
  '${NONE_A-${SET_A}}',
  '${NONE_A-$$}',
  '${NONE_A-a}b}',
  '${NONE_A-{}}',
  '${SET_A-{}}',
  '${NONE_A-{}',
  '${NONE_A-a\nb}',
  '\u0131$\u0131-',
];
const REFUSED = [
  '$1',
  '$ x',
  'x$',
  '${}',
  '${ SET_A }',
  '${a.b}',
  '${SET_A',
  '${SET_A+x}',
  '${NONE_A?m}',
  '${EMPTY_A:?m}',
];

describe.skipIf(!hasCompose)(
  hasCompose ? 'interpolation and docker-compose' : 'interpolation: SKIPPED, docker-compose is not installed',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'rebundle-interpolation-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const config = (texts: readonly string[]): { status: number | null; stdout: string } => {
      const variables = texts.map((text, i) => `      V${i}: ${JSON.stringify(text)}\n`).join('');
      const path = join(folder, 'docker-compose.yml');
      writeFileSync(path, `version: '3.7'\nservices:\n  a:\n    image: x\n    environment:\n${variables}`);
      const env = { ...VALUES, PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8' };
      return spawnSync('docker-compose', ['-f', path, 'config'], { cwd: folder, env, encoding: 'utf8' });
    };

    test('texts that are taken have the same result', () => {
      const { status, stdout } = config(TAKEN);
      expect(status).toBe(0);
      const found = new Map<string, string>();
      const walk = (node: Parameters<typeof resolveAlias>[0] | undefined): void => {
        if (node?.kind !== 'map') return;
        for (const { name, value } of node.pairs) {
          if (value.kind === 'scalar') found.set(name, value.value);
          else walk(value);
        }
      };
      walk(parseYaml({ text: stdout, path: 'config', line: 1 }).root);
      // The program escapes what it prints, so that its output can be read again.
      const printed = TAKEN.map((_, i) => found.get(`V${i}`)?.replaceAll('$$', '$'));
      expect(printed).toEqual(TAKEN.map((text) => interpolateCompose(text, environment, '1.29')));
    });

    test.each(REFUSED)('%j is refused by both', (text) => {
      expect(config([text]).status).not.toBe(0);
      expect(() => interpolateCompose(text, environment, '1.29')).toThrow();
    });
  },
);
