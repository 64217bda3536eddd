import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { describe, expect, it } from 'vitest';
import { RebundleError } from '../../src/errors.ts';
import type { Semantics } from '../../src/model/app.ts';
import { openPackage } from '../../src/pipeline/open-package.ts';
import type { Source } from '../../src/source/source.ts';

interface TarEntry {
  readonly path: string;
  readonly text?: string;
  readonly type?: 'File' | 'Directory' | 'SymbolicLink';
  readonly mode?: number;
}

function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ path, text = '', type = 'File', mode = 0o644 }) => {
    const bytes = Buffer.from(text);
    const header = new Header({
      path,
      type,
      mode,
      size: bytes.length,
      ...(type === 'SymbolicLink' ? { linkpath: '/etc/passwd' } : {}),
    });
    header.encode();
    return [header.block ?? Buffer.alloc(0), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const CORE: readonly TarEntry[] = [
  { path: 'metadata.yml', text: 'name: web\nversion: 1.0.0\n' },
  { path: 'docker-compose.yml', text: 'version: "3.6"\nservices:\n  a:\n    image: x:${k}\n' },
  { path: 'settings.yml', text: 'k: v\n' },
];

function sourceOf(bytes: Uint8Array): Source {
  return {
    origin: { repository: 'r', path: '' },
    async *list() {},
    read: async (path) => Buffer.from(path === 'web.dockerapp' ? bytes : `of the repository: ${path}`),
    async *open(path) {
      yield Buffer.from(`of the repository: ${path}`);
    },
  };
}

function open(bytes: Uint8Array, semantics: Semantics | 'auto' = 'auto') {
  return openPackage({
    location: { name: 'web', path: 'web.dockerapp', kind: 'single-file', selected: true },
    origin: { repository: 'r', path: 'web.dockerapp' },
    source: sourceOf(bytes),
    entries: [
      { path: 'web.dockerapp', mode: 'file', size: bytes.length },
      { path: 'web/start.sh', mode: 'executable', size: 3 },
    ],
    semantics,
  });
}

async function failure(bytes: Uint8Array, semantics: Semantics | 'auto' = 'auto'): Promise<string> {
  try {
    await open(bytes, semantics);
  } catch (thrown) {
    if (thrown instanceof RebundleError) return `${thrown.code} ${thrown.message}`;
  }
  return 'none';
}

describe('a package that is a tar', () => {
  const entries = [
    ...CORE,
    { path: './conf/', type: 'Directory' as const },
    { path: './conf/app.conf', text: 'x' },
    { path: 'run.sh', text: '#!/bin/sh\n', mode: 0o755 },
    { path: 'images/a', text: 'saved image' },
    { path: 'link', type: 'SymbolicLink' as const },
  ];

  it.each([
    ['plain', tarOf(entries)],
    ['compressed', gzipSync(tarOf(entries))],
  ])('%s is read as a folder', async (_, bytes) => {
    const { pkg, location, source, entries: all } = await open(bytes);
    expect([pkg.kind, location.kind]).toEqual(['tar', 'tar']);
    expect(pkg.bytes).toBeUndefined();
    expect(pkg.parameters.text).toBe('k: v\n');
    expect(pkg.attachments.map(({ path, mode }) => [path, mode])).toEqual([
      ['web.dockerapp/conf/app.conf', 'file'],
      ['web.dockerapp/run.sh', 'executable'],
    ]);
    expect(all.map(({ path }) => path)).toContain('web/start.sh');
    expect(all.map(({ path }) => path)).not.toContain('web.dockerapp');
    expect((await source.read('web.dockerapp/conf/app.conf', 10)).toString()).toBe('x');
    expect((await source.read('web/start.sh', 10)).toString()).toBe('of the repository: web/start.sh');
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.open('web.dockerapp/run.sh')) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('#!/bin/sh\n');
    await expect(source.read('web.dockerapp/run.sh', 3)).rejects.toThrow('is larger than 3 bytes');
  });

  it.each(['../x', '/etc/passwd', 'a/../../b', 'a\\b', 'a\nb'])('with the name %j is refused', async (path) =>
    expect(await failure(tarOf([...CORE, { path, text: 'x' }]))).toMatch(/^APP_FORM .*leaves the package/),
  );

  it('that lacks a document is refused', async () =>
    expect(await failure(tarOf(CORE.slice(1)))).toBe(
      'APP_FILE_MISSING open web.dockerapp/metadata.yml: no such file or directory',
    ));

  it('that is cut off or damaged is refused', async () => {
    const whole = gzipSync(tarOf(CORE));
    expect(await failure(whole.subarray(0, whole.length / 2))).toMatch(/^APP_FORM /);
    expect(await failure(tarOf(CORE).subarray(0, 700))).toMatch(/^APP_FORM /);
    expect(await failure(gzipSync(Buffer.from('no tar')))).toMatch(/^APP_FORM /);
  });

  it('that unpacks to too much is refused', async () => {
    const bomb = gzipSync(tarOf([{ path: 'zeros', text: '\0'.repeat(300 * 1024 * 1024) }]));
    expect(await failure(bomb)).toMatch(/^SOURCE_LIMIT .*unpacked/);
  });

  it('that is compressed in many parts is read, also where most are empty', async () => {
    const [tar, empty] = [tarOf(CORE), gzipSync('')];
    const halves = [tar.subarray(0, 700), tar.subarray(700)].map((half) => gzipSync(half));
    const { pkg } = await open(Buffer.concat([...halves, ...Array.from({ length: 20_000 }, () => empty)]));
    expect(pkg.parameters.text).toBe('k: v\n');
    expect(await failure(Buffer.concat(Array.from({ length: 20_000 }, () => empty)))).toMatch(/^APP_FORM /);
  });

  it('that is compressed again is refused before it is unpacked', async () => {
    const inner = gzipSync(tarOf([{ path: 'zeros', text: '\0'.repeat(1024 * 1024) }]));
    expect(await failure(gzipSync(inner))).toBe(
      'APP_FORM web.dockerapp: is no tar that can be read: it is compressed twice',
    );
    expect(await failure(gzipSync(gzipSync(tarOf(CORE))))).toMatch(/^APP_FORM .*compressed twice/);
    expect(await failure(gzipSync(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...tarOf(CORE)])))).toMatch(/^APP_FORM /);
  });

  it('was not read compressed by 0.2', async () => {
    expect(await failure(gzipSync(tarOf(CORE)), '0.2')).toMatch(/^APP_FORM .*0\.2 did not read/);
    expect(await failure(tarOf(CORE), '0.2')).toBe('none');
  });
});
