import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTagRules } from '../../src/targets/tag-rules.ts';
import { errorOf } from './samples.ts';

describe('parseTagRules', () => {
  test.each([
    ['main', [['main', 'main']]],
    [
      'tag1,tag2',
      [
        ['tag1', 'tag1'],
        ['tag2', 'tag2'],
      ],
    ],
    [
      'tag1:blah,tag2',
      [
        ['tag1', 'blah'],
        ['tag2', 'tag2'],
      ],
    ],
    [
      'a:main, b:main',
      [
        ['a', 'main'],
        ['b', 'main'],
      ],
    ],
    ['post-merge_1.2/x', [['post-merge_1.2/x', 'post-merge_1.2/x']]],
  ])('reads %s', (text, rules) => {
    expect(parseTagRules(text).map((rule) => [rule.tag, rule.parent])).toEqual(rules);
    expect(parseTagRules(text.split(',')).map((rule) => [rule.tag, rule.parent])).toEqual(rules);
  });

  test.each([
    ['', 'a tag is empty (character 1)'],
    ['  ', 'a tag is empty (character 3)'],
    ['main,', 'a tag is empty (character 6)'],
    ['main,,x', 'a tag is empty (character 6)'],
    [':main', 'the tag in :main is empty (character 1)'],
    ['x, main:', 'the parent tag in main: is empty (character 4)'],
    ['a:b:c', 'a:b:c has more than one colon (character 1)'],
    ['a b', 'the tag a b has a blank'],
    ['a:b c', 'the parent tag b c has a blank'],
    ['a : b', 'the tag a  has a blank'],
    ['caf\u00e9', 'not printable ASCII'],
    ['a\u0007', 'the tag a\\x07 has'],
    ['main,x,main', 'the tag main is there twice (character 8)'],
    ['main,main:x', 'the tag main is there twice (character 6)'],
  ])('refuses %j', (text, problem) => {
    const error = errorOf(() => parseTagRules(text));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(problem);
  });

  test('names the entry of a list', () => {
    expect(errorOf(() => parseTagRules(['a', 'b,a'])).message).toContain('(entry 2, character 3)');
    expect(errorOf(() => parseTagRules([])).message).toContain('no tag is given');
  });

  test('reads back what a list of distinct tags is written as', () => {
    const tag = fc.stringMatching(/^[!-+.-9;-~-]{1,12}$/);
    const rules = fc.uniqueArray(fc.record({ tag, parent: tag }), { minLength: 1, selector: (rule) => rule.tag });
    fc.assert(
      fc.property(rules, (list) => {
        expect(parseTagRules(list.map((rule) => `${rule.tag}:${rule.parent}`).join(' , '))).toEqual(list);
      }),
    );
  });
});
