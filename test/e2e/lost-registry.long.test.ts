import { mkdir, writeFile } from 'node:fs/promises';
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
import { StoppedRuns, type StoppedRunsOptions } from './stopped-runs.ts';

const SIZE = { repositories: 3, packages: 10 };
/** So that a run ends soon where nobody answers. */
const IMPATIENT = 'http: { attempts: 2, longestWait: 2, connectTimeout: 2, headersTimeout: 5, idleTimeout: 5 }\n';

interface Report {
  readonly counts: { readonly migrated: number; readonly held: number; readonly failed: number };
  readonly apps: readonly {
    readonly app: string;
    readonly status: string;
    readonly diagnostics: readonly { readonly code: string; readonly severity: string; readonly hint?: string }[];
  }[];
}

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

/** Some apps failed with that code and a hint, the others wait for them, and no targets are there. */
const expectHeld = async (runs: StoppedRuns, status: number | null, code: string): Promise<Report> => {
  const report = await runs.workspace.readJson<Report & Record<string, unknown>>('out/report.json');
  expect(status).toBe(1);
  expect(runs.workspace.exists('kept/targets.json')).toBe(false);
  expect(runs.workspace.exists('kept/targets')).toBe(false);
  const failed = report.apps.filter((app) => app.status === 'failed');
  expect(failed.length).toBeGreaterThan(0);
  for (const { app, diagnostics } of failed) {
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    expect(errors, app).toContainEqual(expect.objectContaining({ code, hint: expect.stringMatching(/\S/) }));
  }
  expect(report.counts).toMatchObject({ migrated: 0, held: SIZE.packages - failed.length });
  return report;
};

describe.skipIf(!hasDockerRegistry())(
  'a server that goes away in the middle of a run, and comes back for the next',
  () => {
    test.each([4, 60, 110])('the registry that bundles go to, at request or answer %i', async (atRequest) => {
      const registry = await open();
      const runs = await createRuns({ registry });
      await runs.reset();
      const { status } = await runs.run({ pause: { atRequest, work: () => registry.stop() } });
      const what = `the registry ended at ${atRequest}`;
      await expectHeld(runs, status, 'REGISTRY_UNREACHABLE');
      const left = await runs.expectWhole(what, { temps: false });
      await registry.restart();
      await runs.goOn(what, left);
    });

    test('its token server', async () => {
      const registry = await open({ auth: 'token' });
      const runs = await createRuns({ registry, prepare: login(registry) });
      await runs.reset();
      const { status } = await runs.run({
        pause: { atRequest: 60, work: () => registry.tokenServer!.stop() },
      });
      await expectHeld(runs, status, 'REGISTRY_UNREACHABLE');
      const left = await runs.expectWhole('the token server ended', { temps: false });
      await registry.tokenServer!.restart();
      await runs.goOn('the token server ended', left);
    });

    test('the registry of the images', async () => {
      const images = await open();
      const hosts = ['hub.riverbend.example', 'docker.io'].map((host) => `--registry ${host}=${images.host}`);
      const runs = await createRuns({
        prepare: async (workspace) => {
          const { registry, transport } = openHttpRegistry(images.host);
          await pushLayout(workspace.path('images'), registry, images.host);
          await transport.close();
        },
        flags: hosts.flatMap((flag) => flag.split(' ')),
      });
      await runs.reset();
      const { status } = await runs.run({ pause: { atRequest: 4, work: () => images.stop() } });
      await expectHeld(runs, status, 'REGISTRY_UNREACHABLE');
      const left = await runs.expectWhole('the images went away', { temps: false });
      await images.restart();
      await runs.goOn('the images went away', left);
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
