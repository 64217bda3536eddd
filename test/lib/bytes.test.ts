import { describe, expect, it } from 'vitest';
import { compareText, decodeUtf8, once, readAll } from '../../src/lib/bytes.ts';
import { canonicalJson } from '../../src/lib/canonical-json.ts';
import { digestOf, digestStream, hexOf, isDigest } from '../../src/lib/digest.ts';

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe('readAll', () => {
  it('joins the chunks', async () => {
    expect((await readAll(chunks('ab', '', 'c'), 3, 'x')).toString()).toBe('abc');
    expect((await readAll(once(Buffer.from('x')), 1, 'x')).toString()).toBe('x');
  });

  it('stops above the limit, naming what was read', async () => {
    await expect(readAll(chunks('ab', 'cd'), 3, 'the blob')).rejects.toMatchObject({
      code: 'SOURCE_LIMIT',
      message: 'the blob is larger than 3 bytes',
    });
  });
});

describe('decodeUtf8', () => {
  it('keeps a byte order mark', () => expect(decodeUtf8(Buffer.from('\ufeffé'))).toBe('\ufeffé'));

  it.each([[[0xff]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0xe2, 0x82]]])('does not take %j', (bytes) => {
    expect(decodeUtf8(Uint8Array.from(bytes))).toBeUndefined();
  });
});

it('compares by UTF-16 units', () => {
  expect(['b', 'é', 'a', 'Z', 'a-', ''].sort(compareText)).toEqual(['', 'Z', 'a', 'a-', 'b', 'é']);
  expect(compareText('a', 'a')).toBe(0);
});

describe('canonicalJson', () => {
  it('sorts keys at every depth and leaves out what is undefined', () => {
    expect(canonicalJson({ b: [{ z: 1, a: undefined, 10: 2, 9: 3 }], a: 'é"\n' })).toBe(
      '{"a":"é\\"\\n","b":[{"10":2,"9":3,"z":1}]}',
    );
  });

  it('writes what has no value in a list as null', () =>
    expect(canonicalJson([undefined, null, true])).toBe('[null,null,true]'));

  it('keeps a member named __proto__', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1},"b":1}');
  });
});

describe('digests', () => {
  const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

  it('are sha256 in lower-case hex', async () => {
    expect(digestOf('')).toBe(empty);
    expect(hexOf(digestOf(''))).toBe(empty.slice(7));
    expect(await digestStream(chunks('a', 'bc'))).toEqual({ digest: digestOf('abc'), size: 3 });
  });

  it.each([
    [empty, true],
    [empty.toUpperCase(), false],
    [`${empty}0`, false],
    [`${empty}\n`, false],
    ['sha256:abc', false],
    ['sha512:abc', false],
  ])('%j is one: %s', (text, expected) => expect(isDigest(text)).toBe(expected));
});
