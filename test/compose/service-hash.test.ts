import { describe, expect, test } from 'vitest';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { hashService } from '../../src/compose/service-hash.ts';
import { RebundleError } from '../../src/errors.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { Digest } from '../../src/model/oci.ts';

const IMAGE = `docker.io/library/nginx@${digestOf('nginx')}`;

function hash(body: string, files: readonly { path: string; digest: Digest }[] = [], image = IMAGE): string {
  const file = readComposeFile({ text: `version: '3.7'\n${body}`, path: 'c.yml', line: 1 });
  const service = file.services[0];
  if (service === undefined) throw new Error('no service');
  return hashService({ service, image, files });
}

const BASE =
  'services:\n  a:\n    image: nginx\n    environment:\n      A: "x y"\n      B: 1\n    command: [sh, -c, ls]\n';

describe('hashService', () => {
  test('is the sha256 of the canonical JSON of files and service', () => {
    const json = `{"files":[["b","${digestOf('b')}"]],"service":{"image":"${IMAGE}","tty":true,"user":"1"}}`;
    const files = [{ path: 'b', digest: digestOf('b') }];
    expect(`sha256:${hash('services: {a: {image: nginx, user: 1, tty: true, build: .}}\n', files)}`).toBe(
      digestOf(json),
    );
  });

  test.each([
    ['comments', BASE.replace('nginx\n', 'nginx # the server\n    # next\n')],
    [
      'order of keys',
      'services:\n  a:\n    command: [sh, -c, ls]\n    environment:\n      B: 1\n      A: "x y"\n    image: nginx\n',
    ],
    ['quoting', BASE.replace('"x y"', 'x y').replace('[sh, -c, ls]', '[\'sh\', "-c", ls]')],
    ['flow style', 'services: {a: {image: other, environment: {A: x y, B: 1}, command: [sh, -c, ls]}}\n'],
    ['block scalars', BASE.replace('"x y"', '>-\n        x\n        y')],
    ['aliases', BASE.replace('[sh, -c, ls]', '[&s sh, -c, ls]').replace('A: "x y"', 'A: &x "x y"')],
    ['merge keys', BASE.replace('services:', 'x-e: &e {A: x y, B: 2}\nservices:').replace('A: "x y"\n', '<<: *e\n')],
    ['build', BASE.replace('    image: nginx\n', '    image: nginx\n    build: {context: .}\n')],
    ['the name of the service', BASE.replace('  a:', '  zzz:')],
    ['its own label', `${BASE}    labels:\n      io.compose-spec.config-hash: abc\n`],
    ['its own label in a list', `${BASE}    labels: [io.compose-spec.config-hash=abc]\n`],
    ['empty labels', `${BASE}    labels: {}\n`],
    ['null labels', `${BASE}    labels:\n`],
  ])('%s do not count', (_, body) => {
    expect(hash(body)).toBe(hash(BASE));
  });

  test.each([
    ['a value', BASE.replace('x y', 'x z')],
    ['a quoted boolean', `${BASE}    labels: {a: "true"}\n`],
    ['a boolean', `${BASE}    labels: {a: true}\n`],
    ['a null', `${BASE}    labels: {a: }\n`],
    ['the spelling of a number', BASE.replace('B: 1', 'B: 1.0')],
    ['order in a list', BASE.replace('[sh, -c, ls]', '[sh, ls, -c]')],
    ['another label', `${BASE}    labels: {a: b, io.compose-spec.config-hash: abc}\n`],
    ['a key named __proto__', BASE.replace('B: 1', '__proto__: 1')],
  ])('%s counts', (_, body) => {
    const hashes = [BASE, `${BASE}    labels: {a: "true"}\n`]
      .filter((other) => other !== body)
      .map((other) => hash(other));
    expect(hashes).not.toContain(hash(body));
  });

  test('files count by path and digest, not by order', () => {
    const one = { path: 'a.conf', digest: digestOf('1') };
    const two = { path: 'b.conf', digest: digestOf('2') };
    expect(hash(BASE, [one, two])).toBe(hash(BASE, [two, one]));
    const others = [
      hash(BASE),
      hash(BASE, [one]),
      hash(BASE, [{ ...one, digest: two.digest }]),
      hash(BASE, [{ ...one, path: 'c' }]),
    ];
    expect(new Set(others).size).toBe(4);
  });

  test('the image counts', () => {
    expect(hash(BASE, [], `${IMAGE.slice(0, -1)}0`)).not.toBe(hash(BASE, [], `${IMAGE.slice(0, -1)}1`));
  });

  test('aliases cannot make it large', () => {
    const text = 'x'.repeat(2_000_000);
    const body = `x-t: &t ${text}\nservices: {a: {image: x, command: [${'*t, '.repeat(20)}]}}\n`;
    expect(() => hash(body)).toThrow(RebundleError);
    expect(() => hash(body)).toThrow('after aliases are expanded');
  });
});
