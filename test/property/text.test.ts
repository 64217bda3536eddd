import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { substituteReferences, tokenizeReferences } from '../../src/dockerapp/references.ts';
import { splitDocuments } from '../../src/dockerapp/split-text.ts';
import { compareText } from '../../src/lib/bytes.ts';
import { canonicalJson } from '../../src/lib/canonical-json.ts';
import { formatPlatform, normalizePlatform, parsePlatform } from '../../src/lib/platform.ts';
import { formatReference, parseReference } from '../../src/lib/reference.ts';
import { applyEdits, mapOffsets } from '../../src/lib/text-edit.ts';
import type { TextEdit } from '../../src/model/app.ts';
import { renderByPattern } from './docker-app-oracle.ts';

const runs = { numRuns: 1_000 };
const dollarText = fc
  .array(
    fc.constantFrom(
      '$',
      '$$',
      '${',
      '}',
      'a',
      'k.',
      '-',
      ':-',
      '?',
      ' ',
      '1',
      '_',
      'é',
      '${a}',
      '$b',
      '\n',
      '\u017f',
      '"',
      ':',
      '{',
    ),
  )
  .map((pieces) => pieces.join(''));

describe('references of docker-app', () => {
  it('are tokens that join to the source', async () => {
    await fc.assert(
      fc.property(fc.oneof(dollarText, fc.string({ unit: 'binary' })), (text) => {
        const tokens = tokenizeReferences(text);
        expect(tokens.map((token) => token.text).join('')).toBe(text);
        expect(tokens.every((token) => token.text !== '')).toBe(true);
      }),
      runs,
    );
  });

  it('give what replacing by the pattern gives', async () => {
    await fc.assert(
      fc.property(
        dollarText,
        fc.dictionary(fc.constantFrom('a', 'k.', 'b', '_', 'a-'), fc.constantFrom('v', '', '$a')),
        (source, values) => {
          // The pattern of the oracle does not fold case as Go does.
          const text = source.replaceAll('\u017f', 's');
          const lookup = (name: string): string | undefined => (Object.hasOwn(values, name) ? values[name] : undefined);
          const result = substituteReferences(tokenizeReferences(text), lookup);
          expect(result.error === undefined ? { text: result.text } : { error: true }).toEqual(
            renderByPattern(text, lookup),
          );
        },
      ),
      runs,
    );
  });
});

describe('text edits', () => {
  /** A text with edits that do not overlap, in order. */
  const edited = fc
    .tuple(fc.string(), fc.array(fc.tuple(fc.nat(5), fc.nat(3), fc.string({ maxLength: 4 }))))
    .map(([text, steps]) => {
      const edits: TextEdit[] = [];
      let at = 0;
      for (const [gap, length, replacement] of steps) {
        const start = at + gap + 1;
        const end = start + length;
        if (end > text.length) break;
        edits.push({ start, end, text: replacement });
        at = end;
      }
      return { text, edits };
    });

  it('give the same whether they are applied at once or from the end', async () => {
    await fc.assert(
      fc.property(edited, ({ text, edits }) => {
        let expected = text;
        for (const { start, end, text: replacement } of edits.toReversed())
          expected = expected.slice(0, start) + replacement + expected.slice(end);
        expect(applyEdits(text, edits)).toBe(expected);
        expect(applyEdits(text, edits.toReversed())).toBe(expected);
      }),
      runs,
    );
  });

  it('let every place of the result be found in the source', async () => {
    await fc.assert(
      fc.property(edited, ({ text, edits }) => {
        const result = applyEdits(text, edits);
        let before = 0;
        for (let offset = 0; offset < result.length; offset++) {
          const source = mapOffsets(edits)(offset);
          expect(source).toBeGreaterThanOrEqual(before);
          expect(source).toBeLessThanOrEqual(text.length);
          before = source;
          if (!edits.some(({ start }) => start === source)) expect(text[source]).toBe(result[offset]);
        }
      }),
      runs,
    );
  });
});

describe('splitting a single file', () => {
  const line = fc.constantFrom('---', '--', '--- # x', '--- ', 'name: x', '', ' ---', '----', 'a: |', '...', '# c');
  const document = fc
    .tuple(fc.boolean(), fc.array(line, { maxLength: 9 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
    .map(([bom, lines, eol, closed]) => `${bom ? '\ufeff' : ''}${lines.join(eol)}${closed ? eol : ''}`);

  it('gives slices in order, with their places, or refuses', async () => {
    await fc.assert(
      fc.property(document, (text) => {
        let parts: ReturnType<typeof splitDocuments>;
        try {
          parts = splitDocuments(text, 'p');
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'APP_SPLIT' });
          return;
        }
        let end = 0;
        for (const part of parts) {
          expect(part.offset).toBeGreaterThanOrEqual(end);
          expect(text.slice(part.offset, part.offset + part.text.length)).toBe(part.text);
          expect(part.line).toBe(text.slice(0, part.offset).split('\n').length);
          end = part.offset + part.text.length;
        }
        expect(parts[0].text).not.toMatch(/^\ufeff/);
      }),
      runs,
    );
  });

  it('agrees with docker-app 0.4 to 0.8 wherever that split the file', async () => {
    const inner = fc
      .tuple(
        fc.constantFrom('a', '\r', ''),
        fc.array(line.filter((each) => each !== '---')),
        fc.constantFrom('\n', '\r\n'),
      )
      .map(([first, lines, eol]) => [first, ...lines].join(eol));
    await fc.assert(
      fc.property(fc.tuple(inner, inner, inner), (documents) => {
        const text = documents.join('\n---\n');
        fc.pre(text.split('\n---\n').length === 3);
        const expected = documents.map((each, i) => (i < 2 ? each.replace(/\r$/, '') : each));
        expect(splitDocuments(text, 'p').map((part) => part.text)).toEqual(expected);
      }),
      runs,
    );
  });
});

describe('image references', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,5}(?:(?:[._]|__|-{1,2})[a-z0-9]{1,5}){0,2}$/);
  const reference = fc
    .tuple(
      fc.constantFrom('', 'localhost/', 'host.example/', 'host:5000/', '[::1]:80/', 'UP/'),
      fc.array(word, { minLength: 1, maxLength: 3 }),
      fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,6}$/), { nil: undefined }),
      fc.boolean(),
    )
    .map(
      ([host, path, tag, pinned]) =>
        `${host}${host === '' ? 'org/' : ''}${path.join('/')}${tag === undefined ? '' : `:${tag}`}${pinned ? `@sha256:${'a'.repeat(64)}` : ''}`,
    );

  it('that were normalised are read as the same', async () => {
    await fc.assert(
      fc.property(reference, (text) => {
        const parsed = parseReference(text);
        expect(parseReference(formatReference(parsed))).toEqual(parsed);
      }),
      runs,
    );
  });

  it('are refused with IMAGE_REFERENCE, whatever the text', async () => {
    await fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          formatReference(parseReference(text));
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'IMAGE_REFERENCE' });
        }
      }),
      runs,
    );
  });
});

it('platforms are normalised once', async () => {
  const part = fc.constantFrom('linux', 'arm', 'arm64', 'amd64', 'v1', 'v7', 'v8', 'x');
  await fc.assert(
    fc.property(fc.array(part, { minLength: 2, maxLength: 3 }), (parts) => {
      const platform = normalizePlatform(parsePlatform(parts.join('/'))!);
      expect(normalizePlatform(platform)).toEqual(platform);
      expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
    }),
    runs,
  );
});

it('canonical JSON is JSON, and the same for every order of keys', async () => {
  const shuffle = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffle);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => compareText(b, a))
        .map(([key, member]) => [key, shuffle(member)]),
    );
  };
  await fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(shuffle(value))).toBe(text);
    }),
    runs,
  );
});
