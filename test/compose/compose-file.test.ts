import { describe, expect, test } from 'vitest';
import { type ComposeFile, type ComposeOrigin, readComposeFile } from '../../src/compose/compose-file.ts';
import { RebundleError } from '../../src/errors.ts';

const read = (text: string, origin?: ComposeOrigin): ComposeFile =>
  readComposeFile({ text, path: 'app/docker-compose.yml', line: 10 }, origin === undefined ? {} : { origin });

function failure(text: string, origin?: ComposeOrigin): RebundleError {
  try {
    read(text, origin);
  } catch (error) {
    if (error instanceof RebundleError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('readComposeFile', () => {
  test('reads services in the order of the file, merge keys and aliases resolved', () => {
    const file = read(
      "version: '3.7'\nx-base: &base\n  image: base\n  tty: true\nservices:\n  z:\n    <<: *base\n    image: own\n  a: *base\nvolumes:\n  data:\n  more: {driver: local}\n",
    );
    expect(file.version).toBe('3.7');
    expect(file.services.map(({ name, members }) => [name, [...members.keys()]])).toEqual([
      ['z', ['image', 'tty']],
      ['a', ['image', 'tty']],
    ]);
    expect([...file.volumes.keys()]).toEqual(['data', 'more']);
    expect([file.networks.size, file.configs.size, file.secrets.size]).toEqual([0, 0, 0]);
  });

  test('services may be absent', () => {
    expect(read("version: '3'\n").services).toEqual([]);
  });

  test.each([
    ['3', '3'],
    ['3.0', '3.0'],
    ['3.8', '3.8'],
  ])('docker-app took version %s', (version, expected) => {
    expect(read(`version: "${version}"\nservices: {}\n`).version).toBe(expected);
  });

  test.each<[text: string, origin: ComposeOrigin, message: string]>([
    ['services: {}', 'docker-app', 'unsupported Compose file version: 1.0'],
    ["version: '2'", 'docker-app', 'unsupported Compose file version: 2'],
    ["version: '2.1'", 'docker-app', 'unsupported Compose file version: 2.1'],
    ["version: '3.10'", 'docker-app', 'unsupported Compose file version: 3.10'],
    ["version: '1.0'", 'docker-app', 'unsupported Compose file version: 1.0'],
    ['version: 2', 'docker-app', 'unsupported Compose file version: 2'],
    ['version: ${v}', 'docker-app', 'unsupported Compose file version: ${v}'],
    ['version:', 'docker-app', 'unsupported Compose file version: <nil>'],
    ['version: 3.6', 'docker-app', 'version must be a string'],
    ['version: 3', 'docker-app', 'version must be a string'],
    ['version: [3]', 'docker-app', 'version must be a string'],
    ["version: '3.10'", 'compose', 'unsupported Compose file version: 3.10'],
    ["version: '1.0'", 'compose', 'unsupported Compose file version: 1.0'],
    ['version: 2.4', 'compose', 'version must be a string'],
    ['version:\nservices: {}', 'compose', 'version must be a string'],
  ])('%j is refused for %s: %s', (text, origin, message) => {
    const error = failure(text, origin);
    expect([error.code, error.message]).toEqual(['COMPOSE_VERSION', message]);
    expect(error.location).toMatchObject({ path: 'app/docker-compose.yml', line: 10 });
  });

  test('the hint for a number shows it quoted', () => {
    expect(failure('version: 3.6').hint).toBe("Quote it: version: '3.6'.");
  });

  test.each(["version: '2.4'\n", "version: '3.9'\n", '', "version: ''\n"])('docker-compose takes %j', (head) => {
    expect(read(`${head}services: {a: {image: x}}\n`, 'compose').services).toHaveLength(1);
  });

  test.each([
    ['', 'the compose document must be a mapping', 10],
    ['# nothing\n', 'the compose document must be a mapping', 10],
    ['- a\n', 'the compose document must be a mapping', 10],
    ["version: '3'\nservices:\n", 'services must be a mapping', 11],
    ["version: '3'\nservices: [a]\n", 'services must be a mapping', 11],
    ["version: '3'\nvolumes:\n", 'volumes must be a mapping', 11],
    ["version: '3'\nservices:\n  a:\n", 'services.a must be a mapping', 12],
    ["version: '3'\nservices:\n  a: x\n", 'services.a must be a mapping', 12],
    ["version: '3'\nnetworks:\n  n: x\n", 'networks.n must be a mapping', 12],
  ])('%j: %s', (text, message, line) => {
    const error = failure(text);
    expect([error.code, error.message, error.location?.line]).toEqual(['COMPOSE_INVALID', message, line]);
  });

  test('a section has at most 1000 members', () => {
    const services = (count: number): string => Array.from({ length: count }, (_, i) => `s${i}: {}`).join(', ');
    expect(read(`version: '3'\nservices: {${services(1000)}}\n`).services).toHaveLength(1000);
    expect(failure(`version: '3'\nservices: {${services(1001)}}\n`).code).toBe('YAML_LIMIT');
  });

  test('text that is no YAML keeps the place of the parser', () => {
    const error = failure("version: '3'\nservices: {a: [}\n");
    expect([error.code, error.location?.line]).toEqual(['YAML_INVALID', 11]);
  });
});
