import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { pinCompose } from '../../src/compose/pin.ts';
import { HASH_LABEL } from '../../src/compose/service-hash.ts';
import { validateCompose } from '../../src/compose/validate.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { memberOf, parseYaml } from '../../src/lib/yaml.ts';
import { requireProgram } from '../support/programs.ts';

const hasCompose = requireProgram('docker-compose');
const PIN = `docker.io/library/nginx@${digestOf('nginx')}`;
const HEAD = "version: '3.7'\nservices:\n";

const SHAPES: readonly [name: string, text: string][] = [
  ['block', `${HEAD}  web:\n    image: nginx # c\n    build: .\n    ports: ["80:80"]\n`],
  ['block without a last line break', `${HEAD}  web:\n    image: nginx`],
  ['flow', `${HEAD}  web: {image: nginx, build: {context: .}}\n`],
  ['flow over lines', `${HEAD}  web: {\n    image: nginx, # c\n    build: .,\n  }\n`],
  ['one line', "{version: '3.7', services: {web: {image: 'nginx'}, db: {image: x, labels: []}}}"],
  ['folded image', `${HEAD}  web:\n    image: >-\n      nginx\n    tty: true\n`],
  ['label map', `${HEAD}  web:\n    image: nginx\n    labels:\n      # c\n      a: b\n`],
  ['label list', `${HEAD}  web:\n    image: nginx\n    labels:\n    - a=b\n`],
  ['flow label list', `${HEAD}  web:\n    image: nginx\n    labels: [ a=b, c=d ]\n`],
  ['shared labels', `${HEAD}  web: {image: nginx, labels: &l {a: b, k: 1}}\n  db: {image: x, labels: *l}\n`],
  [
    'merge key',
    `version: '3.7'\nx-t: &t\n  image: nginx\n  build: .\n  labels: [a=b]\nservices:\n  web:\n    <<: *t\n    tty: true\n  db: *t\n`,
  ],
  ['explicit keys', `${HEAD}  ? web\n  : image: nginx\n    ? build\n    : .\n    tty: true\n`],
  ['CRLF', `${HEAD}  web:\n    image: nginx\n    build:\n      context: .\n    tty: true\n`.replaceAll('\n', '\r\n')],
  ['block scalar at the end', `${HEAD}  web:\n    image: nginx\n    command: |\n      last`],
];

const REFUSED: readonly [name: string, body: string][] = [
  ['neither image nor build', 'a: {tty: true}'],
  ['unknown key', 'a: {image: x, foo: 1}'],
  ['plain no', 'a: {image: x, restart: no}'],
  ['boolean in environment', 'a: {image: x, environment: {A: yes}}'],
  ['port range', 'a: {image: x, ports: ["80-82:90-91"]}'],
  ['port with an empty variable', 'a: {image: x, ports: ["${P_UNSET}:80"]}'],
  ['undefined volume', 'a: {image: x, volumes: ["w:/w"]}'],
  ['two mounts at one place', 'a: {image: x, volumes: ["./a:/x", "./b:/x/"]}'],
  ['undefined dependency', 'a: {image: x, depends_on: [b]}'],
  ['cycle', 'a: {image: x, depends_on: [b]}\n  b: {image: x, links: [a]}'],
  ['duration', 'a: {image: x, healthcheck: {test: ls, interval: 1d}}'],
  ['cast', 'a: {image: x, deploy: {replicas: "${N_UNSET-2.0}"}}'],
  ['bad expression', 'a: {image: x, user: "${a.b}"}'],
  ['date', 'a: {image: x, environment: {D: 2020-01-01}}'],
  ['second document', 'a: {image: x}\n---\n'],
];

const TAKEN: readonly [name: string, body: string][] = [
  [
    'ports',
    'a: {image: x, ports: [80, "80:81/udp", "127.0.0.1:1:1", "5-6:5-6", {target: 8, published: "${P_UNSET-9}"}]}',
  ],
  ['volumes', 'a: {image: x, volumes: ["./a:/a:ro", "/b:/b", "~/c:/c", "/d", {type: bind, source: ./e, target: /e}]}'],
  [
    'healthcheck',
    'a: {image: x, healthcheck: {test: [CMD, ls], interval: 1m30s, timeout: 1.5s, retries: "${R_UNSET-3}"}}',
  ],
  ['deploy', 'a: {image: x, deploy: {replicas: "${N_UNSET-2}", resources: {limits: {cpus: "0.5", memory: 1g}}}}'],
  [
    'texts',
    'a: {image: x, environment: [A, B=1], labels: {a: 1, b: }, command: "ls $$HOME", restart: "no", x-note: {a: [1]}}',
  ],
];

describe.skipIf(!hasCompose)(
  hasCompose ? 'compose files and docker-compose' : 'compose files: SKIPPED, docker-compose is not installed',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'rebundle-compose-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const config = (text: string): { status: number | null; stdout: string; stderr: string } => {
      const path = join(folder, 'docker-compose.yml');
      writeFileSync(path, text);
      expect(existsSync(path)).toBe(true);
      return spawnSync('docker-compose', ['-f', path, 'config'], { cwd: folder, encoding: 'utf8' });
    };
    const isValid = (text: string): boolean => {
      const file = readComposeFile({ text, path: 'c.yml', line: 1 });
      return validateCompose(file).every(({ severity }) => severity !== 'error');
    };

    test.each(SHAPES)('a pinned file is taken with image and label: %s', (_, text) => {
      const file = readComposeFile({ text, path: 'c.yml', line: 1 });
      const images = new Map(file.services.map(({ name }) => [name, PIN]));
      const pinned = pinCompose({ file, images, fileDigests: new Map(), pins: [{ reference: 'nginx', pinned: PIN }] });
      const { status, stdout, stderr } = config(pinned.text);
      expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
      const services = memberOf(parseYaml({ text: stdout, path: 'config', line: 1 }).root, 'services');
      for (const { name } of file.services) {
        const service = memberOf(services, name);
        expect(memberOf(service, 'image')).toMatchObject({ value: PIN });
        expect(memberOf(memberOf(service, 'labels'), HASH_LABEL)).toMatchObject({
          value: expect.stringMatching(/^[0-9a-f]{64}$/),
        });
        expect(memberOf(service, 'build')).toBeUndefined();
      }
    });

    test.each(REFUSED)('both refuse: %s', (_, body) => {
      const text = `${HEAD}  ${body}\n`;
      expect([config(text).status === 0, isValid(text)]).toEqual([false, false]);
    });

    test.each(TAKEN)('both take: %s', (_, body) => {
      const text = `${HEAD}  ${body}\n`;
      expect([config(text).status === 0, isValid(text)]).toEqual([true, true]);
    });
  },
);
