import { describe, expect, test } from 'vitest';
import { type Credential, createCredentialStore, type HelperAnswer } from '../../src/registry/credentials.ts';

const auth = (text: string): string => Buffer.from(text).toString('base64');

type Texts = readonly (readonly [string, unknown])[];

function find(
  texts: Texts,
  host: string,
  repository?: string,
  helpers: Readonly<Record<string, HelperAnswer | undefined | Error>> = {},
) {
  const runs: string[] = [];
  const store = createCredentialStore({
    texts: texts.map(([name, content]) => ({
      name,
      text: typeof content === 'string' ? content : JSON.stringify(content),
    })),
    runHelper: async (helper, server) => {
      runs.push(`${helper} ${server}`);
      const answer = helpers[helper];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { found: store.find(host, repository), runs, store };
}

const userOf = (credential: Credential | undefined): string | undefined =>
  credential === undefined ? undefined : credential.kind === 'bearer' ? credential.token : credential.username;

describe('entries of auths', () => {
  test.each<[string, unknown, unknown]>([
    ['auth', { auth: auth('joe:pass:word') }, { kind: 'basic', username: 'joe', password: 'pass:word' }],
    ['auth padded with NUL', { auth: auth('joe:secret\0\0') }, { kind: 'basic', username: 'joe', password: 'secret' }],
    ['username and password', { username: 'joe', password: 'x' }, { kind: 'basic', username: 'joe', password: 'x' }],
    [
      'auth wins over username',
      { auth: auth('joe:a'), username: 'eve', password: 'b' },
      { kind: 'basic', username: 'joe', password: 'a' },
    ],
    ['identitytoken', { auth: auth('joe:'), identitytoken: 't' }, { kind: 'identity', username: 'joe', token: 't' }],
    ['identitytoken alone', { identitytoken: 't' }, { kind: 'identity', username: '<token>', token: 't' }],
    ['the user <token>', { auth: auth('<token>:t') }, { kind: 'identity', username: '<token>', token: 't' }],
    ['registrytoken', { registrytoken: 't' }, { kind: 'bearer', token: 't' }],
    ['an empty entry', {}, undefined],
    ['a name without a secret', { username: 'joe' }, undefined],
    ['null', null, undefined],
  ])('%s', async (_name, entry, expected) => {
    const { found } = find([['config.json', { auths: { 'a.example': entry } }]], 'a.example');
    const source = 'config.json, key a.example';
    expect(await found).toEqual(expected === undefined ? undefined : { ...(expected as object), source });
  });

  test.each<[string, unknown]>([
    ['auth without a colon', { auth: auth('joe') }],
    ['auth that is no base64', { auth: 'joe:secret' }],
    ['a registrytoken with a line end', { registrytoken: 'a\nb' }],
  ])('%s is REGISTRY_AUTH without the secret', async (_name, entry) => {
    const error = await find([['config.json', { auths: { 'a.example': entry } }]], 'a.example').found.catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.stringContaining('config.json, key a.example'),
    });
    expect(String(error)).not.toMatch(/secret|joe/);
  });
});

describe('keys', () => {
  const keyed = async (keys: readonly string[], host: string, repository?: string) => {
    const auths = Object.fromEntries(keys.map((key) => [key, { username: key, password: 'x' }]));
    return userOf(await find([['f', { auths }]], host, repository).found);
  };

  test.each<[string, string[], string, string | undefined, string | undefined]>([
    ['a host', ['a.example'], 'a.example', undefined, 'a.example'],
    ['a URL', ['https://a.example/v1/'], 'a.example', undefined, 'https://a.example/v1/'],
    ['a URL with a path of an API', ['https://a.example/v2'], 'a.example', 'x', 'https://a.example/v2'],
    ['never a part of a host', ['a.example', 'evil-a.example', 'a.example.evil'], 'x.a.example', undefined, undefined],
    ['never a host that only begins so', ['a.example.evil', 'a.exampl'], 'a.example', undefined, undefined],
    ['the port counts', ['a.example:5000'], 'a.example', undefined, undefined],
    ['and is found', ['a.example:5000'], 'a.example:5000', undefined, 'a.example:5000'],
    ['that of https may be left out', ['a.example:443'], 'a.example', undefined, 'a.example:443'],
    ['a path', ['a.example/factory'], 'a.example', 'factory/app', 'a.example/factory'],
    ['not for another path', ['a.example/factory'], 'a.example', 'factory-two/app', undefined],
    ['not for the host alone', ['a.example/factory'], 'a.example', undefined, undefined],
    ['the longest path', ['a.example', 'a.example/f', 'a.example/f/app'], 'a.example', 'f/app', 'a.example/f/app'],
    ['or the host', ['a.example', 'a.example/f/app'], 'a.example', 'f/other', 'a.example'],
    [
      'Docker Hub under its odd key',
      ['https://index.docker.io/v1/'],
      'registry-1.docker.io',
      'library/nginx',
      'https://index.docker.io/v1/',
    ],
    ['Docker Hub as podman writes it', ['docker.io'], 'docker.io', 'library/nginx', 'docker.io'],
    ['upper case', ['A.Example'], 'a.example', undefined, 'A.Example'],
  ])('%s', async (_name, keys, host, repository, expected) => {
    expect(await keyed(keys, host, repository)).toBe(expected);
  });
});

describe('helpers', () => {
  const JOE = { username: 'joe', secret: 's' };

  test('the one of a host wins over that of all, and that over the file', async () => {
    const config = {
      auths: { 'a.example': { auth: auth('file:x') } },
      credHelpers: { 'a.example': 'one' },
      credsStore: 'all',
    };
    const first = find([['f', config]], 'a.example', undefined, { one: JOE, all: { username: 'eve', secret: 's' } });
    expect(await first.found).toEqual({
      kind: 'basic',
      username: 'joe',
      password: 's',
      source: 'docker-credential-one (f)',
    });
    expect(first.runs).toEqual(['one a.example']);
    const second = find([['f', config]], 'a.example', undefined, { all: JOE });
    expect(userOf(await second.found)).toBe('joe');
    expect(second.runs).toEqual(['one a.example', 'all a.example']);
    expect(userOf(await find([['f', config]], 'a.example').found)).toBe('file');
  });

  test('are asked for Docker Hub by its odd key, and once', async () => {
    const { found, runs, store } = find([['f', { credsStore: 'all' }]], 'registry-1.docker.io', 'library/nginx', {
      all: JOE,
    });
    await found;
    await store.find('docker.io', 'library/redis');
    expect(runs).toEqual(['all https://index.docker.io/v1/']);
  });

  test('give identity tokens under the user <token>', async () => {
    const { found } = find([['f', { credsStore: 'all' }]], 'a.example', undefined, {
      all: { username: '<token>', secret: 't' },
    });
    expect(await found).toMatchObject({ kind: 'identity', token: 't' });
  });

  test('that fail are an error, not anonymous', async () => {
    const { found } = find(
      [
        ['f', { credsStore: 'all' }],
        ['g', { auths: { 'a.example': { auth: auth('g:x') } } }],
      ],
      'a.example',
      undefined,
      { all: new Error('broken') },
    );
    await expect(found).rejects.toThrow('broken');
  });
});

describe('several files', () => {
  test('the first that knows the host wins', async () => {
    const texts: Texts = [
      ['one', { auths: { 'a.example': {} } }],
      ['two', { auths: { 'a.example': { auth: auth('two:x') } } }],
      ['three', { auths: { 'a.example': { auth: auth('three:x') } } }],
    ];
    expect(await find(texts, 'a.example').found).toMatchObject({ username: 'two', source: 'two, key a.example' });
    expect(await find(texts, 'b.example').found).toBeUndefined();
  });

  test.each<[string, string]>([
    ['no JSON', '{"auths": {"a": {"auth": "planted-secret"'],
    ['a list', '[]'],
    ['auths that are a text', '{"auths": "planted-secret"}'],
  ])('%s is REGISTRY_AUTH and names the file, not its content', async (_name, text) => {
    const error = await find([['~/config.json', text]], 'a.example').found.catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'REGISTRY_AUTH', message: expect.stringContaining('~/config.json') });
    expect(JSON.stringify([String(error), (error as Error).cause])).not.toContain('planted');
  });

  test('a byte order mark, null members and __proto__ are no trouble', async () => {
    const text = '\ufeff{"auths": null, "credHelpers": {"__proto__": "x", "b": 3}, "credsStore": ""}';
    expect(await find([['f', text]], 'a.example').found).toBeUndefined();
  });
});
