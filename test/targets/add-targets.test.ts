import { describe, expect, test } from 'vitest';
import type { PlannedTarget } from '../../src/model/plan.ts';
import { addTargets } from '../../src/targets/add-targets.ts';
import { planTargets } from '../../src/targets/plan-targets.ts';
import { app, errorOf, fileTarget, inputOf, ostree, readFile, sha, uriOf } from './samples.ts';

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const NEW: PlannedTarget = {
  name: 'web.dockerapp-9',
  kind: 'file',
  target: { hashes: { sha256: 'ab' }, length: 3, custom: { version: '9', hardwareIds: ['all'] } },
  apps: [],
};
const OTHER: PlannedTarget = { ...NEW, name: 'db.dockerapp-9' };

/** Each `\n` of a case is tried with every line end. */
const LAYOUTS: [string, string, string][] = [
  [
    'compact',
    '{"targets":{"a":{"length":1}}}',
    '{"targets":{"a":{"length":1},"web.dockerapp-9":{"hashes":{"sha256":"ab"},"length":3,"custom":{"version":"9","hardwareIds":["all"]}}}}',
  ],
  [
    'one line with blanks',
    '{"targets": {"a": {"length": 1}}, "version": 1}\n',
    '{"targets": {"a": {"length": 1}, "web.dockerapp-9": {"hashes": {"sha256": "ab"}, "length": 3, "custom": {"version": "9", "hardwareIds": ["all"]}}}, "version": 1}\n',
  ],
  [
    'two spaces',
    '{\n  "targets": {\n    "a": {\n      "length": 1\n    }\n  }\n}\n',
    `{
  "targets": {
    "a": {
      "length": 1
    },
    "web.dockerapp-9": {
      "hashes": {
        "sha256": "ab"
      },
      "length": 3,
      "custom": {
        "version": "9",
        "hardwareIds": [
          "all"
        ]
      }
    }
  }
}
`,
  ],
  [
    'tabs, lists on one line',
    '{\n\t"targets": {\n\t\t"a": {\n\t\t\t"x": [1, 2]\n\t\t}\n\t}\n}',
    '{\n\t"targets": {\n\t\t"a": {\n\t\t\t"x": [1, 2]\n\t\t},\n\t\t"web.dockerapp-9": {\n\t\t\t"hashes": {\n\t\t\t\t"sha256": "ab"\n\t\t\t},\n\t\t\t"length": 3,\n\t\t\t"custom": {\n\t\t\t\t"version": "9",\n\t\t\t\t"hardwareIds": ["all"]\n\t\t\t}\n\t\t}\n\t}\n}',
  ],
  [
    'one target a line',
    '{ "targets": {\n  "a": {"length":1},\n\n  "b": {"length":1}\n} }',
    '{ "targets": {\n  "a": {"length":1},\n\n  "b": {"length":1},\n\n  "web.dockerapp-9": {"hashes": {"sha256": "ab"}, "length": 3, "custom": {"version": "9", "hardwareIds": ["all"]}}\n} }',
  ],
  [
    'compact without targets',
    '{"targets":{}}',
    '{"targets":{"web.dockerapp-9":{"hashes":{"sha256":"ab"},"length":3,"custom":{"version":"9","hardwareIds":["all"]}}}}',
  ],
  [
    'four spaces without targets',
    '{\n    "targets": {},\n    "version": 1\n}\n',
    `{
    "targets": {
        "web.dockerapp-9": {
            "hashes": {
                "sha256": "ab"
            },
            "length": 3,
            "custom": {
                "version": "9",
                "hardwareIds": [
                    "all"
                ]
            }
        }
    },
    "version": 1
}
`,
  ],
  [
    'an envelope without targets, open braces on lines',
    '{\n "signatures": [\n  {}\n ],\n "signed": {\n  "targets": {\n  }\n }\n}\n',
    '{\n "signatures": [],\n "signed": {\n  "targets": {\n   "web.dockerapp-9": {\n    "hashes": {\n     "sha256": "ab"\n    },\n    "length": 3,\n    "custom": {\n     "version": "9",\n     "hardwareIds": [\n      "all"\n     ]\n    }\n   }\n  }\n }\n}\n',
  ],
];

describe('addTargets keeps the style of the file', () => {
  for (const [layout, before, after] of LAYOUTS) {
    test.each([
      ['LF', '\n'],
      ['CRLF', '\r\n'],
    ])(`${layout}, %s`, (_, newline) => {
      const file = readFile(before.replaceAll('\n', newline));
      expect(decode(addTargets(file, [NEW]))).toBe(after.replaceAll('\n', newline));
    });

    test(`${layout}: a second new target follows like the first, in one call or two`, () => {
      const once = addTargets(readFile(before), [NEW, OTHER]);
      const file = readFile(decode(addTargets(readFile(before), [NEW])));
      expect(decode(addTargets(file, [OTHER]))).toBe(decode(once));
      expect([...readFile(decode(once)).targets.keys()].slice(-2)).toEqual([NEW.name, OTHER.name]);
    });
  }
});

describe('addTargets copies from the parent as it is written', () => {
  const TEXT = `{
  "targets": {
    "rpi-lmp-5": {
      "length": 0, "hashes": { "sha256": "${sha('os')}" },
      "more": [1.0, 1e3,
         12345678901234567890, -0, 1E400, "\\u00e9\\/é"],
      "custom": {
        "name":  "rpi-lmp",
        "version": 5,
        "odd": {"f": 1.50, "s": "\\ud83d\\ude00"},
        "docker_apps": {"web": {"weight": 2.0, "filename": "web.dockerapp-3"}, "old": {"n": 1.0}},
        "hardwareIds": ["rpi"],
        "tags": ["main", "x"],
        "targetFormat": "OSTREE"
      }
    }
  }
}`;

  test('odd numbers, escapes, blanks and order stay; only what changed differs', () => {
    const plan = planTargets(inputOf(readFile(TEXT), { apps: [app('web')] }));
    const stored = JSON.parse(JSON.stringify(plan.targets)) as PlannedTarget[];
    const text = decode(addTargets(readFile(TEXT), stored));
    const copy = text.slice(text.indexOf('"rpi-lmp-6"'));
    const source = TEXT.slice(TEXT.indexOf('"rpi-lmp-5"'));
    const expected = source
      .replace('"rpi-lmp-5"', '"rpi-lmp-6"')
      .replace('"version": 5', '"version": "6"')
      .replace('"web.dockerapp-3"', '"web.dockerapp-6"')
      .replace('["main", "x"]', '["main"]')
      .replace(
        '"OSTREE"\n',
        `"OSTREE",
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": "2026-01-02T03:04:05Z",
        "docker_compose_apps": {
          "web": {
            "uri": "${uriOf('web')}"
          }
        }
`,
      );
    expect(copy).toBe(expected);
  });

  test('so does an entry that comes from an earlier target', () => {
    const build = TEXT.replace(
      /\n {4}\}\n {2}\}\n\}$/,
      `\n    },\n    "rpi-lmp-6": {"hashes": {"sha256": "${sha('os6')}"}, "length": 0, "custom": {"name": "rpi-lmp", "version": "6", "hardwareIds": ["rpi"], "tags": ["main"], "targetFormat": "OSTREE"}}\n  }\n}`,
    );
    const plan = planTargets(inputOf(readFile(build), { apps: [app('web')] }));
    const text = decode(addTargets(readFile(build), plan.targets));
    const copy = text.slice(text.indexOf('"rpi-lmp-7"'));
    expect(copy).toContain('"docker_apps": {"web": {"weight": 2.0, "filename": "web.dockerapp-7"}, "old": {"n": 1.0}}');
  });

  test('a removed member takes its comma along, wherever it is', () => {
    const custom = (apps: string): string =>
      `{"targets":{"a":{"hashes":{"sha256":"x"},"length":0,"custom":{"name":"n","version":"1","tags":["main"],"hardwareIds":["h"],"targetFormat":"OSTREE","docker_apps":${apps}}}}}`;
    for (const removed of [['p'], ['q'], ['r'], ['p', 'q'], ['q', 'r'], ['p', 'r']]) {
      const file = readFile(custom('{"p":1,"q":2,"r":3}'));
      const text = decode(addTargets(file, planTargets(inputOf(file, { removed })).targets));
      const kept = ['p', 'q', 'r']
        .filter((name) => !removed.includes(name))
        .map((name) => `"${name}":${'pqr'.indexOf(name) + 1}`);
      expect(text.slice(text.indexOf('"n-2"'))).toContain(`"docker_apps":{${kept.join(',')}}`);
      expect(readFile(text).targets.size).toBe(2);
    }
  });
});

describe('addTargets', () => {
  const text = `{"signatures": [{"sig": "x"}], "signed": {"targets": {"a": ${JSON.stringify(fileTarget('a', 1, 'a'))}}, "version": 7}}`;

  test('drops signatures, which hold no more, and leaves the version of the role', () => {
    const after = decode(addTargets(readFile(text), [NEW]));
    expect(JSON.parse(after)).toMatchObject({ signatures: [], signed: { version: 7 } });
  });

  test('changes nothing where nothing is new', () => {
    expect(decode(addTargets(readFile(text), []))).toBe(text);
    const same = { ...NEW, name: 'a', target: readFile(text).targets.get('a')! };
    expect(decode(addTargets(readFile(text), [same]))).toBe(text);
    const once = decode(addTargets(readFile(text), [NEW]));
    expect(decode(addTargets(readFile(once), [NEW, NEW]))).toBe(once);
    expect(decode(addTargets(readFile(text), [NEW, NEW]))).toBe(once);
  });

  test('refuses a name that has other content, in the file or in the call', () => {
    const error = errorOf(() => addTargets(readFile(text), [{ ...NEW, name: 'a' }]));
    expect([error.code, error.message]).toEqual(['TARGETS_NAME', 'targets.json: target a exists with other content']);
    const other = { ...NEW, target: { ...NEW.target, length: 4 } };
    expect(errorOf(() => addTargets(readFile(text), [NEW, other])).code).toBe('TARGETS_NAME');
  });

  test('refuses a target whose parent is not in the file', () => {
    const orphan = { ...NEW, kind: 'ostree', parent: 'gone' } as const;
    expect(errorOf(() => addTargets(readFile(text), [orphan])).code).toBe('TARGETS_PARENT');
  });

  test.each(['', 'a..b', 'n'.repeat(254), 'a\nb', 'caf\u00e9'])('refuses the name %j', (name) => {
    expect(errorOf(() => addTargets(readFile(text), [{ ...NEW, name }])).code).toBe('TARGETS_NAME');
  });

  test('a name of JavaScript is a name', () => {
    const after = readFile(decode(addTargets(readFile(text), [{ ...NEW, name: '__proto__' }])));
    expect(after.targets.get('__proto__')?.length).toBe(3);
    expect(
      errorOf(() => addTargets(after, [{ ...NEW, name: '__proto__', target: ostree('x', 1) as never }])).code,
    ).toBe('TARGETS_NAME');
  });
});
