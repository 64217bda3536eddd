import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findIgnoreRule, parseIgnoreRules } from '../../src/bundle/ignore-rules.ts';

/** Whether the lines keep a path out. */
function ignores(lines: string, path: string): boolean {
  return findIgnoreRule(parseIgnoreRules(lines, 'web/.composeappignores'), path) !== undefined;
}

// What moby/patternmatcher v0.6 (ignorefile.ReadAll, New, MatchesOrParentMatches) answered for each of these.
describe('answers as Docker does', () => {
  it.each([
    // A pattern is anchored at the folder, and matches what is below a folder that it names.
    ['temp', 'temp', true],
    ['temp', 'temp/a/b', true],
    ['temp', 'sub/temp', false],
    ['/temp', 'temp', true],
    ['temp/', 'temp/a', true],
    ['./temp/../docs', 'docs/a', true],
    ['../secret', 'secret', false],
    // * and ? stay within a name.
    ['*/temp*', 'somedir/temporary.txt', true],
    ['*/temp*', 'somedir/temp/x', true],
    ['*/temp*', 'temp', false],
    ['*/*/temp*', 'a/b/temporary.txt', true],
    ['temp?', 'tempa', true],
    ['temp?', 'temp', false],
    ['temp?', 'temp/', false],
    ['a*c', 'a/c', false],
    ['*.md', 'README.md', true],
    ['*.md', 'docs/README.md', false],
    // ** takes any number of folders, none included.
    ['**/*.go', 'x.go', true],
    ['**/*.go', 'a/b/x.go', true],
    ['**/node_modules', 'a/node_modules/x/y', true],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**/b', 'a/xb', false],
    ['a/**', 'a/b', true],
    ['a/**', 'a', false],
    ['**', 'any/thing', true],
    ['**foo', 'xfoo', true],
    ['**/foo', 'xfoo', false],
    ['foo**bar', 'foo/x/bar', true],
    ['foo**bar', 'fooxbar', false],
    // Classes.
    ['[a-c].txt', 'b.txt', true],
    ['[^a-c].txt', 'b.txt', false],
    ['[^a-c].txt', 'd.txt', true],
    ['[a-]', 'a', 'malformed'],
    ['[]a]', 'a', 'malformed'],
    ['[z-a]', 'b', 'malformed'],
    ['[\\]]x', ']x', true],
    ['\\*.txt', '*.txt', true],
    ['\\*.txt', 'a.txt', false],
    ['x\\', 'x', 'malformed'],
    ['grüße', 'grüße', true],
    ['gr?ße', 'grüße', true],
    ['🚢?', '🚢x', true],
    // Characters that mean something elsewhere.
    ['a.c', 'abc', false],
    ['a+(b)|{c}$', 'a+(b)|{c}$', true],
    // Comments, blanks, the byte order mark, line ends.
    ['# a\n a \n', 'a', true],
    ['#a', '#a', false],
    [' #a', '#a', true],
    ['\ufeffa', 'a', true],
    ['a\r\nb\r\n', 'a', true],
    ['a\r\nb\r\n', 'b', true],
    ['\n\n', 'a', false],
    // Exceptions: the last rule that matches decides.
    ['*.md\n!README.md', 'README.md', false],
    ['*.md\n!README*.md\nREADME-secret.md', 'README-secret.md', true],
    ['*.md\nREADME-secret.md\n!README*.md', 'README-secret.md', false],
    ['docs\n!docs/keep', 'docs/keep/a', false],
    ['docs\n!docs/keep', 'docs/other', true],
    ['*\n!docker-compose.yml\n!conf', 'conf/nginx.conf', false],
    ['*\n!docker-compose.yml\n!conf', 'x', true],
    ['! a', 'a', false],
    ['a\n! a', 'a', false],
    ['!', 'a', 'malformed'],
    ['**/*.log\n!**/keep.log', 'a/b/keep.log', false],
  ])('%j on %j: %s', (lines, path, expected) => {
    if (expected === 'malformed') {
      expect(() => ignores(lines, path)).toThrow(
        expect.objectContaining({
          code: 'BUNDLE_PATH',
          location: { path: 'web/.composeappignores', line: 1, column: 1 },
        }),
      );
    } else expect(ignores(lines, path)).toBe(expected);
  });
});

it('says which line it was', () => {
  const rules = parseIgnoreRules('# what devices do not need\n\n*.md\n  docs/ \n', 'web/.composeappignores');
  expect(findIgnoreRule(rules, 'docs/a.txt')).toMatchObject({ file: 'web/.composeappignores', line: 4, text: 'docs/' });
});

it('takes no exponential time for a pattern of many stars', () => {
  const path = 'a'.repeat(1000);
  expect(ignores(`${'*a'.repeat(200)}b`, path)).toBe(false);
  expect(ignores(`${'**/a'.repeat(100)}b`, path.replaceAll('aa', 'a/'))).toBe(false);
});

it('refuses too many and too long rules', () => {
  const limit = expect.objectContaining({ code: 'BUNDLE_LIMIT' });
  expect(parseIgnoreRules('a\n'.repeat(1000), 'f')).toHaveLength(1000);
  expect(() => parseIgnoreRules('a\n'.repeat(1001), 'f')).toThrow(limit);
  expect(() => parseIgnoreRules('a'.repeat(1025), 'f')).toThrow(limit);
});

it('a path is ignored by its own name, escaped, and by that of each folder above it', () => {
  const name = fc.stringMatching(/^[a-z.*?[\]\\-]{1,8}$/).filter((text) => !/^\.{1,2}$|^other$/.test(text));
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), fc.nat(), (names, pick) => {
      const escaped = names.map((text) => text.replace(/[*?[\]\\-]/g, '\\$&'));
      const pattern = escaped.slice(0, 1 + (pick % names.length)).join('/');
      expect(ignores(pattern, names.join('/'))).toBe(true);
      expect(ignores(pattern, `other/${names.join('/')}`)).toBe(false);
    }),
  );
});
