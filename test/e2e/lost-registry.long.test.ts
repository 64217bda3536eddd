import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type DockerRegistry,
  hasDockerRegistry,
  PASSWORD,
  startDockerRegistry,
  USER,
} from '../support/docker-registry.ts';
import { openHttpRegistry } from '../support/http-registry.ts';
import { pushLayout } from '../support/layout-images.ts';
import type { Workspace } from './cli.ts';
import { StoppedRuns, type StoppedRunsOptions, type Whole } from './stopped-runs.ts';

const SETTLE_MS = 500;
const SIZE = { repositories: 3, packages: 10 };
/** So that a run ends soon where nobody answers. */
const IMPATIENT = 'http: { attempts: 2, longestWait: 2, connectTimeout: 2, headersTimeout: 5, idleTimeout: 5 }\n';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const open = async (options: Parameters<typeof startDockerRegistry>[0] = {}): Promise<DockerRegistry> => {
  const registry = await startDockerRegistry({ inMemory: true, ...options });
  closers.push(() => registry.close());
  return registry;
};

const createRuns = async (options: Partial<StoppedRunsOptions>): Promise<StoppedRuns> => {
  const { config = '' } = options;
  const runs = await StoppedRuns.create({ ...SIZE, ...options, config: config + IMPATIENT });
  closers.push(() => runs.close());
  return runs;
};

/** A first run in which a server goes away at a request, and the next one after it is back. */
const loseAndGoOn = async (
  runs: StoppedRuns,
  atRequest: number,
  server: { readonly stop: () => Promise<void>; readonly restart: () => Promise<void> },
): Promise<Whole> => {
  const what = `a server that ended at request or answer ${atRequest}`;
  await runs.reset();
  const work = async (): Promise<void> => {
    // It ends what it has begun: a file that it tears itself when it is killed is another matter.
    await sleep(SETTLE_MS);
    await server.stop();
  };
  const { status } = await runs.run({ pause: { atRequest, work } });
  await runs.expectHeld(what, status, { code: 'REGISTRY_UNREACHABLE', says: '127.0.0.1' });
  const left = await runs.expectWhole(what, { temps: false });
  await server.restart();
  await runs.goOn(what, left);
  return left;
};

describe.skipIf(!hasDockerRegistry())(
  'a server that goes away in the middle of a run, and comes back for the next',
  () => {
    test('the registry that bundles go to', async () => {
      const registry = await open();
      const runs = await createRuns({ registry });
      await loseAndGoOn(runs, 4, registry);
      // By then it has taken some of the bundles.
      for (const atRequest of [110, 150])
        expect((await loseAndGoOn(runs, atRequest, registry)).stored.size).toBeGreaterThan(0);
    });

    test('its token server', async () => {
      const registry = await open({ auth: 'token' });
      const runs = await createRuns({ registry, prepare: login(registry) });
      for (const atRequest of [5, 25]) await loseAndGoOn(runs, atRequest, registry.tokenServer!);
    });

    test('the registry of the images', async () => {
      const images = await open();
      const flags = ['hub.riverbend.example', 'docker.io'].flatMap((host) => ['--registry', `${host}=${images.host}`]);
      const prepare = async (workspace: Workspace): Promise<void> => {
        const { registry, transport } = openHttpRegistry(images.host);
        await pushLayout(workspace.path('images'), registry, images.host);
        await transport.close();
      };
      const runs = await createRuns({ prepare, flags });
      await loseAndGoOn(runs, 4, images);
    });
  },
);

function login(registry: DockerRegistry): NonNullable<StoppedRunsOptions['prepare']> {
  return async (workspace) => {
    const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
    await mkdir(workspace.path('.docker'));
    await writeFile(workspace.path('.docker/config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  };
}
