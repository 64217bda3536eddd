import { describe, expect, test } from 'vitest';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { pinCompose } from '../../src/compose/pin.ts';
import { readPinComments } from '../../src/compose/pin-comments.ts';
import { RebundleError } from '../../src/errors.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { Digest } from '../../src/model/oci.ts';

const PIN = `docker.io/library/nginx@${digestOf('nginx')}`;
const OTHER = `registry.example.com:5000/f/other@${digestOf('other')}`;
const HEAD = "version: '3.7'\nservices:\n";

interface Options {
  readonly images?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, Digest>>;
  readonly pins?: readonly { reference: string; pinned: string }[];
}

function pin(text: string, options: Options = {}): { text: string; codes: string[] } {
  const file = readComposeFile({ text, path: 'c.yml', line: 1 });
  const images = new Map(file.services.map(({ name }) => [name, options.images?.[name] ?? PIN]));
  const fileDigests = new Map(Object.entries(options.files ?? {}));
  const input = { images, fileDigests, pins: options.pins ?? [] };
  const first = pinCompose({ file, ...input });
  const again = pinCompose({ file: readComposeFile({ text: first.text, path: 'c.yml', line: 1 }), ...input });
  expect(again).toEqual({ text: first.text, diagnostics: [] });
  return { text: first.text, codes: first.diagnostics.map(({ code }) => code) };
}

/** Pins and hashes as short words, so that the shape can be read. */
function shape(text: string): string {
  return text
    .replaceAll(PIN, 'PIN')
    .replaceAll(OTHER, 'OTHER')
    .replaceAll(/"[0-9a-f]{64}"/g, 'HASH')
    .replaceAll(/config-hash=[0-9a-f]{64}/g, 'LABEL')
    .replaceAll('io.compose-spec.config-hash:', 'LABEL:')
    .replaceAll('io.compose-spec.LABEL', 'LABEL');
}

describe('pinCompose', () => {
  test.each<[name: string, before: string, after: string, codes: string[]]>([
    [
      'a plain service: comments and blank lines stay, labels follow the image',
      '# top\n  web: # the site\n    # its image\n    image: nginx:1 # pinned later\n\n    # ports\n    ports: ["80:80"]\n# end\n',
      '# top\n  web: # the site\n    # its image\n    image: PIN # pinned later\n    labels:\n      LABEL: HASH\n\n    # ports\n    ports: ["80:80"]\n# end\n',
      [],
    ],
    [
      'no line break at the end',
      '  web:\n    image: nginx',
      '  web:\n    image: PIN\n    labels:\n      LABEL: HASH',
      [],
    ],
    ['quoted image', "  web:\n    image: 'nginx'\n", '  web:\n    image: PIN\n    labels:\n      LABEL: HASH\n', []],
    [
      'folded image',
      '  web:\n    image: >-\n      nginx\n    tty: true\n',
      '  web:\n    labels:\n      LABEL: HASH\n    image: PIN\n    tty: true\n',
      [],
    ],
    [
      'an image of several plain lines is one scalar',
      '  web:\n    image: "ngi\\\n      nx"\n    tty: true\n',
      '  web:\n    image: PIN\n    labels:\n      LABEL: HASH\n    tty: true\n',
      [],
    ],
    ['flow service', '  web: {image: nginx}\n', '  web: {labels: {LABEL: HASH}, image: PIN}\n', []],
    [
      'flow service with build last',
      '  web: {image: nginx, build: {context: .}}\n',
      '  web: {labels: {LABEL: HASH}, image: PIN}\n',
      ['compose.build-dropped'],
    ],
    [
      'flow service over lines with a comma at the end',
      '  web: {\n    image: nginx, # c\n    build: .,\n  }\n',
      '  web: {\n    labels: {LABEL: HASH}, image: PIN, # c\n    \n  }\n',
      ['compose.build-dropped'],
    ],
    [
      'build with all its lines and the comments in it',
      '  web:\n    build:\n      context: .\n      # why\n      args: [a]\n      # more\n    # next\n    image: nginx\n',
      '  web:\n    # next\n    image: PIN\n    labels:\n      LABEL: HASH\n',
      ['compose.build-dropped'],
    ],
    [
      'build after image, at the end without a line break',
      '  web:\n    image: nginx\n    build: .',
      '  web:\n    image: PIN\n    labels:\n      LABEL: HASH\n',
      ['compose.build-dropped'],
    ],
    [
      'explicit keys',
      '  ? web\n  : image: nginx\n    ? build\n    : .\n    tty: true\n',
      '  ? web\n  : labels:\n      LABEL: HASH\n    image: PIN\n    tty: true\n',
      ['compose.build-dropped'],
    ],
    [
      'labels as a block map with a comment',
      '  web:\n    image: nginx\n    labels:\n      # mine\n      a: b\n',
      '  web:\n    image: PIN\n    labels:\n      LABEL: HASH\n      # mine\n      a: b\n',
      [],
    ],
    [
      'labels as a block list, not indented',
      '  web:\n    image: nginx\n    labels:\n    - a=b\n    - c=d\n',
      '  web:\n    image: PIN\n    labels:\n    - LABEL\n    - a=b\n    - c=d\n',
      [],
    ],
    [
      'labels as a flow map',
      '  web:\n    image: nginx\n    labels: { a: b }\n',
      '  web:\n    image: PIN\n    labels: { LABEL: HASH, a: b }\n',
      [],
    ],
    [
      'labels as a flow list',
      '  web:\n    image: nginx\n    labels: [ a=b ]\n',
      '  web:\n    image: PIN\n    labels: [ LABEL, a=b ]\n',
      [],
    ],
    [
      'empty labels',
      '  web:\n    image: nginx\n    labels: {}\n',
      '  web:\n    image: PIN\n    labels: {LABEL: HASH}\n',
      [],
    ],
    [
      'an empty list',
      '  web:\n    image: nginx\n    labels: []\n',
      '  web:\n    image: PIN\n    labels: [LABEL]\n',
      [],
    ],
    [
      'no value',
      '  web:\n    labels: # none\n    image: nginx\n',
      '  web:\n    labels: {LABEL: HASH} # none\n    image: PIN\n',
      [],
    ],
    [
      'null labels',
      '  web:\n    image: nginx\n    labels: ~\n',
      '  web:\n    image: PIN\n    labels: {LABEL: HASH}\n',
      [],
    ],
    [
      'a stale label is replaced',
      '  web:\n    image: nginx\n    labels:\n      a: b\n      io.compose-spec.config-hash: old\n',
      '  web:\n    image: PIN\n    labels:\n      a: b\n      LABEL: HASH\n',
      [],
    ],
    [
      'a stale label without a value',
      '  web:\n    image: nginx\n    labels:\n      io.compose-spec.config-hash:\n      a: b\n',
      '  web:\n    image: PIN\n    labels:\n      LABEL: HASH\n      a: b\n',
      [],
    ],
    [
      'a stale label in a list',
      '  web:\n    image: nginx\n    labels:\n      - a=b\n      - "io.compose-spec.config-hash=old"\n',
      '  web:\n    image: PIN\n    labels:\n      - a=b\n      - LABEL\n',
      [],
    ],
    [
      'several stale labels in a list',
      '  web:\n    image: nginx\n    labels: [io.compose-spec.config-hash=1, a=b, io.compose-spec.config-hash=2]\n',
      '  web:\n    image: PIN\n    labels: ["a=b", "LABEL"]\n',
      [],
    ],
    [
      'anchored labels used by another service',
      '  web:\n    image: nginx\n    labels: &l\n      a: b\n      n: 1\n      e: "yes"\n  db:\n    image: nginx\n    labels: *l\n',
      '  web:\n    image: PIN\n    labels: &l\n      LABEL: HASH\n      a: b\n      n: 1\n      e: "yes"\n  db:\n    image: PIN\n    labels: {a: "b", n: 1, e: "yes", LABEL: HASH}\n',
      ['yaml.alias-expanded'],
    ],
    [
      'labels with a merge key of their own',
      '  web:\n    image: nginx\n    labels: &l\n      a: b\n  db:\n    image: nginx\n    labels:\n      <<: *l\n      c: d\n',
      '  web:\n    image: PIN\n    labels: &l\n      LABEL: HASH\n      a: b\n  db:\n    image: PIN\n    labels:\n      LABEL: HASH\n      <<: *l\n      c: d\n',
      [],
    ],
    [
      'a service that is an alias of another one',
      '  web: &w\n    image: nginx\n  same: *w\n',
      '  web: &w\n    image: PIN\n    labels:\n      LABEL: HASH\n  same: *w\n',
      [],
    ],
    [
      'a merge key brings image, build and labels',
      '  web: &w\n    image: nginx\n    build: .\n    labels: [a=b]\n  more:\n    <<: *w\n    tty: true\n',
      '  web: &w\n    image: PIN\n    labels: [LABEL, a=b]\n  more:\n    <<: *w\n    labels: ["a=b", "LABEL"]\n    tty: true\n',
      ['yaml.alias-expanded', 'compose.build-dropped', 'compose.build-dropped'],
    ],
    [
      'an anchor in what is dropped',
      '  web:\n    image: nginx\n    build: &c ./src\n    environment: {C: *c}\n',
      '  web:\n    image: PIN\n    labels:\n      LABEL: HASH\n    environment: {C: "./src"}\n',
      ['yaml.alias-expanded', 'compose.build-dropped'],
    ],
    [
      'an image that something else uses too',
      '  web:\n    image: &i nginx\n    environment:\n      I: *i\n',
      '  web:\n    image: &i PIN\n    labels:\n      LABEL: HASH\n    environment:\n      I: "nginx"\n',
      ['yaml.alias-expanded'],
    ],
  ])('%s', (_, before, after, codes) => {
    const result = pin(HEAD + before);
    expect(shape(result.text)).toBe(HEAD + after);
    expect(result.codes).toEqual(codes);
  });

  test('a shared image is edited once where all want the same', () => {
    const before =
      "version: '3.7'\nx-i: &i nginx\nx-t: &t {image: *i}\nservices:\n  a: {image: *i}\n  b: {<<: *t}\n  c: *t\n";
    const { text, codes } = pin(before);
    expect(shape(text)).toContain('x-i: &i PIN\nx-t: &t {labels: {LABEL: HASH}, image: *i}\n');
    expect(shape(text)).toContain('  c: *t\n');
    expect(codes).toEqual([]);
  });

  test('a shared image is written out where pins differ', () => {
    const before =
      "version: '3.7'\nx-t: &t\n  image: &i nginx\nservices:\n  a:\n    <<: *t\n  b:\n    <<: *t\n  c: {image: *i}\n  d: {image: &j nginx}\n  e: {image: *j}\n";
    const { text, codes } = pin(before, { images: { b: OTHER, e: OTHER } });
    const file = readComposeFile({ text, path: 'c.yml', line: 1 });
    expect(shape(text)).toContain('  image: &i nginx\n');
    expect(shape(text)).toContain('  b:\n    <<: *t\n    image: OTHER\n    labels:\n      LABEL: HASH\n');
    expect(shape(text)).toContain(
      '  c: {labels: {LABEL: HASH}, image: PIN}\n  d: {labels: {LABEL: HASH}, image: &j PIN}\n',
    );
    expect(file.services).toHaveLength(5);
    expect(codes).toEqual(Array(4).fill('yaml.alias-expanded'));
  });

  test('a service alias is written out where its pin differs', () => {
    const { text, codes } = pin(`${HEAD}  a: &a\n    image: nginx\n    command: [a, "1", 2]\n    build: .\n  b: *a\n`, {
      images: { b: OTHER },
    });
    expect(shape(text)).toContain('  b: {image: OTHER, command: ["a", "1", 2], labels: {LABEL: HASH}}\n');
    expect(codes[0]).toBe('yaml.alias-expanded');
  });

  test('CRLF stays CRLF', () => {
    const before = `${HEAD}  web:\n    image: nginx # c\n    build:\n      context: .\n    tty: true\n`.replaceAll(
      '\n',
      '\r\n',
    );
    const { text } = pin(before, { pins: [{ reference: 'r', pinned: PIN }] });
    expect(shape(text)).toBe(
      `${HEAD}  web:\n    image: PIN # c\n    labels:\n      LABEL: HASH\n    tty: true\n# pinned r PIN\n`.replaceAll(
        '\n',
        '\r\n',
      ),
    );
  });

  test('a document on one line', () => {
    const { text } = pin("{version: '3.7', services: {a: {image: nginx, build: .}, b: {image: nginx, labels: [x=y]}}}");
    expect(shape(text)).toBe(
      "{version: '3.7', services: {a: {labels: {LABEL: HASH}, image: PIN}, b: {image: PIN, labels: [LABEL, x=y]}}}",
    );
  });

  test('the hash covers the files that a service mounts or reads', () => {
    const body = `${HEAD}  a:\n    image: nginx\n    volumes: ["./conf:/c", "./one:/o"]\n    env_file: a.env\n`;
    const files = { 'conf/x': digestOf('1'), 'conf/sub/y': digestOf('2'), one: digestOf('3'), 'a.env': digestOf('4') };
    const base = pin(body, { files }).text;
    expect(pin(body, { files: { ...files, 'confuse/x': digestOf('9'), 'one.bak': digestOf('9') } }).text).toBe(base);
    for (const name of Object.keys(files))
      expect(pin(body, { files: { ...files, [name]: digestOf('9') } }).text).not.toBe(base);
    expect(pin(body, { files: { ...files, 'conf/new': digestOf('9') } }).text).not.toBe(base);
  });

  test('values, labels, extensions and comments stay as they are, services of every profile are pinned, no name is added', () => {
    const before = `${HEAD}  a: # one
    image: nginx
    profiles: [debug]
    x-own: {on: yes, when: 2020-01-01}
    environment: {A: 0755, B: 1.50, C: "\${C:?needed}", D: 12:30:45}
    labels: {x: "\${X-1} $$HOME", y: no}
  x-like: {image: nginx, x-k: ~}
volumes: {v: null}
x-end: [1e3]
`;
    const lines = shape(pin(before).text).split('\n');
    expect(lines).toEqual(
      before
        .replace('image: nginx\n', 'image: PIN\n')
        .replace('labels: {x', 'labels: {LABEL: HASH, x')
        .replace('{image: nginx, x-k', '{labels: {LABEL: HASH}, image: PIN, x-k')
        .split('\n'),
    );
  });

  test('a pin that would not be a plain scalar is quoted', () => {
    const image = `[::1]:5000/x@${digestOf('x')}`;
    expect(pin(`${HEAD}  a: {image: nginx}\n`, { images: { a: image } }).text).toContain(`image: "${image}"`);
  });

  test.each([
    ['neither image nor build', `${HEAD}  a: {tty: true}\n`, { a: PIN }],
    ['only build', `${HEAD}  a: {build: .}\n`, { a: PIN }],
    ['no pin', `${HEAD}  a: {image: nginx}\n`, {}],
    ['null image', `${HEAD}  a:\n    image:\n`, { a: PIN }],
  ])('%s is IMAGE_MISSING', (_, text, images) => {
    const file = readComposeFile({ text, path: 'c.yml', line: 1 });
    const run = () => pinCompose({ file, images: new Map(Object.entries(images)), fileDigests: new Map(), pins: [] });
    expect(run).toThrow(expect.objectContaining({ code: 'IMAGE_MISSING' }));
  });

  test('what cannot be edited without changing more is refused', () => {
    const text = `${HEAD}  a: &a {image: nginx, labels: &l {x: z}, build: {args: *l}}\n  b: {image: nginx, deploy: {labels: {<<: *l}}, logging: {options: *l}}\n`;
    expect(pin(text).text).toContain('options: {x: "z"}');
    const nested = `${HEAD}  a: &a {image: nginx}\n  b: {image: nginx, x-copy: *a}\n`;
    expect(() => pin(nested)).toThrow(RebundleError);
    expect(() => pin(nested)).toThrow('pinning changed service b in a way that was not intended');
  });
});

describe('pin comments', () => {
  const pins = [
    { reference: 'docker.io/library/redis:6', pinned: OTHER },
    { reference: 'docker.io/library/nginx:1', pinned: PIN },
    { reference: 'docker.io/library/nginx:1', pinned: PIN },
  ];
  const lines = `# pinned docker.io/library/nginx:1 ${PIN}\n# pinned docker.io/library/redis:6 ${OTHER}\n`;

  test('are the last lines, sorted, one per reference, and can be read back', () => {
    const { text } = pin(`${HEAD}  a: {image: nginx}\n# end\n`, { pins });
    expect(text.endsWith(`# end\n${lines}`)).toBe(true);
    expect([...readPinComments(text)]).toEqual([
      ['docker.io/library/nginx:1', PIN],
      ['docker.io/library/redis:6', OTHER],
    ]);
    expect(readPinComments(text.replaceAll('\n', '\r\n')).size).toBe(2);
  });

  test('replace those that are there', () => {
    const before = `${HEAD}  a: {image: nginx}\n# pinned old ${OTHER}\n# pinned older ${PIN}`;
    expect(pin(before, { pins }).text.endsWith(`image: ${PIN}}\n${lines}`)).toBe(true);
    expect(pin(before).text.endsWith(`image: ${PIN}}\n`)).toBe(true);
  });

  test('only the last lines count', () => {
    expect(readPinComments(`# pinned a ${PIN}\nversion: '3'\n`).size).toBe(0);
    expect(readPinComments(`# pinned a ${PIN}\n# more\n# pinned b ${PIN}\n`)).toEqual(new Map([['b', PIN]]));
    expect(readPinComments('')).toEqual(new Map());
    expect(readPinComments(`# pinned a b ${PIN}`).size).toBe(0);
    expect(readPinComments('# pinned a nginx:1').size).toBe(0);
  });

  test.each(['|', '>', '|+', '|-'])('a %s scalar at the very end keeps its value', (header) => {
    const before = `${HEAD}  a:\n    image: nginx\n    command: ${header}\n      last`;
    expect(pin(before, { pins }).text.endsWith(`\n${lines}`)).toBe(true);
  });

  test.each(['tty: true', 'user: "1"', 'dns: [1.1.1.1]', 'command:'])('%j at the very end', (last) => {
    const { text } = pin(`${HEAD}  a:\n    image: nginx\n    ${last}`, { pins });
    expect(text.endsWith(`    ${last}\n${lines}`)).toBe(true);
  });
});
