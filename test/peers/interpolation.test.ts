import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ComposeGeneration, interpolateCompose } from '../../src/compose/interpolation.ts';
import { parseYaml, type resolveAlias } from '../../src/lib/yaml.ts';
import { findComposeV5, requireProgram } from '../support/programs.ts';

const VALUES: Readonly<Record<string, string>> = { SET_A: 'VALUE', EMPTY_A: '' };
const environment = (name: string): string | undefined => VALUES[name];

/** Taken by both, not always with one result. */
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
  '${NONE_A-{}}',
  '${SET_A-{}}',
  '\u0131$\u0131-',
];
const REFUSED = ['${}', '${ SET_A }', '${a.b}', '${SET_A', '${NONE_A?m}', '${EMPTY_A:?m}'];

interface Peer {
  readonly name: string;
  readonly generation: ComposeGeneration;
  readonly program: string | undefined;
  readonly taken: readonly string[];
  readonly refused: readonly string[];
}

const PEERS: readonly Peer[] = [
  {
    name: 'docker-compose 1.29',
    generation: '1.29',
    program: requireProgram('docker-compose') ? 'docker-compose' : undefined,
    taken: [...TAKEN, '${NONE_A-a}b}', '${NONE_A-{}', '${NONE_A-a\nb}'],
    refused: [...REFUSED, '$1', '$ x', 'x$', '${SET_A+x}'],
  },
  {
    name: 'Docker Compose v5',
    generation: 'v2',
    program: findComposeV5(),
    taken: [...TAKEN, '$1', '$ x', 'x$', '${SET_A+x}', '${NONE_A+x}', '${EMPTY_A:+x}'],
    refused: [...REFUSED, '${NONE_A-a\nb}'],
  },
];

describe.each(PEERS)('interpolation and $name', ({ program, generation, taken, refused }) => {
  const folder = mkdtempSync(join(tmpdir(), 'rebundle-interpolation-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const skipped = program === undefined ? ': SKIPPED, the program is not installed' : '';

  const config = (texts: readonly string[]): { status: number | null; stdout: string } => {
    const variables = texts.map((text, i) => `      V${i}: ${JSON.stringify(text)}\n`).join('');
    const path = join(folder, 'docker-compose.yml');
    writeFileSync(path, `version: '3.7'\nservices:\n  a:\n    image: x\n    environment:\n${variables}`);
    const env = { ...VALUES, PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8' };
    return spawnSync(program ?? '', ['-f', path, 'config'], { cwd: folder, env, encoding: 'utf8' });
  };

  test.skipIf(program === undefined)(`texts that are taken have the same result${skipped}`, () => {
    const { status, stdout } = config(taken);
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
    const printed = taken.map((_, i) => found.get(`V${i}`)?.replaceAll('$$', '$'));
    expect(printed).toEqual(taken.map((text) => interpolateCompose(text, environment, generation)));
  });

  test.skipIf(program === undefined).each(refused)(`%j is refused by both${skipped}`, (text) => {
    expect(config([text]).status).not.toBe(0);
    expect(() => interpolateCompose(text, environment, generation)).toThrow();
  });
});
