import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DeviceStyle, MigrationPlan, UpdateCause, UpdateGroup } from '../../src/model/plan.ts';
import { HOST, imageOf, singleFile, TAG, TestFactory } from './factory.ts';
import { pushImage } from './images.ts';

const THIRD = 'docker.io/library/redis:6';
const CONFIG = `images: { tag: ${TAG} }\ntargets: { repo: tuf/targets.json, tags: main }\n`;

interface Change {
  readonly name: string;
  /** What it is for devices of each style that see it. */
  readonly causes: Partial<Record<DeviceStyle, UpdateCause>>;
}

const CHANGES = [
  { name: 'member', causes: { 'docker-app': 'source', bundle: 'source' } },
  { name: 'metadata', causes: { 'docker-app': 'source' } },
  { name: 'reference', causes: { 'docker-app': 'source', bundle: 'source' } },
  { name: 'release', causes: { 'docker-app': 'image', bundle: 'image' } },
  { name: 'repin', causes: { bundle: 'image' } },
  { name: 'parameter', causes: { bundle: 'option' } },
  { name: 'layer', causes: { bundle: 'option' } },
] as const satisfies readonly Change[];

type Name = (typeof CHANGES)[number]['name'];

let factory: TestFactory;
let earlier: MigrationPlan;

const packageText = (names: readonly Name[]): string => {
  const text = singleFile(
    imageOf('web'),
    `${names.includes('member') ? '    restart: always\n' : ''}  cache:\n    image: redis:${names.includes('reference') ? '6.2' : '6'}\n`,
  );
  return names.includes('metadata') ? text.replace('1.0.0', '1.0.1') : text;
};

const configOf = (names: readonly Name[]): string =>
  [
    CONFIG,
    names.includes('repin') ? 'pin: { refresh: ["**"] }\n' : '',
    names.includes('parameter') ? 'parameters: { set: { port: "81" } }\n' : '',
    names.includes('layer') ? 'bundle: { dockerCompose: false }\n' : '',
  ].join('');

beforeAll(async () => {
  factory = await TestFactory.withApps('web');
  await pushImage(factory.images, `${HOST}/acme/web:${TAG}`, { content: 'web' });
  await pushImage(factory.images, THIRD, { content: 'old' });
  await factory.write('repo/web.dockerapp', packageText([]));
  await factory.run();
  earlier = factory.saved.at(-1) as MigrationPlan;
  await pushImage(factory.images, THIRD, { content: 'new' });
  await pushImage(factory.images, 'docker.io/library/redis:6.2', { content: 'six two' });
});
afterAll(() => factory.close());

function subsets<T>(items: readonly T[]): T[][] {
  const [first, ...rest] = items;
  if (first === undefined) return [[]];
  return subsets(rest).flatMap((set) => [set, [first, ...set]]);
}

/** Whatever is told holds; what is not seen is not told. */
function judge(groups: readonly UpdateGroup[], names: readonly Name[], isKnown: boolean): void {
  for (const style of ['docker-app', 'bundle'] as const) {
    // There is nothing to pin anew where the reference is another one.
    const done = names.includes('reference') ? names.filter((name) => name !== 'repin') : names;
    const truth = CHANGES.filter(({ name }) => done.includes(name)).flatMap(
      ({ causes }: Change) => causes[style] ?? [],
    );
    const told = groups.filter((group) => group.style === style);
    const what = `${names.join('+')} ${style} ${isKnown ? 'with state' : 'without state'}: ${JSON.stringify(told)}`;
    expect(told.length, what).toBe(truth.length === 0 ? 0 : 1);
    for (const { causes, unclear } of told) {
      for (const cause of causes) expect(truth, what).toContain(cause);
      if (unclear.length > 0)
        expect(
          unclear.some((cause) => truth.includes(cause)),
          what,
        ).toBe(true);
      // An image that moved is always seen.
      if (truth.includes('image')) expect(causes, what).toContain('image');
      // One cause alone is always certain.
      if (new Set(truth).size === 1) expect([causes, unclear], what).toEqual([[...new Set(truth)], []]);
    }
  }
}

test('what is told holds, for every combination of up to two changes, with and without state', {
  timeout: 120_000,
}, async () => {
  const all = subsets(CHANGES.map(({ name }) => name));
  for (const names of all.filter(({ length }) => length <= 2)) {
    await pushImage(factory.images, `${HOST}/acme/web:${TAG}`, { content: names.includes('release') ? 'next' : 'web' });
    await factory.write('repo/web.dockerapp', packageText(names));
    for (const known of [{}, { earlier }]) {
      const { updates } = (await factory.plan({ config: configOf(names), ...known })).plan;
      expect(updates?.length).toBe(names.length === 0 ? 0 : 1);
      judge(updates?.[0]?.groups ?? [], names, 'earlier' in known);
    }
  }
});
