import { expect, test } from 'vitest';
import { createLimit } from '../../src/lib/limit.ts';
import type { AppBundle } from '../../src/model/app.ts';
import type { BuiltApp } from '../../src/pipeline/build-app.ts';
import type { MigrationContext } from '../../src/pipeline/migration.ts';
import { publishBundles } from '../../src/pipeline/publish.ts';
import { createMemoryRegistry } from '../../src/registry/memory.ts';
import { bundleFile } from '../support/bundle-file.ts';
import { makeBundle, publish } from '../support/sample-bundle.ts';
import { recordCalls } from './factory.ts';

test('what is published is checked as verify does, with the one request that reads the manifest back', async () => {
  const inner = createMemoryRegistry();
  const bundle = await makeBundle(inner, { host: 'hub.example' });
  await publish(inner, bundle);
  const { registry, calls } = recordCalls(inner);
  const context: MigrationContext = {
    sources: [],
    imageRegistry: () => inner,
    destination: registry,
    tool: '0.0.0',
    createdAt: '2026-03-04T05:06:07Z',
    emit: () => {},
    limit: createLimit(1),
  };
  const publishOne = async (published: AppBundle) => {
    const app = {
      name: 'page',
      origin: { repository: 'repo', path: 'page.dockerapp' },
      place: { tag: 'v1', published: true, isSubstitute: false },
      open: async () => ({ bundle: published }),
    } as unknown as BuiltApp;
    const outcomes = await publishBundles([app], context, { concurrency: 1, resumed: false });
    return outcomes.get('page')?.diagnostics.map(({ severity, code }) => [severity, code]);
  };
  expect(await publishOne(bundle)).toEqual([]);
  expect(calls.filter((call) => call.startsWith('get'))).toHaveLength(1);
  const files = bundle.files.map((file) => (file.path === 'web.env' ? bundleFile('web.env', 'B=2\n') : file));
  expect(await publishOne({ ...bundle, files })).toEqual(
    expect.arrayContaining([
      ['error', 'verify.index'],
      ['error', 'verify.label-hash'],
      ['error', 'verify.docker-compose'],
    ]),
  );
});
