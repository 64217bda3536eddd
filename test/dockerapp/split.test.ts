import { describe, expect, it } from 'vitest';
import { MAX_PACKAGE_FILE, type PackageInput, splitPackage } from '../../src/dockerapp/split.ts';
import { splitDocuments } from '../../src/dockerapp/split-text.ts';
import { RebundleError } from '../../src/errors.ts';
import type { FileEntry, PackageLocation } from '../../src/model/app.ts';

function split(text: string): string[] {
  return splitDocuments(text, 'a').map((part) => part.text);
}

describe('splitDocuments', () => {
  it.each<[string, string[]]>([
    ['m\n---\nc\n---\np\n', ['m', 'c', 'p\n']],
    ['m\n---\nc\n---\n', ['m', 'c', '']],
    ['m\n---\nc\n---', ['m', 'c', '']],
    ['m\n---\nc\n', ['m', 'c\n', '']],
    ['m\n---\nc', ['m', 'c', '']],
    ['m\n--\nc\n--\np', ['m', 'c', 'p']],
    ['m\n--\nc\n---\np', ['m', 'c', 'p']],
    ['m\n--\nc', ['m', 'c', '']],
    ['m\n---\n--\n---\np', ['m', '--', 'p']],
    ['---\nm\n---\nc\n---\np', ['m', 'c', 'p']],
    ['--- # meta\nm\n---\nc\n---\np', ['m', 'c', 'p']],
    ['--\nm\n--\nc\n--\np', ['m', 'c', 'p']],
    ['m\n--- \t\nc\n---#x\np', ['m', 'c', 'p']],
    ['m\n--- # a\nc\n--- # b\np', ['m', 'c', 'p']],
    ['m\r\n---\r\nc\r\n---\r\np\r\n', ['m', 'c', 'p\r\n']],
    ['\ufeffm\n---\nc\n---\np', ['m', 'c', 'p']],
    ['\ufeff---\nm\n---\nc\n---\np', ['m', 'c', 'p']],
    ['m\n---\n---\nc\n---\np', ['m', '---\nc', 'p']],
    ['m\n---\nc\n---\n---\np', ['m', 'c', '---\np']],
    ['m\n---\nc\n---\np\n---', ['m', 'c', 'p\n---']],
    // Three documents to docker-app 0.4 to 0.8, whatever else looks like a separator.
    ['m\n---\nc\n--- # second\nd\n---\np\n--- \n--\n', ['m', 'c\n--- # second\nd', 'p\n--- \n--\n']],
    ['m\r\n---\nc\r\n---\r\n---\np', ['m', 'c\r\n---', 'p']],
    ['m\n---\n ---\n----\n--- x\n---\np', ['m', ' ---\n----\n--- x', 'p']],
  ])('%j', (text, expected) => expect(split(text)).toEqual(expected));

  it('names places in the file', () => {
    expect(splitDocuments('\ufeffm\nm2\r\n---\r\nc\n---\np', 'a')).toEqual([
      { text: 'm\nm2', path: 'a', offset: 1, line: 1 },
      { text: 'c', path: 'a', offset: 12, line: 4 },
      { text: 'p', path: 'a', offset: 18, line: 6 },
    ]);
  });

  it('gives slices of the text', () => {
    const text = '---\r\nm\n--- # x\nc\n---\np';
    for (const part of splitDocuments(text, 'a'))
      expect(text.slice(part.offset, part.offset + part.text.length)).toBe(part.text);
  });

  it.each([
    ['', 1, 1],
    ['m\n', 1, 1],
    ['\n---\nm\n---\nc\n---\np', 4, 6],
    ['m\n---\nc\n---\np\n---\n', 4, 6],
    ['m\n---\nc\n---\np\n---\nx\n---\ny\n', 5, 6],
    ['m\n--\nc\n--\np\n--\n', 1, 1],
  ])('refuses %j', (text, documents, line) => {
    expect(() => split(text)).toThrow(
      expect.objectContaining({
        code: 'APP_SPLIT',
        message: `malformed single-file application: expected 3 documents, got ${documents}`,
        location: { path: 'a', line, column: 1 },
      }),
    );
  });
});

const origin = { repository: 'r', path: 'web.dockerapp' };

function inputOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  location: Partial<PackageLocation> = {},
): PackageInput {
  const entries: FileEntry[] = Object.entries(files).map(([path, content]) => ({
    path,
    mode: 'file',
    size: content.length,
  }));
  const kind = Object.keys(files).some((path) => path.startsWith('web.dockerapp/')) ? 'folder' : 'single-file';
  return {
    location: { name: 'web', path: 'web.dockerapp', kind, selected: true, ...location },
    origin,
    files: [...entries, { path: 'web.dockerapp/empty', mode: 'directory', size: 0 }],
    read: async (path, limit) => {
      expect(limit).toBe(MAX_PACKAGE_FILE);
      return Buffer.from(files[path] ?? '');
    },
  };
}

async function failure(input: PackageInput): Promise<string> {
  try {
    await splitPackage(input);
  } catch (thrown) {
    if (thrown instanceof RebundleError) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
  throw new Error('expected an error');
}

describe('splitPackage', () => {
  it('keeps the bytes of a single file', async () => {
    const text = 'm\n---\nc\n---\np';
    const pkg = await splitPackage(inputOf({ 'web.dockerapp': text }));
    expect(Buffer.from(pkg.bytes ?? []).toString()).toBe(text);
    expect(pkg).toMatchObject({ name: 'web', origin, kind: 'single-file', attachments: [], diagnostics: [] });
  });

  it('reads the files of a folder; the rest is attached', async () => {
    const pkg = await splitPackage(
      inputOf({
        'web.dockerapp/metadata.yml': 'm',
        'web.dockerapp/docker-compose.yml': 'c',
        'web.dockerapp/settings.yml': 's',
        'web.dockerapp/.hidden': 'x',
        'web.dockerapp/sub/metadata.yml': 'x',
      }),
    );
    expect(pkg.bytes).toBeUndefined();
    expect(
      [pkg.metadata, pkg.compose, pkg.parameters].map(({ text, path, offset, line }) => [text, path, offset, line]),
    ).toEqual([
      ['m', 'web.dockerapp/metadata.yml', 0, 1],
      ['c', 'web.dockerapp/docker-compose.yml', 0, 1],
      ['s', 'web.dockerapp/settings.yml', 0, 1],
    ]);
    expect(pkg.attachments.map(({ path }) => path)).toEqual([
      'web.dockerapp/.hidden',
      'web.dockerapp/sub/metadata.yml',
    ]);
  });

  const core = { 'web.dockerapp/metadata.yml': 'm', 'web.dockerapp/docker-compose.yml': 'c' };

  it('takes two equal parameter files with a note', async () => {
    const pkg = await splitPackage(
      inputOf({ ...core, 'web.dockerapp/settings.yml': 's', 'web.dockerapp/parameters.yml': 's' }),
    );
    expect(pkg.parameters.path).toBe('web.dockerapp/parameters.yml');
    expect(pkg.diagnostics.map(({ code }) => code)).toEqual(['package.both-parameter-files']);
    expect(pkg.attachments).toEqual([]);
  });

  it.each([
    [
      { ...core, 'web.dockerapp/settings.yml': 's', 'web.dockerapp/parameters.yml': 'p' },
      'PARAM_CONFLICT web.dockerapp/parameters.yml and web.dockerapp/settings.yml are both there and differ: docker-app up to 0.6 read settings.yml, later ones parameters.yml',
    ],
    [core, 'APP_FILE_MISSING open web.dockerapp/parameters.yml: no such file or directory'],
    [
      { 'web.dockerapp/metadata.yml': 'm' },
      'APP_FILE_MISSING open web.dockerapp/docker-compose.yml: no such file or directory',
    ],
    [{ 'web.dockerapp/x': '' }, 'APP_FILE_MISSING open web.dockerapp/metadata.yml: no such file or directory'],
    [{ 'web.dockerapp': Buffer.from([0x6d, 0xff]) }, 'APP_FORM web.dockerapp is not UTF-8 text'],
    [{ 'web.dockerapp': Buffer.from([0x1f, 0x8b, 8]) }, 'APP_FORM web.dockerapp is a tar archive, not a single file'],
    [{ 'web.dockerapp': `${'\0'.repeat(257)}ustar` }, 'APP_FORM web.dockerapp is a tar archive, not a single file'],
    [{ 'web.dockerapp': '' }, 'APP_SPLIT malformed single-file application: expected 3 documents, got 1'],
  ])('refuses %j', async (files, expected) => expect(await failure(inputOf(files))).toBe(expected));

  it.each(['', '.', '..', 'a\nb', 'a\\b', '\u202ea'])('refuses the name %j', async (name) => {
    expect(await failure(inputOf({ 'web.dockerapp': 'm\n---\nc' }, { name }))).toMatch(/^APP_NAME_INVALID /);
  });
});
