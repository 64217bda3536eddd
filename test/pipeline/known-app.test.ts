import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKeep } from '../../src/lib/keep.ts';
import type { MigrationPlan } from '../../src/model/plan.ts';
import { formatPlan, packRow, unpackRow } from '../../src/pipeline/state.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import { HOST, imageOf, ostreeTarget, recordCalls, singleFile, statusesOf, TestFactory } from './factory.ts';
import { pushImage } from './images.ts';

const THIRD = 'docker.io/library/redis:6';

let factory: TestFactory;
let first: MigrationPlan;

beforeEach(async () => {
  factory = await TestFactory.withApps('web', 'db');
  await pushImage(factory.images, THIRD, { content: 'six' });
  await factory.write('repo/web.dockerapp', singleFile(imageOf('web'), '  cache:\n    image: redis:6\n'));
  factory.config = factory.config.replace('tags: main', 'tags: main, composeOnly: [files]');
  await factory.write('repo/files.dockerapp', withFile());
  await factory.write('repo/files/app.conf', 'a = 1\n');
  await factory.run();
  first = factory.saved.at(-1)!;
});
afterEach(() => factory.close());

function withFile(): string {
  return singleFile(imageOf('web'), "    volumes: ['./app.conf:/app.conf:ro']\n");
}

/** Apps that a run converted anew. */
function converted(): string[] {
  const apps = factory.events.flatMap((event) =>
    event.type === 'app:stage' && event.stage === 'split' ? [event.app] : [],
  );
  factory.events.length = 0;
  return [...new Set(apps)].sort();
}

const textOf = (plan: MigrationPlan): string => [...formatPlan(plan)].join('');

async function runAgain(earlier = first): Promise<string[]> {
  factory.events.length = 0;
  await factory.run({ earlier });
  return converted();
}

describe('an app that an earlier plan knows', () => {
  test('is not converted, costs one HEAD, and the plan is the one without that plan', async () => {
    const { registry, calls } = recordCalls(factory.destination);
    factory.destination = registry;
    expect(await runAgain()).toEqual([]);
    expect(calls.map((call) => call.split(' ')[0])).toEqual(['headManifest', 'headManifest', 'headManifest']);
    const known = textOf(factory.saved.at(-1)!);
    await factory.run();
    expect(textOf(factory.saved.at(-1)!)).toBe(known);
  });

  test.each([
    [
      'its package',
      'repo/web.dockerapp',
      `${singleFile(imageOf('web'), '  cache:\n    image: redis:6\n')}# note\n`,
      ['web'],
    ],
    ['a file that it mounts', 'repo/files/app.conf', 'a = 2\n', ['files']],
    ['a file of equal size that it mounts', 'repo/files/app.conf', 'b = 1\n', ['files']],
    ['a new file of the repository', 'repo/other.txt', 'x\n', ['db', 'files', 'web']],
  ])('is converted where %s changed', async (_what, path, text, apps) => {
    await factory.write(path, text);
    expect(await runAgain()).toEqual(apps);
  });

  test.each<[string, (plan: MigrationPlan) => MigrationPlan]>([
    ['another release of the program made it', (plan) => ({ ...plan, tool: '9.9.9' })],
    [
      'it does not say what was read',
      (plan) => ({ ...plan, apps: plan.apps.map((row) => ({ ...row, details: without(row) })) }),
    ],
    ['its app failed', (plan) => ({ ...plan, apps: plan.apps.map((row) => ({ ...row, status: 'failed' as const })) })],
  ])('is converted where %s', async (_what, change) => {
    expect(await runAgain(change(first))).toEqual(['db', 'files', 'web']);
  });

  test('is converted where options, allowed secrets or the release tag are others', async () => {
    for (const config of ['bundle: { files: all }\n', 'interpolation: single\n']) {
      factory.events.length = 0;
      await factory.plan({ earlier: first, config: factory.config + config });
      expect(converted()).toEqual(['db', 'files', 'web']);
    }
  });

  test('is published again where the destination lost it', async () => {
    factory.destination = createMemoryRegistry();
    const outcome = await factory.run({ earlier: first });
    expect(new Set(Object.values(statusesOf(outcome)))).toEqual(new Set(['migrated']));
    const name = { registry: HOST, repository: 'acme/web' };
    const row = first.apps.find(({ app }) => app === 'web')!;
    expect(await factory.destination.headManifest(name, unpackRow(row).manifest!.digest)).toBeDefined();
  });

  test('is converted once where its tag moves, and answered again while the drift stays as told', async () => {
    await pushImage(factory.images, THIRD, { content: 'other' });
    expect(await runAgain()).toEqual(['web']);
    const drifted = factory.saved.at(-1)!;
    expect(await runAgain(drifted)).toEqual([]);
    const known = textOf(factory.saved.at(-1)!);
    await factory.run();
    expect(textOf(factory.saved.at(-1)!)).toBe(known);
    await pushImage(factory.images, THIRD, { content: 'third' });
    expect(await runAgain(drifted)).toEqual(['web']);
  });

  test('is read back for a new target, its bytes made again', async () => {
    await factory.writeTargets({ ...(await factory.readTargets()), ...newer() });
    const outcome = await factory.run({ earlier: first });
    expect(outcome.targets).toBeDefined();
    expect(new Set(Object.values(statusesOf(outcome)))).toEqual(new Set(['migrated']));
  });

  test('keeps its ignored findings ignored, and tells them where they are not any more', async () => {
    const config = `${factory.config}findings: { ignore: [{ id: metadata.name-differs, reason: known }] }\n`;
    const { plan: quiet } = await factory.plan({ config });
    expect(quiet.ignored).toHaveLength(3);
    expect(await runAgain(quiet)).toEqual([]);
    const told = factory.saved.at(-1)!;
    await factory.run();
    expect(textOf(factory.saved.at(-1)!)).toBe(textOf(told));
  });
});

function without(row: MigrationPlan['apps'][number]) {
  const { sources: _, ...plan } = unpackRow(row);
  return packRow(plan, createKeep()).details;
}

/** A build of the operating system without apps, newer than the targets of the first run. */
function newer() {
  return { 'amd-lmp-20': ostreeTarget('amd', 20), 'arm-lmp-20': ostreeTarget('arm', 20) };
}
