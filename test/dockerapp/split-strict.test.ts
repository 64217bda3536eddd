import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitPackage } from '../../src/dockerapp/split.ts';
import { RebundleError } from '../../src/errors.ts';
import type { AppPackage, Semantics } from '../../src/model/app.ts';

const PATH = 'web.dockerapp';

function split(text: string, semantics: Semantics | 'auto'): Promise<AppPackage> {
  return splitPackage({
    location: { name: 'web', path: PATH, kind: 'single-file', selected: true },
    origin: { repository: 'r', path: PATH },
    files: [],
    read: async () => Buffer.from(text),
    semantics,
  });
}

/** The three texts, or the error. */
async function parts(text: string, semantics: Semantics | 'auto'): Promise<readonly string[] | string> {
  try {
    const { metadata, compose, parameters } = await split(text, semantics);
    for (const part of [metadata, compose, parameters]) {
      expect(text.slice(part.offset, part.offset + part.text.length)).toBe(part.text);
      expect(part.line).toBe(text.slice(0, part.offset).split('\n').length);
    }
    return [metadata.text, compose.text, parameters.text];
  } catch (thrown) {
    if (thrown instanceof RebundleError) return thrown.message;
    throw thrown;
  }
}

const EXPECTED = 'malformed single-file application: expected 3 documents';

describe('a single file as one line split it', () => {
  it.each<[string, readonly string[] | string, readonly string[] | string]>([
    ['a\n---\nb\n---\nc\n', ['a', 'b', 'c\n'], ['a', 'b', 'c\n']],
    ['a\n--\nb\n--\nc\n', ['a', 'b', 'c\n'], `${EXPECTED}, got 1`],
    ['a\n--- # x\nb\n----y\nc', ['a', 'b', 'c'], `${EXPECTED}, got 1`],
    ['a\r\n---\r\nb\r\n---\r\nc\r\n', ['a', 'b', 'c\r\n'], `${EXPECTED}, got 1`],
    ['a\n---\nb\n--x\n---\nc\n', EXPECTED, ['a', 'b\n--x', 'c\n']],
    ['a\n---\nb\n---', ['a', 'b', ''], `${EXPECTED}, got 2`],
    ['a\n---\nb\n---\nc\n---\n', EXPECTED, `${EXPECTED}, got 4`],
    ['\n---\na\n---\nb\n---\nc\n', EXPECTED, `${EXPECTED}, got 4`],
    ['---\na\n---\nb\n---\nc\n', ['a', 'b', 'c\n'], ['a', 'b', 'c\n']],
    ['\ufeffa\n---\nb\n---\nc\n', ['a', 'b', 'c\n'], ['a', 'b', 'c\n']],
    ['a\n---\nb\n---\n---\nc\n', EXPECTED, ['a', 'b', '---\nc\n']],
  ])('%j', async (text, old, modern) => {
    expect(await parts(text, '0.2')).toEqual(old);
    expect(await parts(text, '0.4-0.8')).toEqual(modern);
  });

  it('was none in 0.9', async () =>
    expect(await parts('a\n---\nb\n---\nc\n', '0.9')).toBe('cannot load app from tar: unexpected EOF'));

  it('is split alike by auto wherever 0.4 to 0.8 split it', async () => {
    const piece = fc.constantFrom('\n---\n', '\n', 'a', '--', '---', '\n--\n', ' ', '# c');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        const text = pieces.join('');
        const strict = await parts(text, '0.4-0.8');
        if (typeof strict !== 'string' && text.startsWith('a')) expect(await parts(text, 'auto')).toEqual(strict);
      }),
    );
  });
});

describe('the line that auto tells from the form', () => {
  const compose = 'version: "3.6"\nservices: {}\n';
  it.each<[string, Semantics]>([
    [`name: a\n---\n${compose}---\n`, '0.4-0.8'],
    [`name: a\n--\n${compose}--\n`, '0.2'],
    [`name: a\n--\n${compose.replace('3.6', '3.7')}--\n`, '0.4-0.8'],
    [`name: a\r\n---\r\n${compose}---\r\n`, '0.4-0.8'],
  ])('%j', async (text, expected) => {
    const pkg = await split(text, 'auto');
    expect([pkg.semantics, pkg.strict]).toEqual([expected, undefined]);
  });

  it('is the one that was chosen, where one was', async () => {
    const pkg = await split(`name: a\n---\n${compose}---\n`, '0.2');
    expect([pkg.semantics, pkg.strict]).toEqual(['0.2', true]);
  });
});
