import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { validateSpec } from '../../src/compose/spec-validate.ts';

const script = new URL('../../scripts/compile-schema.mjs', import.meta.url).href;
const { compileSchema, withoutProse } = (await import(script)) as {
  compileSchema(schema: string): string;
  withoutProse(value: unknown, isNames: boolean): unknown;
};
const HEAD = "version: '3.7'\nservices:\n  a:\n    image: x\n";

async function check(text: string): Promise<string[]> {
  const file = readComposeFile({ text, path: 'web.dockerapp', line: 1 }, { origin: 'compose' });
  return (await validateSpec(file, 'warning')).map(
    ({ code, message, location }) => `${location?.line}:${location?.column} ${code} ${message}`,
  );
}

describe('the schema', () => {
  it('is that of schemas/compose-spec.json', () => {
    const root = join(import.meta.dirname, '../..');
    const module = readFileSync(join(root, 'src/compose/spec-validator.ts'), 'utf8');
    expect(module).toBe(compileSchema(readFileSync(join(root, 'schemas/compose-spec.json'), 'utf8')));
  });

  it('keeps the keys of services that are named like prose', () => {
    const schema = { properties: { title: { type: 'string', title: 'x' } }, default: 1 };
    expect(withoutProse(schema, false)).toEqual({ properties: { title: { type: 'string' } } });
  });
});

describe('the Docker Compose of today', () => {
  it.each([
    [
      'an unknown key',
      '    foo: 1\n',
      '5:5 spec.unknown-key Docker Compose of today refuses services.a.foo: is not known',
    ],
    [
      'a wrong type',
      '    user: 1000\n',
      '5:11 spec.type Docker Compose of today refuses services.a.user: must be text',
    ],
    [
      'a value that has none of several shapes',
      '    labels: 3\n',
      '5:13 spec.type Docker Compose of today refuses services.a.labels: must be a list or a mapping',
    ],
    [
      'what is wrong inside the shape that was meant',
      '    command: [a, 1]\n',
      '5:18 spec.type Docker Compose of today refuses services.a.command.1: must be text',
    ],
    [
      'an unknown key of one of several shapes',
      '    ports:\n      - target: 80\n        publish: 80\n',
      '7:9 spec.unknown-key Docker Compose of today refuses services.a.ports.0.publish: is not known',
    ],
    [
      'a key that is missing',
      '    ulimits: {nofile: {soft: 1}}\n',
      '5:23 spec.missing-key Docker Compose of today refuses services.a.ulimits.nofile: lacks hard',
    ],
    [
      'a value',
      '    pull_policy: alwys\n',
      '5:18 spec.value Docker Compose of today refuses services.a.pull_policy: must match pattern "always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+"',
    ],
    [
      'a cast',
      '    init: "${I-maybe}"\n',
      "5:11 spec.cast Docker Compose of today refuses services.a.init: 'maybe' cannot be read as bool",
    ],
    [
      'a text under x-* that it interpolates too',
      'x-note: "${a.b}"\n',
      `5:9 spec.interpolation Docker Compose of today refuses x-note: compose cannot interpolate "\${a.b}": 'a' is not followed by '}' or an operator`,
    ],
    [
      'a key that is no text',
      '    labels: {0x1F: a}\n',
      '5:14 spec.key Docker Compose of today refuses services.a.labels.31: a key must be a text',
    ],
    [
      'a number that JSON lacks',
      '    environment: {A: .nan}\n',
      "5:22 spec.value Docker Compose of today refuses services.a.environment.A: '.nan' is no number that can be used here",
    ],
    [
      'one name for two containers',
      '    container_name: web\n    deploy: {replicas: "${N-2}"}\n',
      '5:21 spec.conflict Docker Compose of today refuses services.a.container_name: a name for one container, and deploy.replicas asks for 2',
    ],
    [
      'two mounts at one place',
      '    tmpfs: /run\n    volumes: ["/a:/run"]\n',
      '6:15 spec.conflict Docker Compose of today refuses services.a.volumes.0: /run is a tmpfs already',
    ],
    [
      'a secret without content',
      'secrets: {s: {}}\n',
      '5:14 spec.conflict Docker Compose of today refuses secrets.s: one of file, environment has to be there',
    ],
  ])('refuses %s', async (_what, body, expected) => {
    expect(await check(HEAD + body)).toEqual([expected]);
  });

  it('takes what follows from casts, aliases and merge keys', async () => {
    const text = `version: '3.7'
x-base: &base {image: x, init: "\${I-true}", ulimits: {nproc: "3"}}
services:
  a: {<<: *base, deploy: {replicas: "\${N-2}"}, ports: [{target: "\${P-80}", published: 80}]}
  b: *base
`;
    expect(await check(text)).toEqual([]);
  });

  it('lets lists with copies pass, which it drops itself', async () => {
    expect(await check(`${HEAD}    environment: [A=1, A=1]\n    dns: [8.8.8.8, 8.8.8.8]\n`)).toEqual([]);
  });

  it('tells at most 100 things, in the order of the text, and takes names of the language as names', async () => {
    const keys = Array.from({ length: 300 }, (_, i) => `    k${i}: 1\n`).join('');
    const found = await check(HEAD + keys);
    expect(found).toHaveLength(100);
    expect(found[0]).toMatch(/^5:5 /);
    expect(await check(`${HEAD}    __proto__: {a: 1}\n    constructor: 1\n`)).toEqual([
      '5:5 spec.unknown-key Docker Compose of today refuses services.a.__proto__: is not known',
      '6:5 spec.unknown-key Docker Compose of today refuses services.a.constructor: is not known',
    ]);
  });

  it('refuses an alias bomb', async () => {
    const lines = ['x-0: &a0 [aaaaaaaaaa]'];
    for (let i = 1; i < 6; i++)
      lines.push(`x-${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')}]`);
    const text = `version: '3.7'\n${lines.join('\n')}\nservices: {a: {image: x}}\n`;
    await expect(check(text)).resolves.toEqual([]);
    const bomb = text.replace('aaaaaaaaaa', 'a'.repeat(100_000));
    await expect(check(bomb)).rejects.toMatchObject({ code: 'YAML_LIMIT' });
  });
});
