import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openCredentials, readCredentialPlaces } from '../../src/cli/credential-files.ts';
import { createHelperRunner } from '../../src/cli/credential-helper.ts';
import type { CliEnvironment } from '../../src/cli/environment.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rebundle-helper-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const script = async (name: string, text: string): Promise<void> => {
  const path = join(folder, `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
};

function run(name: string, options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {}) {
  const env = { PATH: `${folder}:${process.env.PATH}`, FOLDER: folder };
  const signal = options.signal ?? new AbortController().signal;
  return createHelperRunner({ env, signal }, options.timeoutMs)(name, 'registry.example');
}

describe('a credential helper', () => {
  test('gets the server on standard input and answers with JSON', async () => {
    await script(
      'good',
      'test "$1" = get && read -r server && echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"joe of $server\\",\\"Secret\\":\\"s\\"}"',
    );
    expect(await run('good')).toEqual({ username: 'joe of registry.example', secret: 's' });
  });

  test('may know nothing of the server', async () => {
    await script('empty', 'echo "credentials not found in native keychain"; exit 1');
    expect(await run('empty')).toBeUndefined();
  });

  test.each<[string, string, RegExp]>([
    ['ends with a failure', 'echo planted-secret; echo planted-secret >&2; exit 3', /ended with status 3/],
    ['answers with something else', 'echo planted-secret', /not the JSON/],
    ['answers with an incomplete object', 'echo "{\\"Username\\":\\"planted-secret\\"}"', /not the JSON/],
    ['prints for ever', 'yes planted-secret', /more than 65536 bytes/],
    ['hangs', 'sleep 60', /longer than 0.5 s/],
    ['hangs with a child that holds its output', 'sleep 60 & sleep 60', /longer than 0.5 s/],
  ])('that %s is an error that shows nothing of it', async (_name, text, message) => {
    await script('bad', text);
    const error = await run('bad', { timeoutMs: 500 }).catch((thrown: unknown) => thrown as Error & { hint: string });
    expect(error).toMatchObject({ code: 'REGISTRY_AUTH', message: expect.stringMatching(message) });
    expect(JSON.stringify([String(error), error])).not.toContain('planted');
  });

  test('that is not there is an error that says so', async () => {
    await expect(run('nowhere')).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.stringContaining('no such program'),
    });
  });

  test.each(['../evil', 'a/b', '', '-x', 'a b', 'a;b', 'a\nb', '.'])('named %j is never started', async (name) => {
    await expect(run(name)).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.stringContaining('not a name'),
    });
  });

  test('stops with the signal', async () => {
    await script('slow', 'echo $$ > "$FOLDER/pid"; exec sleep 60');
    const controller = new AbortController();
    const waiting = run('slow', { signal: controller.signal });
    let pid = '';
    while (pid === '') {
      await new Promise((resolve) => setTimeout(resolve, 10));
      pid = (await readFile(join(folder, 'pid'), 'utf8').catch(() => '')).trim();
    }
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(() => process.kill(Number(pid), 0)).toThrow();
  });
});

describe('the places of credentials', () => {
  const environment = (env: Record<string, string>): CliEnvironment =>
    ({
      env: { HOME: join(folder, 'home'), ...env },
      cwd: folder,
      signal: new AbortController().signal,
    }) as unknown as CliEnvironment;

  test('are looked at in the order that is documented', async () => {
    await writeFile(join(folder, 'named.json'), '{}');
    const places = await readCredentialPlaces(
      environment({
        REGISTRY_AUTH_FILE: 'named.json',
        DOCKER_AUTH_CONFIG: '{"auths":{}}',
        DOCKER_CONFIG: 'docker',
        XDG_RUNTIME_DIR: '/run/user/1',
        XDG_CONFIG_HOME: '/conf',
      }),
    );
    expect(places).toEqual([
      { name: 'named.json', text: '{}' },
      { name: 'DOCKER_AUTH_CONFIG', text: '{"auths":{}}' },
      { name: join(folder, 'docker/config.json') },
      { name: '/run/user/1/containers/auth.json' },
      { name: '/conf/containers/auth.json' },
    ]);
    expect((await readCredentialPlaces(environment({}))).map(({ name }) => name)).toEqual([
      join(folder, 'home/.docker/config.json'),
      join(folder, 'home/.config/containers/auth.json'),
    ]);
  });

  test('REGISTRY_AUTH_FILE that is not there is an error', async () => {
    await expect(readCredentialPlaces(environment({ REGISTRY_AUTH_FILE: 'none.json' }))).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
    });
  });

  test('the text of DOCKER_AUTH_CONFIG is used', async () => {
    const text = JSON.stringify({ auths: { 'a.example': { username: 'joe', password: 'x' } } });
    const found = await openCredentials(environment({ DOCKER_AUTH_CONFIG: text })).find('a.example');
    expect(found).toMatchObject({ username: 'joe', source: 'DOCKER_AUTH_CONFIG, key a.example' });
  });
});
