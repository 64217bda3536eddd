import { describe, expect, test } from 'vitest';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { listFileReferences } from '../../src/compose/file-references.ts';

const list = (text: string) =>
  listFileReferences(readComposeFile({ text, path: 'c.yml', line: 1 }, { origin: 'compose' }));
const volumes = (...items: string[]) =>
  list(`services:\n  a:\n    image: x\n    volumes:\n${items.map((item) => `      - ${item}\n`).join('')}`);

describe('listFileReferences', () => {
  test.each([
    ['./nginx.conf:/etc/nginx.conf:ro', 'nginx.conf'],
    ['./conf.d/:/etc/conf.d', 'conf.d'],
    ['.:/app', '.'],
    ['../shared/x:/x', '../shared/x'],
    ['./a/../b:/b', 'b'],
    ['.env.d:/x', '.env.d'],
    ['"${DIR-./site}/index.html:/i"', 'site/index.html'],
    ['{type: bind, source: ./x, target: /x}', 'x'],
    ['{type: bind, source: x/y, target: /x}', 'x/y'],
    ['{type: bind, source: "${S-./deep}", target: /x}', 'deep'],
  ])('the mount %s names %s', (item, path) => {
    expect(volumes(item)).toEqual([
      { kind: 'bind', services: ['a'], path, required: false, location: expect.objectContaining({ line: 5 }) },
    ]);
  });

  test.each([
    'data:/data',
    '/var/run/docker.sock:/var/run/docker.sock',
    '~/x:/x',
    '/anonymous',
    './anonymous',
    'C:\\data:/data',
    'v:/v',
    '"${DIR}/x:/x"',
    '"${a.b}:/x"',
    '{type: bind, source: /etc, target: /x}',
    '{type: bind, source: ~/x, target: /x}',
    '{type: volume, source: data, target: /x}',
    '{type: tmpfs, target: /x}',
    '{type: bind, target: /x}',
  ])('the mount %s names no file', (item) => {
    expect(volumes(item)).toEqual([]);
  });

  test('env_file in its forms', () => {
    const text = `services:
  a: {image: x, env_file: ./a.env}
  b: {image: x, env_file: [a.env, "\${E-b.env}", /etc/env]}
  c:
    image: x
    env_file:
      - path: c.env
        required: false
      - path: ./a.env
`;
    expect(list(text).map(({ kind, path, services, required }) => [kind, path, services, required])).toEqual([
      ['env_file', 'a.env', ['a', 'b', 'c'], true],
      ['env_file', 'b.env', ['b'], true],
      ['env_file', 'c.env', ['c'], false],
    ]);
  });

  test('configs and secrets with the services that use them, in both forms', () => {
    const text = `version: '3.7'
services:
  a: {image: x, configs: [site], secrets: [{source: key, target: k}]}
  b: {image: x, configs: [{source: site}]}
configs:
  site: {file: ./site.conf}
  unused: {file: other.conf}
  elsewhere: {external: true}
secrets:
  key: {file: "\${KEY-./key.pem}"}
  abs: {file: /run/key}
`;
    expect(list(text).map(({ kind, path, services, required }) => [kind, path, services, required])).toEqual([
      ['config', 'site.conf', ['a', 'b'], true],
      ['config', 'other.conf', [], true],
      ['secret', 'key.pem', ['a'], true],
    ]);
  });

  test('mounts behind aliases and merge keys belong to each service', () => {
    const text = `x-base: &base
  image: x
  volumes: &v ['./one:/one']
services:
  a: {<<: *base}
  b: {image: y, volumes: *v}
`;
    expect(list(text)).toEqual([
      {
        kind: 'bind',
        services: ['a', 'b'],
        path: 'one',
        required: false,
        location: { path: 'c.yml', line: 3, column: 16 },
      },
    ]);
  });

  test('the file of extends is named', () => {
    expect(list('services: {a: {extends: {file: base.yml, service: b}}}')).toMatchObject([
      { kind: 'extends', path: 'base.yml', required: true },
    ]);
  });

  test('seccomp profiles that are files are named, in either spelling', () => {
    const options = [
      'seccomp:./p.json',
      'seccomp=q.json',
      'seccomp:unconfined',
      'seccomp=builtin',
      'label:x',
      'no-new-privileges:true',
    ];
    expect(list(`services: {a: {security_opt: ${JSON.stringify(options)}}}`)).toMatchObject([
      { kind: 'seccomp', services: ['a'], path: 'p.json', required: true },
      { kind: 'seccomp', services: ['a'], path: 'q.json', required: true },
    ]);
  });

  test('label files are named', () => {
    expect(list('services: {a: {label_file: [one.labels, ./two]}, b: {label_file: one.labels}}')).toMatchObject([
      { kind: 'label_file', services: ['a', 'b'], path: 'one.labels', required: true },
      { kind: 'label_file', services: ['a'], path: 'two', required: true },
    ]);
  });
});
