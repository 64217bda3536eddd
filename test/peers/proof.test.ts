import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findDifferences, PEERS } from '../support/peer-models.ts';

/** Every form that a value of a service has, with variables where they are. */
const SHAPES: readonly (readonly [name: string, body: string])[] = [
  ['ports', 'ports: [80, "81:82", "127.0.0.1:83:83/udp", "90-92:90-92", "93-94:95", "${P-96}:97", "98/udp"]'],
  ['long ports', 'ports: [{target: 80, published: 81, protocol: udp, mode: host}, {target: "${P-82}"}]'],
  ['volumes', 'volumes: ["./x:/x:ro", "/y:/y", "/z", "./w:/w/", "./v/../u:/u:rw"]'],
  ['long volumes', 'volumes: [{type: bind, source: ./x, target: /x, read_only: true}, {type: tmpfs, target: /t}]'],
  ['command text', 'command: sh -c "echo ${X-a b} $$HOME" \'c d\''],
  ['command list', 'command: [sh, -c, "${X-a}"]\n    entrypoint: []'],
  ['environment list', 'environment: [A, B=, "C=x=y", "D=${X-d}"]'],
  ['environment map', 'environment: {A: , B: "", C: 1, D: "${X-d}"}'],
  ['labels', 'labels: {a: "1", b: "", c: "${X-c}"}'],
  ['label list', 'labels: [a=1, "b=", "c=${X-c}"]'],
  ['healthcheck', 'healthcheck: {test: curl x, interval: 1m30s, timeout: 1500ms, retries: "${N-3}"}'],
  ['healthcheck list', 'healthcheck: {test: [CMD, curl], start_period: 10s}'],
  ['deploy', 'deploy: {replicas: "${N-2}", labels: [a=b], resources: {limits: {memory: 50M, cpus: "0.50"}}}'],
  ['update', 'deploy: {update_config: {parallelism: 2, delay: 10s, max_failure_ratio: 0.3}}'],
  ['ulimits', 'ulimits: {nproc: "${N-65535}", nofile: {soft: 1, hard: 2}}'],
  ['logging', 'logging: {driver: json-file, options: {max-size: "${X-1m}", max-file: "3"}}'],
  ['flags', 'privileged: "${B-true}"\n    tty: true\n    read_only: false\n    stdin_open: true'],
  ['lists', 'cap_add: [A, B]\n    devices: ["/dev/a:/dev/b"]\n    dns: 1.1.1.1\n    tmpfs: [/a, /b]'],
  ['hosts', 'extra_hosts: ["a:1.2.3.4", "b:${X-5.6.7.8}"]'],
  ['sysctls', 'sysctls: {net.core.somaxconn: 1024}\n    shm_size: 64m\n    stop_grace_period: 1m'],
  ['build', 'build: {context: ., args: {A: "1", B: "${X-2}"}}'],
  ['restart', 'restart: "no"\n    user: "1000:1000"\n    hostname: "${X-h}"\n    init: true'],
];

describe.each(PEERS)('our model and that of $name', ({ program, generation }) => {
  const cwd = mkdtempSync(join(tmpdir(), 'rebundle-proof-'));
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));
  // One file: the programs take long to start.
  const services = SHAPES.map(([name, body], i) => `  # ${name}\n  s${i}:\n    image: x\n    ${body}\n`);
  const text = `version: '3.7'\nservices:\n${services.join('')}`;
  const skipped = program === undefined ? ': SKIPPED, the program is not installed' : '';

  test.skipIf(program === undefined).each([
    ['the defaults', {}],
    ['other values', { X: 'Zq7', P: '8099', N: '7', B: 'false' }],
  ])(`are equal for every form of a value, with %s${skipped}`, async (_, environment) => {
    const peer = { program: program ?? '', generation, cwd };
    expect(await findDifferences({ ...peer, text, environment })).toEqual({ compared: true, differences: [] });
  });
});
