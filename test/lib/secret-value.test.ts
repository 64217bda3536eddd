import { describe, expect, it, test } from 'vitest';
import { findEnvSecrets, findSecretForm, isGuarded, isSecret } from '../../src/lib/secret-value.ts';

describe('a value is guarded', () => {
  it.each([
    'tr0ub4dor&3$x',
    'hunter2-is-secret',
    'Zq8#kL2m',
    'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3',
    'x7Hn2pQw9RtY4vBz',
    'pre${X}9fK2mQ7xW',
  ])('%s', (value) => {
    expect(isGuarded(value)).toBe(true);
  });
  it.each([
    '',
    'postgres',
    'changeme',
    'changeme123',
    'my-secret-password',
    'mysecretpassword',
    'Password123',
    'example-key',
    'test-token-1234',
    '/run/secrets/db_password',
    './certs/server.key',
    '~/.ssh/id_rsa',
    '${DB_PASSWORD}',
    '$DB_PASSWORD',
    '<your key here>',
    '86400',
    '10.0.0.1:8080',
    'true',
    'keys.example.com',
    'https://keys.example.com/v1',
    'kafka-gateway_sslkey_creds',
    'org.apache.kafka.connect.json.JsonConverter',
    'a value of several words 12',
    'aaaaaaaaaaaa1',
  ])('not %s', (value) => {
    expect(isGuarded(value)).toBe(false);
  });
});

test('the name has to say so, too', () => {
  expect(isSecret('db.password', 'x7Hn2pQw9RtY')).toBe(true);
  expect(isSecret('build.id', 'x7Hn2pQw9RtY')).toBe(false);
  expect(isSecret('public_key', 'x7Hn2pQw9RtY')).toBe(false);
});

describe('forms that are secrets under any name', () => {
  it.each([
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIE', 'a private key'],
    ['-----BEGIN PRIVATE KEY-----', 'a private key'],
    [`id: AKIA${'ABCD1234'.repeat(2)}`, 'an access key of AWS'],
    [`t: ghp_${'a1B2'.repeat(9)}`, 'a token of GitHub'],
    [`glpat-${'a1B2c'.repeat(4)}`, 'a token of GitLab'],
    ['amqp://sensor:x7Hn2pQw9RtY@broker/', 'a URL with a password'],
    [`eyJ${'hbGciOi'.repeat(3)}.eyJ${'zdWIiOi'.repeat(3)}.${'SflKxwRJ'.repeat(3)}`, 'a JSON web token'],
  ])('%s', (text, kind) => {
    expect(findSecretForm(`# some text\n${text}\n`)).toMatchObject({ kind });
  });
  it.each([
    '-----BEGIN CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----',
    'postgres://user:password@db/x',
    'https://${USER}:${PASSWORD}@host/',
    'git@github.com:org/repo.git',
    'image@sha256:0000',
    'AKIAshort',
  ])('not %s', (text) => {
    expect(findSecretForm(text)).toBeUndefined();
  });
});

test('environment files tell name and line', () => {
  const text = '# comment\nPORT=8080\nexport API_KEY="x7Hn2pQw9RtY"\nDB_PASSWORD=changeme\nTOKEN=${TOKEN}\n';
  expect(findEnvSecrets(text)).toEqual([{ name: 'API_KEY', line: 3 }]);
});

test('hostile text takes no long time', () => {
  for (const text of [
    'a://'.repeat(100_000),
    `${'eyJ'.repeat(200_000)}`,
    '-----BEGIN '.repeat(50_000),
    'x:y@'.repeat(200_000),
  ])
    expect(findSecretForm(text)?.kind).not.toBe('a private key');
});
