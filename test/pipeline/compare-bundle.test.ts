import { describe, expect, test } from 'vitest';
import { assembleBundle } from '../../src/bundle/assemble-bundle.ts';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { pinCompose } from '../../src/compose/pin.ts';
import { once } from '../../src/lib/bytes.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { AppBundle, BundleFile } from '../../src/model/app.ts';
import type { ServicePin } from '../../src/model/plan.ts';
import { compareBundle, type Evidence } from '../../src/pipeline/compare-bundle.ts';
import { compareDockerApp } from '../../src/pipeline/compare-docker-app.ts';
import { outlineCompose, outlineDockerApp } from '../../src/pipeline/outline.ts';

const PLACE = 'hub.example.com/acme/';

interface Content {
  readonly text?: string;
  /** What `main`, an image of the factory, and `cache` are pinned to. */
  readonly main?: string;
  readonly cache?: string;
  readonly written?: string;
  readonly reference?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly executable?: boolean;
  readonly hasLayer?: boolean;
}

const file = (path: string, text: string, executable = false): BundleFile => {
  const bytes = Buffer.from(text);
  return { path, executable, size: bytes.byteLength, digest: digestOf(bytes), open: () => once(bytes) };
};

interface Made {
  readonly bundle: AppBundle;
  readonly text: string;
  readonly images: readonly ServicePin[];
}

async function make(content: Content = {}): Promise<Made> {
  const { text = 'a: 1', main = 'one', cache = 'two', files = {}, reference = 'docker.io/library/redis:6' } = content;
  const { written = `${PLACE}web:latest` } = content;
  const images: ServicePin[] = [
    { service: 'main', written, reference: `${PLACE}web:4f2c9ab`, pinned: `${PLACE}web@${digestOf(main)}` },
    { service: 'cache', written: 'redis', reference, pinned: `docker.io/library/redis@${digestOf(cache)}` },
  ];
  const compose = `version: '3.2'\nservices:\n  main:\n    image: x\n    environment: { ${text} }\n  cache:\n    image: y\n`;
  const support = Object.entries(files).map(([path, each]) => file(path, each, content.executable));
  const pinned = pinCompose({
    file: readComposeFile({ text: compose, path: 'docker-compose.yml', line: 1 }),
    images: new Map(images.map((image) => [image.service, image.pinned])),
    fileDigests: new Map(support.map(({ path, digest }) => [path, digest])),
    pins: [{ reference, pinned: images[1]?.pinned ?? '' }],
  });
  const bundle = await assembleBundle({
    name: 'web',
    registry: 'hub.example.com',
    repository: 'acme/web',
    files: [file('docker-compose.yml', pinned.text), ...support],
    ...(content.hasLayer === false ? {} : { compose: { text: `name: web\n${pinned.text}`, envFiles: [] } }),
  });
  return { bundle, text: pinned.text, images };
}

async function compare(
  before: Content,
  after: Content,
  evidence: Partial<Evidence> & { readonly isFolder?: boolean; readonly hasIndex?: boolean } = {},
): Promise<string> {
  const [was, is] = [await make(before), await make(after)];
  const { isFolder = false, hasIndex = true, ...known } = evidence;
  const { causes, unclear } = compareBundle({
    former: {
      manifest: was.bundle.manifestBytes,
      compose: was.text,
      files: hasIndex ? new Map(was.bundle.files.map(({ path, digest }) => [path, digest])) : undefined,
    },
    bundle: is.bundle,
    hasComposeLayers: is.bundle.composeLayers.length > 0,
    outline: outlineCompose(
      is.text,
      is.images.map(({ pinned }) => pinned),
    ),
    images: is.images,
    isCovered: (name) => name.startsWith(PLACE),
    isFolder,
    evidence: { sameOptions: false, sameRules: false, onlyRules: true, ...known },
  });
  return [causes.join('+'), unclear.join('/')].join('|');
}

const OTHER_RULES = { onlyRules: false };
const RECORDED = { sameRules: true, sameOptions: true };

describe('compareBundle', () => {
  test.each<[string, Content, Content, Parameters<typeof compare>[2], string]>([
    ['another text', {}, { text: 'a: 2' }, {}, '|source/option'],
    ['another text, by rules that may be others', {}, { text: 'a: 2' }, OTHER_RULES, '|source/option/format'],
    ['another text, that was recorded', {}, { text: 'a: 2' }, RECORDED, 'source|'],
    ['another text of the same package', {}, { text: 'a: 2' }, { pkg: 'same' }, 'option|'],
    ['the same, by other rules', {}, { text: 'a: 2' }, { ...OTHER_RULES, pkg: 'same' }, '|option/format'],
    [
      'another text of a package that tells all',
      {},
      { text: 'a: 2' },
      { ...OTHER_RULES, pkg: 'only-cause' },
      'source|',
    ],
    ['another text of a folder', {}, { text: 'a: 2' }, { isFolder: true }, 'source|'],
    ['an image of the factory', {}, { main: 'next' }, OTHER_RULES, 'image|'],
    [
      'an image by a digest that is written',
      {},
      { main: 'next', written: `${PLACE}web@sha256:0` },
      {},
      '|source/option',
    ],
    ['a third-party image', {}, { cache: 'next' }, {}, 'image|'],
    ['another reference', {}, { cache: 'next', reference: 'docker.io/library/redis:7' }, {}, '|source/option'],
    ['another reference with the same digest', {}, { reference: 'docker.io/library/redis:7' }, {}, '|source/option'],
    ['an image and the text', {}, { main: 'next', text: 'a: 2' }, {}, 'image|source/option'],
    ['a support file', { files: { a: '1' } }, { files: { a: '2' } }, OTHER_RULES, 'source|'],
    ['one support file more', {}, { files: { a: '2' } }, {}, '|source/option'],
    ['the same without an index', {}, { files: { a: '2' } }, { hasIndex: false }, '|source/option/format'],
    ['an executable file', { files: { a: '1' } }, { files: { a: '1' }, executable: true }, {}, '|source/format'],
    ['the same, recorded', { files: { a: '1' } }, { files: { a: '1' }, executable: true }, RECORDED, 'source|'],
    ['a layer that goes', {}, { hasLayer: false }, {}, 'option|'],
    ['a layer that goes, by other rules', {}, { hasLayer: false }, OTHER_RULES, '|option/format'],
  ])('%s', async (_, before, after, evidence, told) => {
    expect(await compare(before, after, evidence)).toBe(told);
  });
});

describe('compareDockerApp', () => {
  const own = `${PLACE}web@${digestOf('one')}`;
  const text = (image: string, more = ''): Buffer => Buffer.from(`services: { main: { image: ${image} } }\n${more}`);

  async function told(before: Buffer, after: Buffer, isDual = true): Promise<string> {
    const { images } = await make();
    const outline = (bytes: Buffer) => outlineDockerApp(bytes, PLACE, images);
    const {
      causes,
      unclear,
      images: moved,
    } = compareDockerApp({
      former: outline(before),
      now: outline(after),
      images,
      isDual,
    });
    return [causes.join('+'), unclear.join('/'), moved.length].join('|');
  }

  test.each<[string, Buffer, boolean, string]>([
    ['another text', text(own, '# old'), true, 'source||0'],
    ['another digest', text(`${PLACE}web@${digestOf('old')}`), true, 'image||1'],
    ['both', text(`${PLACE}web@${digestOf('old')}`, '# old'), true, 'source+image||0'],
    ['a tag in place of the digest', text(`${PLACE}web:abc`), true, '|image/format|0'],
    ['a tag and another text', text(`${PLACE}web:abc`, '# old'), true, '|source/image/option/format|0'],
    ['another text, from before there were bundles', text(own, '# old'), false, '|source/option/format|0'],
  ])('%s', async (_, before, isDual, expected) => {
    expect(await told(before, text(own), isDual)).toBe(expected);
  });

  test('names that only begin like an image are text', async () => {
    expect(await told(text(own, `${PLACE}web:1-x/y`), text(own, `${PLACE}web:2-x/y`))).toBe('source||0');
  });
});
