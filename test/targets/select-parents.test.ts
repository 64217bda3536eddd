import { describe, expect, test } from 'vitest';
import { type ParentQuery, selectParents } from '../../src/targets/select-parents.ts';
import { parseTagRules } from '../../src/targets/tag-rules.ts';
import { errorOf, fileOf, fileTarget, type Json, ostree } from './samples.ts';

function select(targets: Json, tags = 'main', query: Partial<ParentQuery> = {}) {
  const choice = selectParents({ file: fileOf(targets), tagRules: parseTagRules(tags), ...query });
  return {
    ...choice,
    parents: choice.selections.map(
      ({ rule, parent, hardwareIds }) => `${rule.tag} ${hardwareIds.join('+')} ${parent.name}`,
    ),
  };
}

describe('selectParents', () => {
  test('takes the newest target of each hardware id by number, in the order of rules and hardware ids', () => {
    const targets = {
      'rpi-9': ostree('rpi', 9),
      'rpi-10': ostree('rpi', 10),
      'minnow-2': ostree('minnow', 2, { tags: ['devel', 'main'] }),
      'rpi-11': ostree('rpi', 11, { tags: ['devel'] }),
      'web.dockerapp-99': fileTarget('web', 99, 'web', { tags: ['main'] }),
    };
    expect(select(targets, 'main,devel').parents).toEqual([
      'main minnow minnow-2',
      'main rpi rpi-10',
      'devel minnow minnow-2',
      'devel rpi rpi-11',
    ]);
  });

  test('takes a version that is a JSON integer and, of equal versions, the first name', () => {
    const targets = { 'rpi-b': ostree('rpi', 0, { version: 7 }), 'rpi-a': ostree('rpi', 7) };
    expect(select(targets).parents).toEqual(['main rpi rpi-a']);
  });

  test('takes a target without format only where its length is 0', () => {
    const bare = ostree('rpi', 5, { targetFormat: undefined });
    expect(select({ a: ostree('rpi', 4), b: bare }).parents).toEqual(['main rpi b']);
    expect(select({ a: ostree('rpi', 4), b: { ...bare, length: 10 } }).parents).toEqual(['main rpi a']);
    expect(select({ a: ostree('rpi', 4), b: ostree('rpi', 5, { targetFormat: 'BINARY' }) }).parents).toEqual([
      'main rpi a',
    ]);
  });

  test.each(['0010', '1.5', 'v11', '', '2147483648', '-1', ' 11', 1.5, null, undefined])(
    'skips the version %j',
    (version) => {
      const { parents, skipped, diagnostics } = select({ a: ostree('rpi', 4), b: ostree('rpi', 0, { version }) });
      expect(parents).toEqual(['main rpi a']);
      expect(skipped).toEqual([{ name: 'b', reason: expect.stringContaining('not a decimal integer') }]);
      expect(diagnostics).toMatchObject([
        { code: 'targets.skipped', message: expect.stringContaining('b: its version') },
      ]);
    },
  );

  test('takes the greatest version that devices can read', () => {
    expect(select({ a: ostree('rpi', 4), b: ostree('rpi', 2147483647) }).parents).toEqual(['main rpi b']);
  });

  test('skips a target without hardware ids', () => {
    const { skipped } = select({ a: ostree('rpi', 4), b: ostree('rpi', 5, { hardwareIds: 'rpi' }) });
    expect(skipped).toEqual([{ name: 'b', reason: 'it names no hardware id' }]);
  });

  test('takes a target of several hardware ids once', () => {
    const targets = { a: ostree('x', 4, { hardwareIds: ['y', 'x'] }), b: ostree('y', 3) };
    expect(select(targets).parents).toEqual(['main x+y a']);
  });

  test('skips a target of several hardware ids where one of them has a newer one', () => {
    const { parents, skipped } = select({ a: ostree('x', 4, { hardwareIds: ['x', 'y'] }), b: ostree('y', 5) });
    expect(parents).toEqual(['main y b']);
    expect(skipped).toEqual([{ name: 'a', reason: 'it is also for y, for which b is newer' }]);
  });

  test('takes all hardware ids of a tag though their newest versions differ', () => {
    expect(select({ a: ostree('x', 4), b: ostree('y', 5) }).parents).toEqual(['main x a', 'main y b']);
  });

  test('leaves out other machines, with the reason', () => {
    const targets = { a: ostree('x', 4), b: ostree('y', 5), 'b-old': ostree('y', 3) };
    const { parents, skipped, diagnostics } = select(targets, 'main', { machines: ['x', 'z'] });
    expect(parents).toEqual(['main x a']);
    expect(skipped).toEqual([{ name: 'b', reason: 'none of its hardware ids is among the machines x, z' }]);
    expect(diagnostics.map((one) => one.message)).toContainEqual(expect.stringContaining('for the machine z'));
    expect(select(targets, 'main', { machines: [] }).parents).toHaveLength(2);
  });

  test.each([
    ['aarch64', ['arm64'], true],
    ['aarch64', ['linux/arm/v7'], true],
    ['aarch64', ['aarch64'], true],
    ['aarch64', ['amd64', 'linux/386'], false],
    ['x86_64', ['linux/amd64'], true],
    ['arm', ['arm'], true],
    ['arm', ['arm64'], false],
    ['riscv64', ['amd64'], false],
    ['riscv64', ['linux/riscv64'], true],
    ['constructor', ['amd64'], false],
    [undefined, ['amd64'], true],
    ['aarch64', [], true],
  ])('arch %s with platforms %j: %s', (arch, platforms, taken) => {
    const targets = { a: ostree('x', 4, { arch }), b: ostree('y', 4) };
    const { parents, skipped } = select(targets, 'main', { platforms });
    expect(parents.includes('main x a')).toBe(taken);
    expect(skipped.map((row) => row.name)).toEqual(taken ? [] : ['a']);
  });

  test('notes a rule without a parent while another has one', () => {
    const { diagnostics } = select({ a: ostree('x', 4) }, 'main,new:devel');
    expect(diagnostics.map((one) => one.message)).toEqual(['tag new: no target of the tag devel to build upon']);
  });

  test('refuses when there is nothing to build upon, naming tags, machines and the first reason', () => {
    const none = errorOf(() => select({ a: ostree('x', 4) }, 'p:devel,q:next'));
    expect([none.code, none.message]).toEqual([
      'TARGETS_PARENT',
      'targets.json: no OSTREE target with tag devel, next for any machine',
    ]);
    const other = errorOf(() => select({ a: ostree('x', 4) }, 'main', { machines: ['y'] }));
    expect(other.message).toContain('with tag main for y');
    expect(other.hint).toContain('the first is a: none of its hardware ids');
  });
});
