import { describe, expect, test } from 'vitest';
import { addTargets } from '../../src/targets/add-targets.ts';
import { lintTargets } from '../../src/targets/lint.ts';
import { planTargets, type TargetsInput } from '../../src/targets/plan-targets.ts';
import { parseTargetsFile } from '../../src/targets/targets-file.ts';
import { app, dual, fileOf, fileTarget, inputOf, type Json, ostree } from './samples.ts';

type Run = Partial<TargetsInput> & { tags?: string };

/** What there is before: a build with two apps in both styles. */
const published = (): Json => ({
  'web.dockerapp-1': fileTarget('web', 1, 'web'),
  'db.dockerapp-1': fileTarget('db', 1, 'db'),
  'rpi-lmp-1': ostree('rpi', 1, {
    arch: 'arm64',
    'containers-sha': 'aa'.repeat(20),
    uri: 'https://ci.example.com/1/',
    ...dual(1, 'web', 'db'),
  }),
});
const both = [app('web'), app('db')];
const FOREIGN = {
  docker_apps: { other: { filename: 'other.dockerapp-1', note: 'kept' } },
  docker_compose_apps: { third: { uri: `hub.example.io/acme/third@sha256:${'d'.repeat(64)}`, channel: 5 } },
};

const CASES: Readonly<Record<string, readonly [Json, Run]>> = {
  'T1-os-build-without-apps': [
    { ...published(), 'rpi-lmp-2': ostree('rpi', 2, { arch: 'arm64' }, 'new') },
    { apps: both },
  ],
  'T1-nothing-differs': [published(), { apps: both }],
  'T2-foreign-entries-stay': [
    { 'other.dockerapp-1': fileTarget('other', 1, 'other'), 'rpi-lmp-1': ostree('rpi', 1, FOREIGN) },
    { apps: both },
  ],
  'T2-compose-only': [published(), { apps: [...both, { ...app('radio'), newStyleOnly: true }] }],
  'T3-all-hardware-ids': [
    { ...published(), 'x86-lmp-9': ostree('x86', 9, dual(1, 'web', 'db')) },
    { apps: [app('web', { bundle: 'new' }), app('db')] },
  ],
  'T3-given-version': [published(), { apps: [app('web', { dockerApp: 'new' }), app('db')], version: '77' }],
  'T4-uri-and-commit': [
    published(),
    {
      apps: [app('web', { bundle: 'new' }), app('db')],
      uri: 'https://ci.example.com/2/',
      containersSha: 'bb'.repeat(20),
    },
  ],
  'T4-alone-makes-no-target': [
    published(),
    { apps: both, uri: 'https://ci.example.com/2/', containersSha: 'bb'.repeat(20) },
  ],
  'T5-parent-entry-stays': [
    published(),
    { apps: [{ ...app('web', { bundle: 'new' }), dockerApp: 'keep-parent' }, app('db')] },
  ],
  'T6-last-app-gone': [{ 'rpi-lmp-1': ostree('rpi', 1, dual(1, 'web')) }, { removed: ['web'] }],
  'T6-never-had-apps': [{ 'rpi-lmp-1': ostree('rpi', 1) }, {}],
  'C3-repin': [published(), { apps: [app('web', { bundle: 'new' }), app('db')] }],
  'tags-two': [published(), { apps: both, tags: 'main,devel:main' }],
  'selection-machines': [
    { ...published(), 'x86-lmp-1': ostree('x86', 1) },
    { apps: [app('web')], machines: ['x86'] },
  ],
  'selection-platforms': [
    { ...published(), 'x86-lmp-1': ostree('x86', 1, { arch: 'amd64' }) },
    { apps: [app('web')], platforms: ['amd64'] },
  ],
  'failed-app-holds-back': [
    published(),
    { apps: [app('web', { bundle: 'new' }), { name: 'db', state: 'failed', newStyleOnly: false }] },
  ],
  'failed-app-allowed': [
    published(),
    { apps: [app('web', { bundle: 'new' }), { name: 'db', state: 'failed', newStyleOnly: false }], allowPartial: true },
  ],
  'removed-app': [published(), { apps: [app('db')], removed: ['web'] }],
  'not-selected-stays': [published(), { apps: [app('db', { bundle: 'new' })] }],
};

describe('golden targets', () => {
  test.each(Object.entries(CASES))('%s', async (name, [before, run]) => {
    const file = fileOf(before);
    const plan = planTargets(inputOf(file, run));
    const bytes = addTargets(file, plan.targets);
    const text = Buffer.from(bytes).toString();
    // Only additions, in one place, and an unchanged rest.
    const entries = JSON.parse(text).targets as Json;
    expect(Object.keys(entries).slice(0, file.targets.size)).toEqual([...file.targets.keys()]);
    let start = 0;
    while (start < file.text.length && file.text[start] === text[start]) start++;
    expect(text.endsWith(file.text.slice(start))).toBe(true);
    // A second time is no change, and what was written is fine.
    const next = parseTargetsFile(bytes, 'targets.json');
    expect(Buffer.from(addTargets(next, plan.targets)).equals(bytes)).toBe(true);
    if (plan.heldBy.length === 0)
      expect(planTargets(inputOf(next, run.version === undefined ? run : { ...run, version: '78' })).targets).toEqual(
        [],
      );
    const found = lintTargets(next, { older: file, removed: new Set(run.removed ?? []) }).filter(
      ({ diagnostic }) => diagnostic.severity === 'error',
    );
    expect(
      found
        .map(({ target, diagnostic }) => `${target} ${diagnostic.code}`)
        .filter((line) => !file.targets.has(line.split(' ')[0] ?? '')),
    ).toEqual([]);
    await expect(
      `${JSON.stringify({ held: plan.heldBy, findings: plan.diagnostics.map(({ code, message }) => `${code}: ${message}`), added: plan.targets.map((one) => one.name) }, null, 2)}\n${text}`,
    ).toMatchFileSnapshot(`golden/${name}.txt`);
  });
});
