import { readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CliEnvironment } from '../../src/cli/environment.ts';
import { openPlaces } from '../../src/cli/places.ts';
import { prepareSetup } from '../../src/cli/setup.ts';
import { createLimit } from '../../src/lib/limit.ts';
import type { MigrationPlan, PlanFile } from '../../src/model/plan.ts';
import { runMigration } from '../../src/pipeline/run.ts';
import { unpackRow } from '../../src/pipeline/state.ts';
import type { Source } from '../../src/source/source.ts';
import { createFileTufRepo } from '../../src/tufrepo/file.ts';
import { NOTHING_SAID } from '../support/flags.ts';
import { CONFIG, CREATED_AT, copyProgram, Workspace } from './cli.ts';
import { digestsOfRun } from './variants.ts';

const { version: VERSION } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));

const GOLDEN = join(import.meta.dirname, 'sample-digests.json');
const NOBODY = 65534;

let base: Workspace;
let expected: Record<string, string>;

beforeAll(async () => {
  base = await Workspace.create();
  expected = await digestsOfRun(base);
});
afterAll(async () => {
  await base.close();
});

async function inWorkspace<T>(work: (workspace: Workspace) => Promise<T>): Promise<T> {
  const workspace = await Workspace.create();
  try {
    return await work(workspace);
  } finally {
    await workspace.close();
  }
}

describe('the same bytes', () => {
  test.each([
    ['umask 077', { prefix: ['sh', '-c', 'umask 077; exec "$@"', 'sh'] }],
    ['umask 022', { prefix: ['sh', '-c', 'umask 022; exec "$@"', 'sh'] }],
    ['a time zone far in the east', { env: { TZ: 'Pacific/Kiritimati' } }],
    ['a time zone west', { env: { TZ: 'America/St_Johns' } }],
    ['a Turkish locale', { env: { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } }],
    ['a C locale', { env: { LC_ALL: 'C' } }],
    ['a terminal that has other wishes', { env: { NO_COLOR: '1', CI: 'true', TERM: 'dumb', COLUMNS: '20' } }],
  ])('under %s', async (_what, options) => {
    await inWorkspace(async (workspace) => {
      expect(await digestsOfRun(workspace, options)).toEqual(expected);
    });
  });

  const isRoot = process.getuid?.() === 0;
  if (!isRoot && process.env.CI === 'true') throw new Error('CI must run the test with another user: start it as root');
  test.skipIf(!isRoot)(isRoot ? 'as another user' : 'as another user: SKIPPED, it takes root', async () => {
    await inWorkspace(async (workspace) => {
      // The other user may not be able to read the folder that this project lies in.
      const program = await mkdtemp(join(tmpdir(), 'rebundle-program-'));
      try {
        await chmod(program, 0o755);
        const main = await copyProgram(program);
        await workspace.open();
        expect(await digestsOfRun(workspace, { main, uid: NOBODY, gid: NOBODY })).toEqual(expected);
      } finally {
        await rm(program, { recursive: true, force: true });
      }
    });
  });
});

describe('the same bytes from a source that', () => {
  let large: { readonly listing: Map<string, string>; readonly plan: { readonly apps: unknown } };

  beforeAll(async () => {
    large = await inWorkspace(async (workspace) => {
      await enlarge(workspace);
      await digestsOfRun(workspace);
      return { listing: await workspace.listing('out'), plan: await workspace.readJson('out/plan.json') };
    });
  });

  /** Makes a support file larger than a piece of 1 MB. */
  async function enlarge(workspace: Workspace): Promise<void> {
    const path = 'samples/gateway/status-page/nginx.conf';
    await workspace.write(path, `${await workspace.read(path)}${'# filling\n'.repeat(150_000)}`);
  }

  /** A source whose list comes in reverse, and whose files come in pieces of `size` bytes. */
  function vary(source: Source, { reverse = false, size }: { reverse?: boolean; size?: number }): Source {
    return {
      origin: source.origin,
      read: (path, limit) => source.read(path, limit),
      async *list() {
        const entries = [];
        for await (const entry of source.list()) entries.push(entry);
        yield* reverse ? entries.reverse() : entries;
      },
      async *open(path) {
        const parts = [];
        for await (const chunk of source.open(path)) parts.push(chunk);
        const bytes = Buffer.concat(parts);
        if (size === undefined) yield bytes;
        else for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
      },
    };
  }

  async function runLibrary(
    workspace: Workspace,
    variation: { reverse?: boolean; size?: number },
  ): Promise<MigrationPlan> {
    const environment: CliEnvironment = {
      version: VERSION,
      cwd: workspace.root,
      env: {},
      writeError: () => {},
      stdoutIsTerminal: false,
      stderrIsTerminal: false,
      width: () => 80,
      now: () => 0,
      repeat: () => () => {},
      signal: new AbortController().signal,
      pid: process.pid,
      isRunning: () => true,
    };
    const flags = { ...NOTHING_SAID, config: CONFIG };
    const setup = await prepareSetup({ command: 'run', operands: [], paths: [], flags, own: {} }, environment);
    const sources = setup.sources.map((source) => vary(source, variation));
    const { targets } = setup.config;
    const { plan } = await runMigration(
      setup.request,
      {
        ...openPlaces({ config: setup.config, environment, emit: () => {} }),
        sources: variation.reverse === true ? sources.reverse() : sources,
        tufRepo: createFileTufRepo(targets!.repo),
        targetsSeed: { path: 'seed', bytes: readFileSync(targets!.seed!) },
        tool: VERSION,
        createdAt: CREATED_AT,
        emit: () => {},
        limit: createLimit(3),
      },
      async () => {},
    );
    return plan;
  }

  test.each([
    ['lists backwards', { reverse: true }],
    ['reads 1 kB at a time', { size: 1000 }],
    ['reads 1 MB at a time', { size: 1_000_000 }],
  ])('%s', async (_what, variation) => {
    await inWorkspace(async (workspace) => {
      await enlarge(workspace);
      const plan = await runLibrary(workspace, variation);
      const listing = await workspace.listing('out');
      const published = [...large.listing].filter(([path]) => /^(?:registry\/|targets)/.test(path));
      expect([...listing]).toEqual(published);
      expect(JSON.parse(JSON.stringify(plan.apps.map(unpackRow)))).toEqual(large.plan.apps);
    });
  });
});

test('the digests of the sample factory are those of the committed file', async () => {
  const plan = await base.readJson<PlanFile>('out/plan.json');
  const apps = plan.apps.map(({ app, bundle, bundleIndex, manifest, dockerApp }) => [
    app,
    { bundle: bundle?.digest, index: bundleIndex?.digest, manifest: manifest?.digest, dockerApp: dockerApp?.sha256 },
  ]);
  const digests = { apps: Object.fromEntries(apps), targets: expected['targets.json'] };
  const text = `${JSON.stringify(digests, null, 2)}\n`;
  if (process.env.UPDATE_GOLDEN === '1') {
    if (process.env.CI === 'true') throw new Error('CI must not rewrite golden files');
    writeFileSync(GOLDEN, text);
  }
  expect(text).toBe(readFileSync(GOLDEN, 'utf8'));
});
