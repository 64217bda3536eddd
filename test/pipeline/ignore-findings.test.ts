import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import type { MigrationOutcome } from '../../src/pipeline/run.ts';
import { imageOf, singleFile, TAG, TestFactory } from './factory.ts';

let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.withApps('one', 'two');
});
afterEach(async () => {
  await factory.close();
});

const known = (entry: string): string => `images: { tag: ${TAG} }\nfindings: { ignore: [${entry}] }\n`;

/** What is told about each app and about the run: by result, by plan, by event. */
function told(outcome: MigrationOutcome): Record<string, string[]> {
  const rows = outcome.results.map(({ app, diagnostics }) => [app, diagnostics.map(({ code }) => code)] as const);
  const inPlan = outcome.plan.apps.map(({ app, diagnostics }) => [app, diagnostics.map(({ code }) => code)] as const);
  expect(Object.fromEntries(inPlan)).toEqual(Object.fromEntries(rows));
  return { ...Object.fromEntries(rows), run: outcome.plan.diagnostics.map(({ code }) => code) };
}

describe('findings.ignore', () => {
  it('takes a finding out of results, plan and events, and counts it', async () => {
    const config = known('{ id: metadata.name-differs, reason: names are ours }');
    const outcome = await factory.plan({ config });
    expect(told(outcome)).toEqual({ one: [], two: [], run: [] });
    expect(JSON.stringify(factory.events)).not.toContain('metadata.name-differs');
    expect(outcome.plan.ignored?.map(({ app, path, reason }) => [app, path, reason])).toEqual([
      ['one', 'one.dockerapp', 'names are ours'],
      ['two', 'two.dockerapp', 'names are ours'],
    ]);
  });

  it('can be for some packages only', async () => {
    const config = known('{ id: metadata.name-differs, path: "t*.dockerapp", reason: known }');
    const outcome = await factory.plan({ config });
    expect(told(outcome)).toEqual({ one: ['metadata.name-differs'], two: [], run: [] });
  });

  it('counts through the day that it names, by the clock of the run, and is a warning from then on', async () => {
    const entry = (day: string): string => known(`{ id: metadata.name-differs, reason: later, expires: ${day} }`);
    // The run's clock says 2026-03-04.
    expect(told(await factory.plan({ config: entry('2026-03-04') })).run).toEqual([]);
    const outcome = await factory.plan({ config: entry('2026-03-03') });
    expect(told(outcome)).toEqual({
      one: ['metadata.name-differs'],
      two: ['metadata.name-differs'],
      run: ['ignore.expired'],
    });
    expect(outcome.plan.diagnostics[0]).toMatchObject({
      severity: 'warning',
      message: 'metadata.name-differs was to be ignored until 2026-03-03 (later); the entry has no effect any more',
    });
    expect(factory.events).toContainEqual({ type: 'diagnostic', diagnostic: outcome.plan.diagnostics[0] });
  });

  it('an entry that fits nothing is a note, but only where everything was looked at', async () => {
    const config = known('{ id: param.unused, path: gone.dockerapp, reason: old }');
    const outcome = await factory.plan({ config });
    expect(outcome.plan.diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ['ignore.unused', 'param.unused@gone.dockerapp is to be ignored (old), but there is no such finding'],
    ]);
    expect((await factory.plan({ config, apps: ['one'] })).plan.diagnostics).toEqual([]);
    factory.repositories = ['repo', 'nowhere'];
    expect((await factory.plan({ config })).plan.diagnostics).toEqual([]);
  });

  it('an entry for what is there only now and then is never stale', async () => {
    const config = known('{ id: publish.tag-taken, reason: shared }, { id: image.tag-moved, reason: moves }');
    expect((await factory.plan({ config })).plan.diagnostics).toEqual([]);
  });

  it('does not hide a warning that is an error in a plan: a bundle has to run on every device', async () => {
    const replicas = '    container_name: web\n    deploy: { replicas: 2 }\n';
    await factory.write('repo/one.dockerapp', singleFile(imageOf('one'), replicas));
    const config = known('{ id: spec.conflict, reason: only old devices }');
    const outcome = await factory.plan({ config });
    expect(outcome.results[0]).toMatchObject({ app: 'one', status: 'failed' });
    expect(outcome.results[0]?.diagnostics.find(({ code }) => code === 'spec.conflict')?.severity).toBe('error');
    expect(outcome.plan.ignored).toBeUndefined();
  });

  it('holds for a run too, and nothing of it shapes what is published', async () => {
    const plain = await factory.plan({ config: `images: { tag: ${TAG} }\n` });
    const outcome = await factory.run({ config: known('{ id: metadata.name-differs, reason: known }') });
    expect(told(outcome)).toEqual({ one: [], two: [], run: [] });
    expect(outcome.plan.options).toBe(plain.plan.options);
    expect(outcome.plan.apps.map(({ reference }) => reference)).toEqual(
      plain.plan.apps.map(({ reference }) => reference),
    );
  });
});

describe('the configuration', () => {
  it.each([
    ['{ id: IMAGE_MISSING, reason: x }', 'an error is never ignored'],
    ['{ id: param.unknown, reason: x }', 'expected the id of a warning or note'],
    ['{ id: param.unused }', 'reason'],
    ['{ id: param.unused, reason: x, expires: 2026-13-01 }', 'expected a day'],
    ['{ id: param.unused, reason: x, expires: tomorrow }', 'expected a day'],
  ])('refuses %s', (entry, expected) => {
    expect(() => parseConfig(`findings: { ignore: [${entry}] }\n`, 'rebundle.yml')).toThrow(expected);
  });
});
