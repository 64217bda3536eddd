import { describe, expect, it } from 'vitest';
import { buildPublishedPackage, isStrictSingleFile } from '../../src/dockerapp/published.ts';
import { splitFiles } from '../convert/convert-package.ts';

const PINNED = `hub.example/f/web@sha256:${'0'.repeat(64)}`;

async function publish(
  files: Readonly<Record<string, string>>,
  images: Readonly<Record<string, string>>,
): Promise<string> {
  const pkg = await splitFiles(new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])));
  return Buffer.from(buildPublishedPackage(pkg, new Map(Object.entries(images))).bytes).toString('utf8');
}

/** A single file with one service per image text. */
function packageOf(...images: readonly string[]): string {
  const services = images.map((image, i) => `  s${i}:\n    image: ${image}\n    command: [x]\n`).join('');
  return `name: web\n---\nversion: '3.6'\nservices:\n${services}---\nk: v\n`;
}

describe('the published single file', () => {
  it('is the committed bytes where no image is replaced', async () => {
    const text = `\ufeff${packageOf('a').replaceAll('\n', '\r\n')}`;
    expect(await publish({ 'web.dockerapp': text }, {})).toBe(text);
  });

  it.each([
    ['hub.example/f/web:latest', PINNED],
    ['hub.example/f/web:latest # kept', `${PINNED} # kept`],
    ["'hub.example/f/web'", `'${PINNED}'`],
    ['"hub.example/f/web"', `"${PINNED}"`],
    ['&x hub.example/f/web', `&x ${PINNED}`],
    ['!!str hub.example/f/web', `!!str ${PINNED}`],
    ['|-\n      hub.example/f/web', `"${PINNED}"`],
    ['>-\n      hub.example/f/web', `"${PINNED}"`],
    ['${repository}:${tag}', PINNED],
  ])('has the image of %j replaced in place', async (image, expected) => {
    const text = packageOf('other', image);
    const published = await publish({ 'web.dockerapp': text }, { s1: PINNED });
    expect(published).toBe(packageOf('other', expected));
    expect(isStrictSingleFile(Buffer.from(published))).toBe(true);
  });

  it('counts offsets behind a byte order mark, CRLF and letters beyond ASCII', async () => {
    const text = `\ufeff${packageOf('old').replace('web', 'wéb𝄞').replaceAll('\n', '\r\n')}`;
    expect(await publish({ 'web.dockerapp': text }, { s0: PINNED })).toBe(text.replace('old', PINNED));
  });

  it('edits an anchored image once for all that share it', async () => {
    const text = packageOf('&i old', '*i');
    expect(await publish({ 'web.dockerapp': text }, { s0: PINNED, s1: PINNED })).toBe(text.replace('old', PINNED));
  });

  it('finds an image that a merge key brings', async () => {
    const text = 'name: web\n---\nversion: "3.7"\nx-b: &b\n  image: old\nservices:\n  s0:\n    <<: *b\n---\n';
    expect(await publish({ 'web.dockerapp': text }, { s0: PINNED })).toBe(text.replace('old', PINNED));
  });

  it('ignores services that are not there', async () => {
    expect(await publish({ 'web.dockerapp': packageOf('a') }, { none: PINNED, constructor: PINNED })).toBe(
      packageOf('a'),
    );
  });
});

describe('the published folder', () => {
  it('is the three texts joined, line ends of their own kept', async () => {
    const files = {
      'web.dockerapp/metadata.yml': 'name: web\n',
      'web.dockerapp/docker-compose.yml': "version: '3.6'\nservices:\n  s0:\n    image: old # x",
      'web.dockerapp/parameters.yml': 'k: v\n',
    };
    const published = await publish(files, { s0: PINNED });
    expect(published).toBe(`name: web\n\n---\nversion: '3.6'\nservices:\n  s0:\n    image: ${PINNED} # x\n---\nk: v\n`);
    expect(isStrictSingleFile(Buffer.from(published))).toBe(true);
  });
});

it.each([
  ['m\n---\nc\n---\np', true],
  ['m\r\n---\r\nc\r\n---\r\np', false],
  ['m\n---\nc', false],
  ['m\n--- #\nc\n---\np', false],
  ['m\n---\nc\n---\np\n---\n', false],
])('docker-app 0.4 to 0.8 splits %j: %s', (text, expected) =>
  expect(isStrictSingleFile(Buffer.from(text))).toBe(expected),
);

describe('names without a value when docker-app renders the published package', () => {
  const namesIn = async (
    compose: string,
    images: Readonly<Record<string, string>> = {},
  ): Promise<readonly string[]> => {
    const text = `name: web\n---\nversion: '3.7'\nservices:\n${compose}---\nk: v\nnothing:\n`;
    const pkg = await splitFiles(new Map([['web.dockerapp', Buffer.from(text)]]));
    return buildPublishedPackage(pkg, new Map(Object.entries(images))).undefinedNames;
  };

  it.each([
    ['  a: {image: "x:$k", command: "${app.name} $$y"}\n', {}, []],
    ['  a:\n    image: x:${TAG}\n', {}, ['TAG']],
    ['  a:\n    image: x:${TAG}\n', { a: PINNED }, []],
    ['  a:\n    image: x\n  b:\n    image: y:${TAG}\n    x-enabled: false\n', { a: PINNED }, ['TAG']],
    ['  a:\n    image: x\n    command: $z ${nothing}\n', {}, ['nothing']],
    ['  a:\n    image: x\n    command: $z ${k}\n', {}, []],
    ['  a:\n    image: x\n    labels: ["$z", "$b"]\n', {}, ['b', 'z']],
  ])('%j with %j', async (compose, images, names) => expect(await namesIn(compose, images)).toEqual(names));
});
