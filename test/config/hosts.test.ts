import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { defaultConfig, parseConfig, resolvePaths } from '../../src/config.ts';

const parse = (text: string) =>
  resolvePaths(parseConfig(text, 'rebundle.yml'), '/factory', (base, path) => resolve(base, path));

test('hosts: all members, paths relative to the file', () => {
  const text = `hosts:
  hub.example.com:5000:
    insecure: true
    ca: [ca.pem, /etc/other.pem]
    clientCertificate: me.pem
    clientKey: me.key
    concurrency: 4
    allowPrivate: true
  docker.io: { ca: one.pem, insecure: false }
`;
  expect([...parse(text).hosts]).toEqual([
    [
      'hub.example.com:5000',
      {
        insecure: true,
        ca: ['/factory/ca.pem', '/etc/other.pem'],
        clientCertificate: '/factory/me.pem',
        clientKey: '/factory/me.key',
        concurrency: 4,
        allowPrivate: true,
      },
    ],
    ['docker.io', { ca: ['/factory/one.pem'], insecure: false }],
  ]);
});

test('http: defaults, and numbers of seconds', () => {
  const preset = {
    connectTimeout: 10,
    headersTimeout: 60,
    idleTimeout: 60,
    totalTimeout: 300,
    attempts: 5,
    longestWait: 300,
  };
  expect(defaultConfig().http).toEqual(preset);
  expect(parse('http: { attempts: 1, longestWait: 3600 }').http).toEqual({
    ...preset,
    attempts: 1,
    longestWait: 3600,
  });
});

test.each([
  ['hosts: { hub.example.com: { insecure: maybe } }', 'expected true or false'],
  ['hosts: { "not a host": {} }', 'expected a registry host'],
  ['hosts: { hub.example.com: { ca: "https://example.com/ca.pem" } }', 'expected a path, no URL'],
  ['hosts: { hub.example.com: { unknown: 1 } }', 'unknown'],
  ['hosts: { hub.example.com: { concurrency: 0 } }', 'from 1 to 99'],
  ['http: { attempts: 0 }', 'from 1 to 20'],
  ['http: { idleTimeout: 0 }', 'at least 1'],
  ['http: { idleTimeout: 99999 }', 'at most 86400 seconds'],
])('%s is refused', (text, message) => {
  expect(() => parse(text)).toThrow(message);
});
