import { describe, expect, test } from 'vitest';
import { MAX_TARGETS_BYTES, parseTargetsFile } from '../../src/targets/targets-file.ts';
import { errorOf, ostree, readFile } from './samples.ts';

describe('parseTargetsFile', () => {
  test('reads a bare role, with or without the members around it', () => {
    const whole = readFile(
      JSON.stringify({ _type: 'Targets', expires: 'x', targets: { a: ostree('rpi', 1) }, version: 1 }),
    );
    const small = readFile(JSON.stringify({ targets: { a: ostree('rpi', 1) } }));
    for (const file of [whole, small]) {
      expect([...file.targets.keys()]).toEqual(['a']);
      expect(file.targets.get('a')?.custom?.hardwareIds).toEqual(['rpi']);
      expect(file.signatures).toBeUndefined();
    }
  });

  test('reads a signed envelope in either order', () => {
    for (const text of [
      '{"signatures":[{}],"signed":{"targets":{"a":{}}}}',
      '{"signed":{"targets":{"a":{}}},"signatures":[{}]}',
    ]) {
      const file = readFile(text);
      expect([...file.targets.keys()]).toEqual(['a']);
      expect(text.slice(file.signatures?.start, file.signatures?.end)).toBe('[{}]');
    }
  });

  test('keeps the order of the file, even for names that are numbers, and unknown members', () => {
    const file = readFile(
      '{"other": {"x": [1]}, "targets": {"b": {"more": 1}, "10": {}, "2": {}, "__proto__": {"length": 3}}}',
    );
    expect([...file.targets.keys()]).toEqual(['b', '10', '2', '__proto__']);
    expect(file.targets.get('b')).toEqual({ more: 1 });
    expect(file.targets.get('__proto__')?.length).toBe(3);
    expect(({} as { length?: number }).length).toBeUndefined();
  });

  test('finds the targets of the role, not an object of that name elsewhere', () => {
    const text =
      '{"x": {"targets": {"no": {}}}, "signed/targets": {"no": {}}, "targets": {"yes": {"targets": {"no": {}}}}}';
    expect([...readFile(text).entries.members.keys()]).toEqual(['yes']);
  });

  test.each([
    ['a missing comma', '{"targets": {\n  "a": {} "b": {}\n}}', 2, 11, 'comma expected'],
    ['a trailing comma', '{"targets": {},\n}', 2, 1, 'property name expected'],
    ['a comment', '{\n// x\n"targets": {}}', 2, 1, 'invalid comment token'],
    ['a byte order mark', '\ufeff{"targets": {}}', 1, 1, 'invalid symbol'],
    ['nothing', '', 1, 1, 'value expected'],
    ['a control character', '{"targets": {"a\u0001": {}}}', 1, 14, 'invalid character'],
    ['a list', '[]', 1, 1, 'not an object'],
    ['no targets', '{"x": 1}', 1, 1, 'targets is not an object'],
    ['targets that are a list', '{\n "targets": []}', 2, 13, 'targets is not an object'],
    ['another role', '{"_type": "Snapshot", "targets": {}}', 1, 11, '_type is not Targets'],
    ['a role of an odd type', '{"_type": 1, "targets": {}}', 1, 11, '_type is not Targets'],
    ['signed that is no object', '{"signed": 1, "signatures": []}', 1, 12, 'signed is not an object'],
    ['signatures that are no list', '{"signatures": {}, "signed": {"targets": {}}}', 1, 16, 'signatures is not a list'],
    ['no signatures', '{"signed": {"targets": {}}}', 1, 1, 'signatures is not a list'],
    ['a target that is a text', '{"targets": {"a": {},\r\n "b": "x"}}', 2, 7, 'target b: not an object'],
    ['a target that is a list', '{"targets": {"a": []}}', 1, 19, 'target a: not an object'],
    ['hashes that are a text', '{"targets": {"a": {"hashes": ""}}}', 1, 19, 'target a: hashes is not an object'],
    ['a length that is a text', '{"targets": {"a": {"length": "0"}}}', 1, 19, 'target a: length is not a number'],
    ['custom that is null', '{"targets": {"a": {"custom": null}}}', 1, 19, 'target a: custom is not an object'],
    ['two targets of one name', '{"targets": {"a": {},\n "a": {}}}', 2, 2, 'two targets have the name a'],
    ['two names by escape', '{"targets": {"a": {},\n "\\u0061": {}}}', 2, 2, 'two targets have the name a'],
    ['a member twice', '{"targets": {"a": {"custom": {"x": 1, "x": 1}}}}', 1, 39, 'an object has twice the member x'],
  ])('refuses %s', (_, text, line, column, problem) => {
    const error = errorOf(() => readFile(text));
    expect(error.code).toBe('TARGETS_INVALID');
    expect(error.message).toContain(problem);
    expect(error.location).toEqual({ path: 'targets.json', line, column });
  });

  test('refuses bytes that are not UTF-8', () => {
    const error = errorOf(() => parseTargetsFile(Uint8Array.of(0x7b, 0xff, 0x7d), 'targets.json'));
    expect([error.code, error.message]).toEqual(['TARGETS_INVALID', 'targets.json: not UTF-8']);
  });

  test('refuses what is nested deeper than 64 levels, valid or not, without recursion', () => {
    const nested = (levels: number): string => `{"targets": {"a": ${'['.repeat(levels)}${']'.repeat(levels)}}}`;
    expect(errorOf(() => readFile(nested(62))).message).toContain('target a: not an object');
    expect(errorOf(() => readFile(nested(63))).message).toContain('deeper than 64');
    expect(errorOf(() => readFile(nested(1_000_000))).message).toContain('deeper than 64');
    expect(errorOf(() => readFile('['.repeat(1_000_000))).message).toContain('deeper than 64');
  });

  test('refuses a file that devices would not read, with advice', () => {
    const text = (size: number): Uint8Array => new TextEncoder().encode('{"targets": {}}'.padEnd(size));
    expect(parseTargetsFile(text(MAX_TARGETS_BYTES), 'targets.json').targets.size).toBe(0);
    const error = errorOf(() => parseTargetsFile(text(MAX_TARGETS_BYTES + 1), 'targets.json'));
    expect(error.code).toBe('TARGETS_SIZE');
    expect(error.hint).toContain('Prune');
  });

  test('shows foreign names escaped', () => {
    const error = errorOf(() => readFile('{"targets": {"a\\u001b[2J\\u202e": 1}}'));
    expect(error.message).toContain('target a\\x1b[2J\\u202e:');
  });
});
