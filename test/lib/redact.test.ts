import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMask, looksSecret, maskDiff, maskUrlCredentials } from '../../src/lib/redact.ts';

const variable = (parameter: string, value: string) => ({ parameter, value, uses: 1 });

describe('looksSecret', () => {
  it.each([
    'password',
    'db.password',
    'API_KEY',
    'authToken',
    'mysqlrootpassword',
    'aws.secretAccessKey',
    'CREDENTIALS',
    'wifi-psk',
  ])('takes %s for a secret', (name) => expect(looksSecret(name)).toBe(true));

  it.each(['web.port', 'keycloak.url', 'keyboard', 'monkey', 'ssh.public_key', 'passive', 'compass', 'image'])(
    'does not take %s for a secret',
    (name) => expect(looksSecret(name)).toBe(false),
  );
});

describe('maskUrlCredentials', () => {
  it('masks the user part only', () => {
    expect(maskUrlCredentials('see https://me:pw@host/x and https://host/a@b')).toBe(
      'see https://(masked)@host/x and https://host/a@b',
    );
  });

  it('masks a password that holds an @, and a token without a password', () => {
    expect(maskUrlCredentials('https://u:p@ss@host https://ghp_1@host')).toBe(
      'https://(masked)@host https://(masked)@host',
    );
  });

  it('leaves the user git', () => {
    expect(maskUrlCredentials('ssh://git@host/x.git')).toBe('ssh://git@host/x.git');
  });
});

describe('createMask', () => {
  it('finds a secret value in each spelling that YAML and compose give it', () => {
    const mask = createMask([variable('db.password', 'it\'s$a"secret')]);
    for (const form of [
      'it\'s$a"secret',
      'it\'s$$a"secret',
      "it''s$a\"secret",
      'it\'s$a\\"secret',
      'it\'s\\x24a"secret',
    ]) {
      expect(mask(`x ${form} y`)).toBe('x (masked) y');
    }
  });

  it('masks each line of a value of many lines', () => {
    const mask = createMask([variable('tls.key', '-----BEGIN KEY-----\nAAAABBBB\n')]);
    expect(mask('  AAAABBBB')).toBe('  (masked)');
  });

  it('does not search for values that say nothing', () => {
    const mask = createMask([variable('use.token', 'true'), variable('key', '80')]);
    expect(mask('true, port 8080')).toBe('true, port 8080');
  });

  it('masks the default of a variable with a secret name, and only that', () => {
    const mask = createMask([variable('a.key', 'x')]);
    expect(mask('${web_port-80} ${db_password-a${b}c} ${api_key:-x}')).toBe(
      '${web_port-80} ${db_password-(masked)} ${api_key:-(masked)}',
    );
    expect(mask('${db_password}${token-}')).toBe('${db_password}${token-}');
    expect(mask('${secret-open')).toBe('${secret-(masked)');
  });

  it('leaves a text without secrets as it is', () => {
    expect(createMask([variable('port', '8080')])('port 8080')).toBe('port 8080');
  });
});

describe('maskDiff', () => {
  const mask = createMask([]);

  it('masks what is assigned to a secret name in each form', () => {
    const lines = [
      '+  DB_PASSWORD: hunter2',
      "-    - 'API_TOKEN=hunter2'",
      '   env: { secret: "hunter2", a: b }',
      ' "password" : hunter2',
    ];
    expect(maskDiff(lines.join('\n'), mask)).toBe(
      [
        '+  DB_PASSWORD: (masked)',
        "-    - 'API_TOKEN=(masked)",
        '   env: { secret: (masked)',
        ' "password" : (masked)',
      ].join('\n'),
    );
  });

  it('keeps references, which hold no value', () => {
    const line = '-  DB_PASSWORD: "${db.password}"';
    expect(maskDiff(line, mask)).toBe(line);
  });

  it('masks the lines of a block scalar under a secret name, and no more', () => {
    const diff = ['@@ -1,4 +1,4 @@', '   private_key: |', '     AAAA', ' ', '-    BBBB', '   user: me'].join('\n');
    expect(maskDiff(diff, mask)).toBe(
      ['@@ -1,4 +1,4 @@', '   private_key: |', '     (masked)', ' ', '-    (masked)', '   user: me'].join('\n'),
    );
  });

  it('does not take a removed line for a file header', () => {
    expect(maskDiff('--- a\n+++ b\n@@ -1 +1 @@\n--- password: hunter2', mask)).toContain('--- password: (masked)');
  });

  it('stays quick on long lines', () => {
    const line = ` ${'a'.repeat(300_000)}`;
    expect(maskDiff(line, mask)).toBe(line);
  });

  it('masks a line as it does beside one that has something to mask', () => {
    const word = fc.constantFrom(
      ' a: b',
      ' key: x',
      '+  api_key=1',
      ' u: https://me:pw@host',
      ' v: ${token-abc}',
      ' hunter22',
      ' ',
    );
    const secret = createMask([variable('db.password', 'hunter22')]);
    fc.assert(
      fc.property(fc.array(word), (lines) => {
        const beside = maskDiff(['@@ -1 +1 @@', ...lines, '@@ -9 +9 @@', ' password: x'].join('\n'), secret);
        expect(maskDiff(['@@ -1 +1 @@', ...lines].join('\n'), secret)).toBe(beside.split('\n').slice(0, -2).join('\n'));
      }),
    );
  });
});
