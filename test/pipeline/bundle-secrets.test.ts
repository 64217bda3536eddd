import { afterEach, beforeEach, expect, test } from 'vitest';
import { planOf, statusesOf, TestFactory } from './factory.ts';
import { pushImage } from './images.ts';

const SECRET = 'x7Hn2pQw9RtY4vBz';
let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps();
  await pushImage(factory.images, 'quay.io/acme/web:v1');
});
afterEach(async () => {
  await factory.close();
});

const packageOf = (compose: string, parameters = ''): string =>
  `version: 1.0.0\nname: vault\n---\nversion: '3.2'\nservices:\n  main:\n    image: quay.io/acme/web:v1\n${compose}---\n${parameters}\n`;

/** Findings about secrets, without their texts. */
async function run(config = '') {
  const outcome = await factory.run({ config });
  const { diagnostics, status, reference } = planOf(outcome, 'vault');
  const secrets = diagnostics.filter(({ code }) => code === 'SECRET_IN_BUNDLE' || code === 'secret.allowed');
  return { outcome, status, reference, secrets };
}

const PARAMETER = packageOf('    environment: { DB_PASSWORD: "${db.password}" }\n', `db: { password: ${SECRET} }`);

test('a secret default of a parameter stops its app before anything is published, told once', async () => {
  await factory.write('repo/vault.dockerapp', PARAMETER);
  const { outcome, status, secrets } = await run();
  expect(status).toBe('failed');
  expect(secrets.map(({ message }) => message)).toEqual([
    "the parameter 'db.password' has a default that looks like a secret, and everyone who may pull the bundle can read it",
  ]);
  expect(outcome.bytesSent).toBe(0);
  expect(JSON.stringify([outcome.plan, outcome.results, factory.events])).not.toContain(SECRET);
});

test.each([
  ['a value of the environment', '    environment: { API_TOKEN: x7Hn2pQw9RtY4vBz }\n', "the variable 'API_TOKEN'"],
  ['an item of the environment', '    environment: ["API_TOKEN=x7Hn2pQw9RtY4vBz"]\n', "the variable 'API_TOKEN'"],
  ['a URL', '    command: ["--broker", "amqp://s:x7Hn2pQw9RtY4vBz@b/"]\n', 'has a URL with a password'],
  ['a token', `    labels: { t: ghp_${'a1B2'.repeat(9)} }\n`, 'has a token of GitHub'],
])('%s is found', async (_what, compose, text) => {
  await factory.write('repo/vault.dockerapp', packageOf(compose));
  const { status, secrets } = await run();
  expect(status).toBe('failed');
  expect(secrets).toHaveLength(1);
  expect(secrets[0]?.message).toContain(text);
});

test.each([
  ['vault/tls/server.key', '-----BEGIN PRIVATE KEY-----\nMIIE\n', 'tls/server.key has a private key'],
  ['vault/app.env', 'A=1\nAPI_TOKEN=x7Hn2pQw9RtY4vBz\n', "app.env:2: 'API_TOKEN'"],
])('a support file %s is looked into', async (path, content, text) => {
  await factory.write('repo/vault.dockerapp', packageOf(`    volumes: ["./${path.slice('vault/'.length)}:/x"]\n`));
  await factory.write(`repo/${path}`, content);
  const { status, secrets } = await run();
  expect(status).toBe('failed');
  expect(secrets.map(({ message }) => message).join()).toContain(text);
});

test('what devices set, placeholders, paths and parameters that nothing uses are no secrets', async () => {
  const compose = [
    '    environment:',
    '      DB_PASSWORD: ${db.password}',
    '      API_TOKEN: ${token}',
    '      KEY_FILE: /run/secrets/key',
    '      PUBLIC_KEY: x7Hn2pQw9RtY4vBz',
    '',
  ].join('\n');
  await factory.write(
    'repo/vault.dockerapp',
    packageOf(compose, `db: { password: changeme }\ntoken: ""\nunused: { password: ${SECRET} }`),
  );
  const { outcome, secrets } = await run();
  expect(secrets).toEqual([]);
  expect(statusesOf(outcome)).toEqual({ vault: 'migrated' });
});

test('secrets.allow lets it pass with a reason, for its app and until its day', async () => {
  await factory.write('repo/vault.dockerapp', PARAMETER);
  const allow = (more: string): string => `secrets: { allow: [{ name: db.password, reason: for the lab${more} }] }\n`;
  for (const more of ['', ', app: va*', ', expires: 2999-01-01']) {
    const { status, secrets } = await run(allow(more));
    expect(status).not.toBe('failed');
    expect(secrets.map(({ code, message }) => [code, message.endsWith('it is allowed: for the lab')])).toEqual([
      ['secret.allowed', true],
    ]);
  }
  for (const more of [', app: other', ', expires: 2000-01-01']) {
    const { status, secrets } = await run(allow(more));
    expect([status, secrets.map(({ code }) => code)]).toEqual(['failed', ['SECRET_IN_BUNDLE']]);
  }
  expect((await run(allow(', expires: 2000-01-01'))).secrets[0]?.message).toContain('it was allowed until 2000-01-01');
});
