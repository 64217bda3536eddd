import { describe, expect, it } from 'vitest';
import { applyEdits } from '../../src/lib/text-edit.ts';
import { memberOf, parseYaml, type YamlMap, type YamlSeq } from '../../src/lib/yaml.ts';
import { removeItems, removePairs } from '../../src/lib/yaml-edit.ts';

/** Removes members by name (`name#2` = the second of that name) from the map at `path`. */
function removeMembers(text: string, names: readonly string[], ...path: readonly string[]): string | undefined {
  const map = nodeAt(text, path) as YamlMap;
  const seen = new Map<string, number>();
  const removed = map.pairs.filter(({ name }) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return names.includes(count === 1 ? name : `${name}#${count}`);
  });
  const edits = removePairs(text, map, new Set(removed));
  return edits === undefined ? undefined : applyEdits(text, edits);
}

function removeAt(text: string, indexes: readonly number[], ...path: readonly string[]): string | undefined {
  const list = nodeAt(text, path) as YamlSeq;
  const edits = removeItems(text, list, new Set(list.items.filter((_, i) => indexes.includes(i))));
  return edits === undefined ? undefined : applyEdits(text, edits);
}

function nodeAt(text: string, path: readonly string[]) {
  let node = parseYaml({ text, path: 'a.yml', line: 1 }).root;
  for (const name of path) node = memberOf(node, name);
  if (node === undefined) throw new Error('no such node');
  return node;
}

describe('members of a block map', () => {
  const text = 'a: 1\n\n# about b\n  # twice\nb:\n  x: 1 # end\n\nc: 3\n';

  it('go with the comment lines right above them', () => {
    expect(removeMembers(text, ['b'])).toBe('a: 1\n\n\nc: 3\n');
  });

  it.each([
    [['a'], '\n# about b\n  # twice\nb:\n  x: 1 # end\n\nc: 3\n'],
    [['c'], 'a: 1\n\n# about b\n  # twice\nb:\n  x: 1 # end\n\n'],
    [['a', 'b'], '\n\nc: 3\n'],
    [['b', 'c'], 'a: 1\n\n\n'],
    [['a', 'c'], '\n# about b\n  # twice\nb:\n  x: 1 # end\n\n'],
  ])('%j', (names, expected) => expect(removeMembers(text, names)).toBe(expected));

  it('stay when nothing would be left, as that would be null', () => {
    expect(removeMembers('m:\n  a: 1\n', ['a'], 'm')).toBeUndefined();
  });

  it('do not take a line of a block text above them for a comment', () => {
    expect(removeMembers('a: |\n  # text\nb: 1\n', ['b'])).toBe('a: |\n  # text\n');
    expect(removeMembers('m:\n  a: "x\n    # text"\n  b: 1\n', ['b'], 'm')).toBe('m:\n  a: "x\n    # text"\n');
  });

  it('go when the map begins on the line of a list item', () => {
    const text = '- a: 1\n  a: 2\n  a: 3\n  b: 4\n';
    const list = parseYaml({ text, path: '', line: 1 }).root as YamlSeq;
    const map = list.items[0] as YamlMap;
    const edits = removePairs(text, map, new Set(map.pairs.slice(0, 2)));
    expect(applyEdits(text, edits ?? [])).toBe('- a: 3\n  b: 4\n');
    expect(removePairs(text, map, new Set(map.pairs.slice(0, 3)))).toHaveLength(1);
    expect(removePairs(text, map, new Set(map.pairs))).toBeUndefined();
  });

  it('go at the end of a text without a line end, and with CRLF', () => {
    expect(removeMembers('a: 1\nb: 2', ['b'])).toBe('a: 1\n');
    expect(removeMembers('a: 1\r\n# b\r\nb: 2\r\nc: 3\r\n', ['b'])).toBe('a: 1\r\nc: 3\r\n');
  });

  it('go with explicit keys, anchors and tags', () => {
    expect(removeMembers('a: 1\n? b\n: 2\n&x c: 3\n!!str d: &y 4\ne: 5\n', ['b', 'c', 'd'])).toBe('a: 1\ne: 5\n');
  });

  it('go when they have no value', () => expect(removeMembers('a:\nb:\nc: 1\n', ['a', 'b'])).toBe('c: 1\n'));
});

describe('members of a flow map', () => {
  it.each([
    ['{a: 1, b: 2, c: 3}', ['a'], '{b: 2, c: 3}'],
    ['{a: 1, b: 2, c: 3}', ['b'], '{a: 1, c: 3}'],
    ['{a: 1, b: 2, c: 3}', ['c'], '{a: 1, b: 2}'],
    ['{a: 1, b: 2, c: 3}', ['b', 'c'], '{a: 1}'],
    ['{a: 1, b: 2, c: 3}', ['a', 'c'], '{b: 2}'],
    ['{a: 1, b: 2, c: 3}', ['a', 'b', 'c'], '{}'],
    ['{a: 1,}', ['a'], '{}'],
    ['{\n  a: 1,\n  b: 2,\n}', ['b'], '{\n  a: 1,\n}'],
    ['{a: 1, a: 2, a: 3}', ['a', 'a#2'], '{a: 3}'],
  ])('%s without %j', (text, names, expected) => expect(removeMembers(text, names)).toBe(expected));
});

describe('items of a list', () => {
  it.each([
    ['l: [a, b, c]\n', [1], 'l: [a, c]\n'],
    ['l: [a, b, c]\n', [2], 'l: [a, b]\n'],
    ['l: [a, b, c]\n', [1, 2], 'l: [a]\n'],
    ['l: [a, b, c]\n', [0, 1], 'l: [c]\n'],
    ['l:\n  - a\n  # about b\n  - b # b\n  - c\n', [1], 'l:\n  - a\n  - c\n'],
    ['l:\n- a\n- b\n', [0], 'l:\n- b\n'],
    ['l:\n- a\n- b\n- c', [1, 2], 'l:\n- a\n'],
    ['l:\n  - &a-b x\n  - !!str y-z\n  -\n    w\n  - v\n', [0, 1, 2], 'l:\n  - v\n'],
    ['l:\n  - |\n    # a-b\n  - b\n', [1], 'l:\n  - |\n    # a-b\n'],
  ])('%j without %j', (text, indexes, expected) => expect(removeAt(text, indexes, 'l')).toBe(expected));

  it('stay when nothing would be left of a block', () => expect(removeAt('l:\n  - a\n', [0], 'l')).toBeUndefined());
});
