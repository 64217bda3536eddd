import { describe, expect, it } from 'vitest';
import {
  formatReference,
  isRegistryHost,
  isRepositoryComponent,
  isTag,
  parseReference,
  pinReference,
  repositoryOf,
} from '../../src/lib/reference.ts';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = `sha256:${HEX}` as const;

describe('parseReference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx'],
    ['nginx:1.10', 'docker.io/library/nginx:1.10'],
    ['a/b', 'docker.io/a/b'],
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['index.docker.io/nginx', 'docker.io/library/nginx'],
    ['docker.io/a/b/c:t', 'docker.io/a/b/c:t'],
    ['localhost/x', 'localhost/x'],
    ['localhost:5000/x:1', 'localhost:5000/x:1'],
    ['host:5000/x', 'host:5000/x'],
    ['hub.foundries.io/lmp/shellhttpd:latest', 'hub.foundries.io/lmp/shellhttpd:latest'],
    ['UPPER/x', 'UPPER/x'],
    ['[::1]:5000/x', '[::1]:5000/x'],
    ['[fe80::1]/x/y', '[fe80::1]/x/y'],
    ['a__b/c--d/e.f', 'docker.io/a__b/c--d/e.f'],
    [`x@${DIGEST}`, `docker.io/library/x@${DIGEST}`],
    [`host.example/x:tag@${DIGEST}`, `host.example/x:tag@${DIGEST}`],
    [`x:${'t'.repeat(128)}`, `docker.io/library/x:${'t'.repeat(128)}`],
    ['x:_under', 'docker.io/library/x:_under'],
    ['host.example:80/a/b:8080', 'host.example:80/a/b:8080'],
    ['sub.domain/a', 'sub.domain/a'],
    ['xn--n3h.com/a', 'xn--n3h.com/a'],
  ])('%s is %s', (text, expected) => expect(formatReference(parseReference(text))).toBe(expected));

  it.each([
    ['', 'empty'],
    ['a b', 'blank'],
    ['hub.io/<your factory>/x', 'placeholder'],
    ['hub.io/<factory>/x', 'placeholder'],
    ['Nginx', 'lower case'],
    ['host.example/Upper', 'lower case'],
    ['a//b', 'not valid'],
    ['/a', 'not valid'],
    ['a/', 'not valid'],
    ['a:', 'is not a tag'],
    ['a:-x', 'is not a tag'],
    [`a:${'t'.repeat(129)}`, 'is not a tag'],
    ['a___b', 'not valid'],
    ['a..b', 'not valid'],
    ['-a', 'not valid'],
    ['a-/b', 'not valid'],
    ['a@sha256:abc', 'digest'],
    [`a@sha512:${HEX}${HEX}`, 'digest'],
    [`a@sha256:${HEX.toUpperCase()}`, 'digest'],
    [`a@${DIGEST}@${DIGEST}`, 'digest'],
    ['-host.example/a', 'not a registry host'],
    ['host:port/a', 'not a registry host'],
    ['${registry}/a', 'not valid'],
    [`host.example/${'a'.repeat(255)}`, 'longer than 255'],
  ])('refuses %j: %s', (text, message) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: 'IMAGE_REFERENCE', message: expect.stringContaining(message) }),
    );
  });
});

it('pins by name and digest', () => {
  expect(formatReference(pinReference(parseReference('nginx:1'), DIGEST))).toBe(`docker.io/library/nginx@${DIGEST}`);
  expect(repositoryOf(parseReference('a/b:1'))).toEqual({ registry: 'docker.io', repository: 'a/b' });
});

it.each([
  ['shellhttpd', true],
  ['my-app', true],
  ['a_b', true],
  ['a.b', true],
  ['Upper', false],
  ['a/b', false],
  ['', false],
  ['-a', false],
  ['x'.repeat(128), true],
  ['x'.repeat(129), false],
])('%s as an app key: %s', (name, expected) => expect(isRepositoryComponent(name)).toBe(expected));

it.each([
  ['host', true],
  ['host.example:5000', true],
  ['[::1]:5000', true],
  ['host/path', false],
  ['host:', false],
  ['a..b', false],
  ['https://host', false],
])('%s as a registry host: %s', (text, expected) => expect(isRegistryHost(text)).toBe(expected));

it.each([
  ['latest', true],
  ['.x', false],
  ['', false],
])('%j as a tag: %s', (text, expected) => expect(isTag(text)).toBe(expected));
