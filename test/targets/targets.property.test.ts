import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/lib/canonical-json.ts';
import type { PlannedTarget } from '../../src/model/plan.ts';
import type { Target } from '../../src/model/target.ts';
import { addTargets } from '../../src/targets/add-targets.ts';
import { scanObjects } from '../../src/targets/json-members.ts';
import { planTargets, type TargetApp } from '../../src/targets/plan-targets.ts';
import { parseTargetsFile } from '../../src/targets/targets-file.ts';
import { app, fileTarget, inputOf, type Json, ostree, readFile, sha, uriOf } from './samples.ts';

/** JSON as it may be spelled: literals as text, so that `1.0` and `\u0041` are kept. */
type Spelled = string | Spelled[] | Map<string, Spelled>;

const literal = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '1.0',
    '1e3',
    '1E-7',
    '12345678901234567890',
    '0.1',
    '1e400',
    'true',
    'false',
    'null',
    '"\\u0041\\/"',
  ),
  fc.constantFrom('"\\ud83d\\ude00"', '"\\ud800"', '""', '"\\u2028"', '"é"'),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => JSON.stringify(text)),
);
const key = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('__proto__', '7', 'constructor', 'targets', 'signed'),
);
const { spelled } = fc.letrec<{ spelled: Spelled }>((tie) => ({
  spelled: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    literal,
    fc.array(tie('spelled'), { maxLength: 3 }),
    fc
      .uniqueArray(fc.tuple(key, tie('spelled')), { maxLength: 3, selector: ([name]) => name })
      .map((list) => new Map(list)),
  ),
}));

interface Layout {
  newline: string;
  unit: string;
  colon: string;
  comma: string;
}

const layout: fc.Arbitrary<Layout> = fc.oneof(
  fc.constantFrom(
    { newline: '', unit: '', colon: ':', comma: ',' },
    { newline: '', unit: '', colon: ': ', comma: ', ' },
  ),
  fc.record({
    newline: fc.constantFrom('\n', '\r\n'),
    unit: fc.constantFrom(' ', '  ', '    ', '\t', ''),
    colon: fc.constantFrom(':', ': ', ' : '),
    comma: fc.constant(','),
  }),
);

function spell(value: Spelled, at: Layout, indent = ''): string {
  if (typeof value === 'string') return value;
  const inner = indent + at.unit;
  const items =
    value instanceof Map
      ? [...value].map(([name, member]) => `${JSON.stringify(name)}${at.colon}${spell(member, at, inner)}`)
      : value.map((item) => spell(item, at, inner));
  const [open, close] = value instanceof Map ? '{}' : '[]';
  if (items.length === 0) return `${open}${close}`;
  const lead = at.newline === '' ? '' : at.newline + inner;
  return `${open}${lead}${items.join(at.newline === '' ? at.comma : `,${lead}`)}${at.newline === '' ? '' : at.newline + indent}${close}`;
}

function toSpelled(value: unknown): Spelled {
  if (Array.isArray(value)) return value.map(toSpelled);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return new Map(Object.entries(value).map(([name, member]) => [name, toSpelled(member)]));
}

const APPS = ['web', 'db', 'shell'];
const subset = fc.subarray(APPS);

function mapsOf(dockerApps: string[], composeApps: string[], version: number): Json {
  return {
    ...(dockerApps.length === 0
      ? {}
      : {
          docker_apps: Object.fromEntries(
            dockerApps.map((name) => [name, { filename: `${name}.dockerapp-${version}` }]),
          ),
        }),
    ...(composeApps.length === 0
      ? {}
      : {
          docker_compose_apps: Object.fromEntries(
            composeApps.map((name) => [name, { uri: uriOf(name, String(version)) }]),
          ),
        }),
  };
}

const entry = fc
  .record({
    kind: fc.constantFrom('ostree', 'ostree', 'ostree', 'file'),
    hardwareId: fc.constantFrom('rpi', 'minnow', 'x86'),
    version: fc.integer({ min: 1, max: 20 }),
    tags: fc.subarray(['main', 'devel', 'other'], { minLength: 1 }),
    dockerApps: subset,
    composeApps: subset,
    commit: fc.constantFrom('a', 'b', 'c'),
    more: fc.uniqueArray(fc.tuple(fc.constantFrom('x-1', 'é', '9', '__proto__'), spelled), {
      selector: ([name]) => name,
    }),
  })
  .map((one): [string, Spelled] => {
    const maps = mapsOf(one.dockerApps, one.composeApps, one.version);
    const name = `${one.hardwareId}-lmp-${one.version}`;
    const isFile = one.kind === 'file';
    const value = isFile
      ? fileTarget('web', one.version, one.commit)
      : ostree(one.hardwareId, one.version, { ...maps, tags: one.tags }, one.commit);
    const written = toSpelled(value) as Map<string, Spelled>;
    const custom = written.get('custom') as Map<string, Spelled>;
    for (const [member, extra] of one.more) {
      written.set(member, extra);
      custom.set(member, extra);
    }
    return [isFile ? `web.dockerapp-${one.version}` : name, written];
  });

const targetsText = fc
  .record({
    layout,
    entries: fc.uniqueArray(entry, { maxLength: 8, selector: ([name]) => name }),
    around: fc.array(spelled, { minLength: 2, maxLength: 2 }),
    enveloped: fc.boolean(),
    end: fc.constantFrom('', '\n', '\r\n', ' \n\n'),
  })
  .map(({ layout: at, entries, around, enveloped, end }) => {
    const [before = 'null', after = 'null'] = around;
    const role = new Map<string, Spelled>([
      ['before', before],
      ['targets', new Map(entries)],
      ['version', '3'],
      ['after', after],
    ]);
    const whole = enveloped
      ? new Map<string, Spelled>([
          ['signatures', ['{"keyid": "k"}']],
          ['signed', role],
        ])
      : role;
    return spell(whole, at) + end;
  });

const planned: fc.Arbitrary<PlannedTarget[]> = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^new[a-z0-9-]{0,8}$/), fc.jsonValue({ depthSize: 'small' })), {
    selector: ([name]) => name,
  })
  .map((list) =>
    list.map(([name, extra]) => ({
      name,
      kind: 'file' as const,
      target: { hashes: { sha256: sha(name) }, length: 1, extra: extra as unknown },
      apps: [],
    })),
  );

const someApps: fc.Arbitrary<TargetApp[]> = fc
  .tuple(subset, fc.constantFrom('a', 'b', '2'), fc.subarray(['newStyleOnly', 'keep', 'failed']))
  .map(([names, content, odd]) =>
    names.map((name, index): TargetApp => {
      const plain = app(name, { bundle: content, dockerApp: content });
      if (index !== 0) return plain;
      if (odd.includes('failed')) return { name, state: 'failed', newStyleOnly: false };
      if (odd.includes('keep')) return { ...plain, dockerApp: 'keep-parent' };
      return { ...plain, newStyleOnly: odd.includes('newStyleOnly') };
    }),
  );

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The text of each target, and of the whole file with the targets and signatures cut out. */
function dissect(text: string): { targets: Map<string, string>; rest: string } {
  const file = readFile(text);
  const targets = new Map([...file.entries.members].map(([name, span]) => [name, text.slice(span.keyStart, span.end)]));
  const members = [...file.entries.members.values()];
  const end = members.at(-1)?.end ?? file.entries.start + 1;
  const start = members[0]?.keyStart ?? end;
  const cut = (from: number, to: number): string => {
    const { signatures } = file;
    if (signatures === undefined || signatures.start < from || signatures.end > to) return text.slice(from, to);
    return text.slice(from, signatures.start) + text.slice(signatures.end, to);
  };
  return { targets, rest: cut(0, start) + cut(end, text.length) };
}

describe('any targets file', () => {
  test('keeps all bytes outside the targets that are added, and adding twice is adding once', () => {
    fc.assert(
      fc.property(targetsText, planned, (text, list) => {
        const file = readFile(text);
        const once = decode(addTargets(file, list));
        const before = dissect(text);
        const after = dissect(once);
        expect([...after.targets].slice(0, before.targets.size)).toEqual([...before.targets]);
        if (before.targets.size > 0) expect(after.rest).toBe(before.rest);
        expect([...after.targets.keys()].slice(before.targets.size)).toEqual(list.map((one) => one.name));
        const read = readFile(once).targets;
        for (const one of list) expect(canonicalJson(read.get(one.name))).toBe(canonicalJson(one.target));
        expect(decode(addTargets(readFile(once), list))).toBe(once);
        if (list.length === 0) expect(once).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test('is found whole by its members: the text of each is its value', () => {
    fc.assert(
      fc.property(targetsText, (text) => {
        const file = readFile(text);
        for (const [name, span] of file.entries.members) {
          expect(JSON.parse(text.slice(span.keyStart, span.keyEnd))).toBe(name);
          expect(JSON.parse(text.slice(span.start, span.end))).toEqual(file.targets.get(name));
        }
        expect(scanObjects(text, 'x').get('root')?.end).toBe(text.trimEnd().length);
      }),
    );
  });

  test('takes a plan once: all is kept, no app is lost, and a second run has nothing to do', () => {
    let planning = 0;
    fc.assert(
      fc.property(
        targetsText,
        someApps,
        fc.constantFrom('main', 'main,devel', 'foo:main', 'main,foo:devel'),
        subset,
        fc.boolean(),
        (text, apps, tags, gone, viaJson) => {
          const removed = gone.filter((name) => !apps.some((one) => one.name === name));
          const file = readFile(text);
          const input = inputOf(file, { apps, tags, removed, allowPartial: true });
          if (
            !hasParent(
              file.targets.values(),
              input.tagRules.map((rule) => rule.parent),
            )
          )
            return;
          const plan = planTargets(input);
          const list = viaJson ? (JSON.parse(JSON.stringify(plan.targets)) as PlannedTarget[]) : plan.targets;
          const bytes = addTargets(file, list);
          const before = dissect(text);
          const after = dissect(decode(bytes));
          expect([...after.targets].slice(0, before.targets.size)).toEqual([...before.targets]);
          expect(after.rest).toBe(before.rest);

          const next = parseTargetsFile(bytes, 'targets.json');
          for (const { name, parent, target, tag } of plan.targets) {
            if (parent === undefined) continue;
            planning++;
            const source = file.targets.get(parent);
            expect({ ...next.targets.get(name), custom: 0 }).toEqual({ ...source, custom: 0 });
            expect(canonicalJson(next.targets.get(name))).toBe(canonicalJson(target));
            const rule = input.tagRules.find((one) => one.tag === tag);
            if (rule?.parent !== tag) continue;
            for (const map of ['docker_apps', 'docker_compose_apps'] as const) {
              const kept = Object.keys(source?.custom?.[map] ?? {}).filter((key) => !removed.includes(key));
              expect(Object.keys(target.custom?.[map] ?? {})).toEqual(expect.arrayContaining(kept));
            }
          }
          expect(planTargets({ ...input, file: next }).targets).toEqual([]);
          // What was removed is remembered by a target that had apps: not by a new tag or an OS build without maps.
          const isRemembered = !tags.includes(':') && [...file.targets.values()].every(hasMaps);
          if (isRemembered) expect(planTargets({ ...input, file: next, removed: [] }).targets).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
    expect(planning).toBeGreaterThan(100);
  });
});

function hasMaps({ custom }: Target): boolean {
  return custom?.targetFormat !== 'OSTREE' || 'docker_apps' in custom || 'docker_compose_apps' in custom;
}

function hasParent(
  targets: Iterable<{ custom?: { tags?: readonly string[]; targetFormat?: string } }>,
  tags: string[],
): boolean {
  return [...targets].some(
    ({ custom }) => custom?.targetFormat === 'OSTREE' && custom.tags?.some((tag) => tags.includes(tag)) === true,
  );
}
