import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { writeRegistryCompose } from '../../src/compose/registry-compose.ts';
import type { BundleFile } from '../../src/model/app.ts';
import { bundleFile } from '../support/bundle-file.ts';

const IMAGE = `docker.io/library/nginx@sha256:${'1'.repeat(64)}`;

function write(text: string, files: readonly BundleFile[] = [], name = 'web') {
  const file = readComposeFile({ text, path: 'docker-compose.yml', line: 1 }, { origin: 'compose' });
  return writeRegistryCompose({ name, file, files });
}

/** What the written text means to YAML 1.2, and the text. */
async function read(text: string, files: readonly BundleFile[] = [], name = 'web') {
  const made = await write(text, files, name);
  if ('reasons' in made) throw new Error(made.reasons.join('; '));
  return { ...made, value: parse(made.text) };
}

async function reasons(text: string, files: readonly BundleFile[] = []): Promise<readonly string[]> {
  const made = await write(text, files);
  return 'reasons' in made ? made.reasons : [];
}

/** A file with one service; each line is a member of it. */
function service(...lines: string[]): string {
  return `services:\n  a:\n    image: ${IMAGE}\n${lines.map((line) => `    ${line}\n`).join('')}`;
}

const CONF = bundleFile('conf/nginx.conf', 'a $host ${x}\n"q" \t é 🚢\n');
const RUN = bundleFile('run.sh', '#!/bin/sh\n', { executable: true });

describe('the compose file for a registry', () => {
  it('begins with the name of the project', async () => {
    const { text } = await read(service(), [], 'web');
    expect(text.startsWith('name: web\n')).toBe(true);
  });

  it.each([
    ['my.app', 'myapp'],
    ['a_b-c', 'a_b-c'],
    ['1e3', '1e3'],
    ['no', 'no'],
    ['007', '007'],
  ])('names the project of %s as devices do, always as text', async (app, project) => {
    expect((await read(service(), [], app)).value.name).toBe(project);
  });

  it('keeps a name that the file has', async () => {
    expect((await read(`${service()}name: other\n`)).value.name).toBe('other');
  });

  it('means what the file means, without version, anchors and comments', async () => {
    const text = [
      '# first',
      "version: '3.7'",
      'x-env: &env {A: "1", B: 2}',
      'services:',
      '  a: &a',
      `    image: ${IMAGE} # pinned`,
      '    environment: {<<: *env, C: "${C-c}", D: "x$$y"}',
      '    x-own: {k: [1, two]}',
      '    ports: ["80:80"]',
      '    mem_limit: 1e9',
      '    entrypoint: []',
      '    tty: yes',
      '    volumes: [data:/data, "/etc/x:/x:ro"]',
      '  "1": *a',
      'volumes: {data: null}',
      'networks: {n: {name: "n-${N-1}"}}',
      '# pinned a b',
    ].join('\n');
    const { text: written, value } = await read(text);
    const a = {
      image: IMAGE,
      environment: { A: '1', B: 2, C: '${C-c}', D: 'x$$y' },
      'x-own': { k: [1, 'two'] },
      ports: ['80:80'],
      mem_limit: 1e9,
      entrypoint: [],
      tty: 'yes',
      volumes: ['data:/data', '/etc/x:/x:ro'],
    };
    expect(value).toEqual({
      name: 'web',
      'x-env': { A: '1', B: 2 },
      services: { a, 1: a },
      volumes: { data: null },
      networks: { n: { name: 'n-${N-1}' } },
    });
    expect(written).not.toMatch(/#|&|\*|version/);
    // YAML 1.1 readers take a plain yes for a boolean: it stays as it was written.
    expect(written).toContain('tty: yes\n');
  });

  it('reads documents of any shape', async () => {
    const flow = `--- {"services": {"a": {"image": "${IMAGE}"}}}\n...\n`;
    expect((await read(flow)).value).toEqual({ name: 'web', services: { a: { image: IMAGE } } });
    const crlf = (await read(`\ufeff${service('restart: always').replaceAll('\n', '\r\n')}`)).value;
    expect(crlf.services.a).toEqual({ image: IMAGE, restart: 'always' });
  });
});

describe('files that are mounted read-only', () => {
  it('are configs with inline content, executable ones with 0555', async () => {
    const { value, text } = await read(
      service(
        'volumes:',
        '  - ./conf/nginx.conf:/etc/nginx/nginx.conf:ro',
        '  - data:/data',
        '  - {type: bind, source: run.sh, target: /run.sh, read_only: true}',
        '  - ./conf/../conf/nginx.conf:/copy:ro,z',
      ),
      [CONF, RUN],
    );
    expect(value.services.a).toEqual({
      image: IMAGE,
      volumes: ['data:/data'],
      configs: [
        { source: 'file-1', target: '/etc/nginx/nginx.conf', mode: 444 },
        { source: 'file-2', target: '/run.sh', mode: 555 },
        { source: 'file-1', target: '/copy', mode: 444 },
      ],
    });
    // Octal to compose, which reads YAML as Go does.
    expect(text).toMatch(/mode: 0444[,}]/);
    expect(value.configs).toEqual({
      'file-1': { content: 'a $$host $${x}\n"q" \t é 🚢\n' },
      'file-2': { content: '#!/bin/sh\n' },
    });
  });

  it('leave no empty list behind, and join the configs that there are', async () => {
    const text = `${service('volumes: ["./run.sh:/run.sh:ro"]', 'configs: [own]')}configs: {own: {external: true}, file-1: {external: true}}\n`;
    const { value } = await read(text, [RUN]);
    expect(value.services.a).toEqual({
      image: IMAGE,
      configs: ['own', { source: 'file-2', target: '/run.sh', mode: 555 }],
    });
    expect(Object.keys(value.configs)).toEqual(['own', 'file-1', 'file-2']);
  });

  it('are shared by services whose definitions are', async () => {
    const text = `services:\n  a: &a\n    image: ${IMAGE}\n    volumes: ["./run.sh:/run.sh:ro"]\n  b: *a\n  c:\n    <<: *a\n    tty: true\n`;
    const { value } = await read(text, [RUN]);
    for (const name of ['a', 'b', 'c']) expect(value.services[name].configs).toHaveLength(1);
    expect(Object.keys(value.configs)).toEqual(['file-1']);
  });

  it('may be configs with a file already', async () => {
    const text = `${service('configs: [c, {source: d, target: /etc/d, mode: 0400}, e]')}configs:\n  c: {file: ./run.sh}\n  d: {file: run.sh, name: x}\n  e: {file: conf/nginx.conf}\n`;
    const { value } = await read(text, [RUN, CONF]);
    expect(value.services.a.configs).toEqual([
      { source: 'c', mode: 555 },
      { source: 'd', target: '/etc/d', mode: 400 },
      'e',
    ]);
    expect(value.configs.c).toEqual({ content: '#!/bin/sh\n' });
    expect(value.configs.d).toEqual({ name: 'x', content: '#!/bin/sh\n' });
  });
});

describe('environment files', () => {
  const env = (path: string, text = 'A=1\n') => bundleFile(path, text);

  it('come along under plain names', async () => {
    const list = service(
      'env_file:',
      '  - ./conf/b.env',
      '  - {path: a.env, required: false, format: raw}',
      '  - /etc/host.env',
    );
    const { value, envFiles } = await read(list, [env('a.env', 'A=a\n'), env('conf/b.env', 'B=b\n')]);
    expect(value.services.a.env_file).toEqual([
      '2.env',
      { required: false, format: 'raw', path: '1.env' },
      '/etc/host.env',
    ]);
    expect(envFiles.map(({ name, bytes }) => [name, Buffer.from(bytes).toString()])).toEqual([
      ['1.env', 'A=a\n'],
      ['2.env', 'B=b\n'],
    ]);
    expect((await read(service('env_file: a.env'), [env('a.env')])).value.services.a.env_file).toBe('1.env');
  });

  it('that are not required need not be there', async () => {
    const text = service('env_file: [{path: gone.env, required: false}]');
    expect((await read(text)).value.services.a.env_file).toEqual([{ path: 'gone.env', required: false }]);
  });
});

describe('an app has no such file where', () => {
  const conf = './conf/nginx.conf:/etc/nginx/nginx.conf';
  it.each<[string, string, RegExp]>([
    ['a mount is writable', service(`volumes: ["${conf}"]`), /mounts "conf\/nginx.conf" writable; add :ro/],
    ['a mount says rw', service(`volumes: ["${conf}:rw"]`), /writable/],
    ['a long mount is writable', service('volumes: [{type: bind, source: ./run.sh, target: /x}]'), /writable/],
    [
      'a folder is mounted',
      service('volumes: ["./conf:/etc/nginx:ro"]'),
      /mounts "conf", which is no file of the bundle/,
    ],
    ['a data folder is made on the device', service('volumes: ["./data:/data"]'), /mounts "data", which is no file/],
    ['a variable decides the source', service('volumes: ["./${F-run.sh}:/x:ro"]'), /variable/],
    ['a variable decides the mode', service('volumes: ["./run.sh:/x:${M-ro}"]'), /variable/],
    ['the root is read-only', service(`volumes: ["${conf}:ro"]`, 'read_only: true'), /read-only root/],
    [
      'a variable makes the root read-only',
      service(`volumes: ["${conf}:ro"]`, 'read_only: "${R-false}"'),
      /read-only root/,
    ],
    ['a volume lies above', service(`volumes: ["${conf}:ro", "etc:/etc/nginx/"]`), /below its mount "\/etc\/nginx"/],
    ['a bind mount lies above', service(`volumes: ["${conf}:ro", "/srv:/etc"]`), /below its mount "\/etc"/],
    ['an anonymous volume lies above', service(`volumes: ["${conf}:ro", "/etc"]`), /below its mount "\/etc"/],
    ['a tmpfs lies above', service(`volumes: ["${conf}:ro"]`, 'tmpfs: "/etc:size=1m"'), /below its mount "\/etc"/],
    ['the engine mounts above', service('volumes: ["./run.sh:/proc/x:ro"]'), /below its mount "\/proc"/],
    ['other volumes are taken', service(`volumes: ["${conf}:ro"]`, 'volumes_from: [b]'), /volumes of another/],
    [
      'a config target lies under a mount',
      `${service('configs: [{source: c, target: /data/c}]', 'volumes: ["d:/data"]')}configs: {c: {file: run.sh}}\n`,
      /below its mount "\/data"/,
    ],
    ['a config file is not there', `${service()}configs: {c: {file: gone}}\n`, /config "c" reads "gone"/],
    ['a secret is a file', `${service('secrets: [s]')}secrets: {s: {file: run.sh}}\n`, /secret "run.sh"/],
    ['a seccomp profile is a file', service('security_opt: ["seccomp:run.sh"]'), /seccomp "run.sh"/],
    ['labels are in a file', service('label_file: run.sh'), /label_file "run.sh"/],
    ['a service extends another file', service('extends: {file: run.sh, service: b}'), /extends "run.sh"/],
    ['an environment file is missing', service('env_file: gone.env'), /reads "gone.env"/],
    ['a variable names an environment file', service('env_file: "${E-run.sh}"'), /variable/],
  ])('%s', async (_what, text, reason) => {
    const found = await reasons(text, [CONF, RUN]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(reason);
  });

  it.each<[string, Uint8Array | string, RegExp]>([
    ['is empty', '', /"f" is empty/],
    ['is not UTF-8', Buffer.from([0x66, 0xff]), /"f" is not UTF-8 text/],
    ['has carriage returns', 'a\r\nb', /"f" has carriage returns/],
    ['has NUL', 'a\0b', /"f" has NUL characters/],
    ['is large', 'x'.repeat(1024 * 1024 + 1), /larger than 1048576 bytes/],
  ])('a mounted file %s', async (_what, content, reason) => {
    const found = await reasons(service('volumes: ["./f:/f:ro"]'), [bundleFile('f', content)]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(reason);
  });

  it('and tells every reason', async () => {
    const text = service('volumes: ["./run.sh:/x", "./conf:/y:ro"]', 'env_file: gone.env');
    expect(await reasons(text, [CONF, RUN])).toHaveLength(3);
  });
});

it('gives any text file back as it is', async () => {
  const content = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[\r\0]|\p{Cs}/u.test(text));
  await fc.assert(
    fc.asyncProperty(content, async (text) => {
      const { value } = await read(service('volumes: ["./f:/f:ro"]'), [bundleFile('f', text)]);
      expect(value.configs['file-1'].content.replaceAll('$$', '$')).toBe(text);
    }),
  );
});
