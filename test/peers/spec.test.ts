import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { validateSpec } from '../../src/compose/spec-validate.ts';
import { findComposeV5 } from '../support/programs.ts';

const compose = findComposeV5();
const HEAD = "version: '3.7'\nservices:\n  a:\n    image: x\n";

const REFUSED: readonly [name: string, body: string][] = [
  ['unknown key', '    foo: 1\n'],
  ['unknown key of a long port', '    ports: [{target: 80, publish: 80}]\n'],
  ['number for text', '    user: 1000\n'],
  ['number in a command', '    command: [a, 1]\n'],
  ['null for labels', '    labels:\n'],
  ['null for volumes', '    volumes:\n'],
  ['boolean among logging options', '    logging: {options: {a: true}}\n'],
  ['number for a duration', '    healthcheck: {test: ls, interval: 3}\n'],
  ['pull policy', '    pull_policy: alwys\n'],
  ['cast to bool', '    init: "${I-maybe}"\n'],
  ['cast to int', '    deploy: {replicas: "${N-2.0}"}\n'],
  ['reference under x-*', 'x-foo: "${a.b}"\n'],
  ['number as a key', '    labels: {0x1F: a}\n'],
  ['not a number', '    environment: {A: .nan}\n'],
  ['one name for two containers', '    container_name: web\n    deploy: {replicas: 2}\n'],
  ['negative replicas', '    deploy: {replicas: -1}\n'],
  ['tmpfs and volume at one place', '    tmpfs: /run\n    volumes: ["/a:/run"]\n'],
  ['secret without content', '    secrets: [s]\nsecrets: {s: {}}\n'],
  ['undefined config', '    configs: [s]\n'],
  ['unknown section', 'foo: {}\n'],
];

const TAKEN: readonly [name: string, body: string][] = [
  [
    'casts',
    '    init: "${I-true}"\n    deploy: {replicas: "${N-2}"}\n    ports: [{target: "${P-80}"}]\n    tty: "yes"\n',
  ],
  ['copies in lists', '    environment: [A=1, A=1]\n    cap_add: [A, A]\n    dns: [8.8.8.8, 8.8.8.8]\n'],
  ['scalars', '    environment: {A: x, B: 3, C: , D: 2020-01-01, yes: a}\n    restart: unless-stopped\n'],
  ['limits', '    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 3}\n    sysctls: [a=b]\n    shm_size: 64m\n'],
  ['deploy', '    deploy: {resources: {limits: {cpus: 0.5, memory: 1g}}, endpoint_mode: vip, labels: [a=b]}\n'],
  ['ports', '    ports: [80, "1000-1001:80-81/udp", {target: 80, published: 80}]\n    expose: [80, "81"]\n'],
  [
    'volumes',
    '    volumes: [{type: bind, source: ./a, target: /a, bind: {propagation: shared}}, "v:/v"]\nvolumes: {v: }\n',
  ],
  ['externals', 'volumes: {v: {external: {name: q}}}\nnetworks: {n: {external: true}}\n'],
  ['secrets', '    secrets: [{source: s, target: t, mode: 0440}]\nsecrets: {s: {file: ./s}}\n'],
  ['extensions', '    x-note: {a: [1]}\nx-foo: "${a-b}"\n'],
];

const name = compose === undefined ? 'Docker Compose v5 is not there: SKIPPED' : 'the Docker Compose of today';

describe.skipIf(compose === undefined)(name, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rebundle-spec-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** True where the real program takes the text. */
  const takes = (text: string): boolean => {
    const path = join(folder, 'docker-compose.yml');
    writeFileSync(path, text);
    const env = { PATH: process.env.PATH, HOME: folder };
    return spawnSync(compose!, ['-f', path, 'config', '-q'], { cwd: folder, env }).status === 0;
  };
  const findings = async (text: string): Promise<string[]> => {
    const file = readComposeFile({ text, path: 'a.yml', line: 1 }, { origin: 'compose' });
    return (await validateSpec(file, 'warning')).map(({ message }) => message);
  };

  test.each(REFUSED)('refuses %s, and so do we', async (_name, body) => {
    expect(takes(HEAD + body)).toBe(false);
    expect(await findings(HEAD + body)).not.toEqual([]);
  });

  test.each(TAKEN)('takes %s, and so do we', async (_name, body) => {
    expect(await findings(HEAD + body)).toEqual([]);
    expect(takes(HEAD + body)).toBe(true);
  });
});
