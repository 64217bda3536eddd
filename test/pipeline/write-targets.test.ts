import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RebundleError } from '../../src/errors.ts';
import type { Target } from '../../src/model/target.ts';
import type { Source } from '../../src/source/source.ts';
import { readSigningKey } from '../../src/targets/keys.ts';
import { lintTargets } from '../../src/targets/lint.ts';
import { findValidSigners, readRole, readSignatures, type SigningOptions } from '../../src/targets/sign.ts';
import { parseTargetsFile } from '../../src/targets/targets-file.ts';
import { createHttpTufRepo } from '../../src/tufrepo/http.ts';
import type { TufRepo } from '../../src/tufrepo/tuf-repo.ts';
import { createTestSend } from '../support/http-registry.ts';
import { ED25519, pemOf } from '../targets/signing-keys.ts';
import { TufServer } from '../tufrepo/tuf-server.ts';
import { codesOf, ostreeTarget, TestFactory } from './factory.ts';

const KEY = readSigningKey(pemOf(ED25519.privateKey), 'key');
const SIGNING: SigningOptions = { keys: [KEY], form: 'device', now: '2026-03-04T05:06:07Z' };

const targetsText = (targets: Record<string, unknown>, version = 3): string =>
  `${JSON.stringify({ _type: 'Targets', version, expires: '2030-01-01T00:00:00Z', targets }, null, 2)}\n`;

let factory: TestFactory;
beforeEach(async () => {
  factory = await TestFactory.withApps('web', 'db');
});
afterEach(async () => {
  await factory.close();
});

/** The file repository, with something done before each replacement. */
function withBefore(
  repo: TufRepo,
  before: (attempt: number) => Promise<void>,
): TufRepo & { readonly attempts: () => number } {
  let attempt = 0;
  return {
    location: repo.location,
    readTargets: () => repo.readTargets(),
    getTarget: (name) => repo.getTarget(name),
    putTarget: (name, bytes) => repo.putTarget(name, bytes),
    writeTargets: async (bytes, checksum) => {
      attempt += 1;
      await before(attempt);
      return repo.writeTargets(bytes, checksum);
    },
    attempts: () => attempt,
  };
}

describe('another writer', () => {
  test('is read, planned upon, and nothing of it is lost', async () => {
    const repo = withBefore(factory.tufRepo, async (attempt) => {
      if (attempt > 1) return;
      const targets = await factory.readTargets();
      await factory.writeTargets({
        ...targets,
        'amd-lmp-8': ostreeTarget('amd', 8),
        'arm-lmp-8': ostreeTarget('arm', 8),
      });
    });
    const outcome = await factory.run({ context: { tufRepo: repo } });
    expect(repo.attempts()).toBe(2);
    expect(outcome.plan).toMatchObject({ state: 'proposed', targetVersion: '9' });
    expect(factory.saved.at(-1)).toMatchObject({ state: 'done', targetVersion: '9' });
    const targets = await factory.readTargets();
    expect(Object.keys(targets)).toEqual([
      ...['amd-lmp-7', 'arm-lmp-7', 'amd-lmp-8', 'arm-lmp-8'],
      ...['db.dockerapp-9', 'web.dockerapp-9', 'amd-lmp-9', 'arm-lmp-9'],
    ]);
    expect((await factory.tufRepo.getTarget('web.dockerapp-9'))?.byteLength).toBe(targets['web.dockerapp-9']?.length);
    expect(outcome.plan.apps.map(({ dockerApp }) => dockerApp?.name)).toEqual(['db.dockerapp-9', 'web.dockerapp-9']);
    const again = await factory.run();
    expect(again.plan.hasChanges).toBe(false);
  });

  test('that wrote the same is no reason to write it again', async () => {
    const other = await TestFactory.withApps('web', 'db');
    try {
      await other.run();
      const theirs = await other.readTargets();
      const repo = withBefore(factory.tufRepo, async () => {
        for (const [name, bytes] of Object.entries(theirs)) {
          if (name.includes('dockerapp'))
            await factory.tufRepo.putTarget(name, (await other.tufRepo.getTarget(name)) ?? Buffer.of());
          expect(bytes).toBeDefined();
        }
        await factory.writeTargets(theirs);
      });
      const outcome = await factory.run({ context: { tufRepo: repo } });
      expect(repo.attempts()).toBe(1);
      expect(outcome.targets).toBeUndefined();
      expect(await factory.readTargets()).toEqual(theirs);
    } finally {
      await other.close();
    }
  });

  test('that never stops ends it after three tries', async () => {
    const repo = withBefore(factory.tufRepo, async (attempt) => {
      await factory.writeTargets({
        ...(await factory.readTargets()),
        [`amd-lmp-${attempt + 10}`]: ostreeTarget('amd', attempt + 10),
      });
    });
    await expect(factory.run({ context: { tufRepo: repo } })).rejects.toMatchObject({ code: 'TARGETS_CONFLICT' });
    expect(repo.attempts()).toBe(3);
    expect(factory.saved.at(-1)?.state).toBe('started');
  });

  test('makes an approved plan stale, unless it is as good as before', async () => {
    const { plan } = await factory.plan();
    const harmless = withBefore(factory.tufRepo, async (attempt) => {
      if (attempt === 1)
        await factory.writeTargets({
          ...(await factory.readTargets()),
          'other-1': ostreeTarget('other', 1, { tags: ['lab'] }),
        });
    });
    await factory.apply(plan, { context: { tufRepo: harmless } });
    expect(harmless.attempts()).toBe(2);
    expect(Object.keys(await factory.readTargets())).toContain('amd-lmp-8');

    const next = await TestFactory.withApps('web', 'db');
    try {
      const proposed = (await next.plan()).plan;
      const newer = withBefore(next.tufRepo, async () => {
        await next.writeTargets({ ...(await next.readTargets()), 'amd-lmp-9': ostreeTarget('amd', 9) });
      });
      const error = await next.apply(proposed, { context: { tufRepo: newer } }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RebundleError);
      expect(['PLAN_STALE', 'TARGETS_VERSION']).toContain((error as RebundleError).code);
      expect(Object.keys(await next.readTargets())).not.toContain('amd-lmp-8');
    } finally {
      await next.close();
    }
  });
});

describe('a server', () => {
  let server: TufServer;
  beforeEach(async () => {
    server = await TufServer.start();
    server.targets = Buffer.from(targetsText({ 'amd-lmp-7': ostreeTarget('amd', 7) }));
  });
  afterEach(async () => {
    await server.stop();
  });
  const repo = (): TufRepo => createHttpTufRepo({ url: server.url, send: createTestSend(), retryDelayMs: 1 });
  const targets = (): Record<string, Target> => JSON.parse(server.targets?.toString() ?? '').targets;

  test('gets the file targets first and the targets last, and a second run changes nothing', async () => {
    await factory.run({ context: { tufRepo: repo() } });
    const puts = server.seen.filter(({ method }) => method === 'PUT').map(({ path }) => path.split('?')[0]);
    expect(puts).toEqual(
      ['targets/db.dockerapp-8', 'targets/web.dockerapp-8', 'targets'].map((end) => `/api/v1/user_repo/${end}`),
    );
    expect(Object.keys(targets())).toEqual(['amd-lmp-7', 'db.dockerapp-8', 'web.dockerapp-8', 'amd-lmp-8']);
    server.seen.length = 0;
    await factory.run({ context: { tufRepo: repo() } });
    expect(server.seen.filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  test('that has newer targets by now is asked again, and built upon', async () => {
    let changed = false;
    server.before = ({ method, path }) => {
      if (method !== 'PUT' || !path.endsWith('/targets') || changed) return undefined;
      changed = true;
      server.targets = Buffer.from(targetsText({ ...targets(), 'amd-lmp-20': ostreeTarget('amd', 20) }, 4));
      return undefined;
    };
    await factory.run({ context: { tufRepo: repo() } });
    expect(Object.keys(targets())).toEqual([
      'amd-lmp-7',
      'amd-lmp-20',
      'db.dockerapp-21',
      'web.dockerapp-21',
      'amd-lmp-21',
    ]);
  });
});

describe('signing', () => {
  const file = async () => parseTargetsFile(Buffer.from(await factory.targetsText()), 'targets.json');

  test('raises the version once for a run that changes something, and not for one that does not', async () => {
    await factory.run({ context: { signing: SIGNING } });
    const signed = await file();
    expect(readRole(signed)).toMatchObject({ version: 4, _type: 'Targets' });
    expect(findValidSigners(signed, { threshold: 1, keys: new Map([[KEY.ids.der, KEY]]) })).toEqual([KEY.ids.der]);
    expect(
      lintTargets(signed, { now: SIGNING.now }).filter(({ diagnostic }) => diagnostic.severity === 'error'),
    ).toEqual([]);
    await factory.run({ context: { signing: SIGNING } });
    expect((await file()).text).toBe(signed.text);
    await factory.addApp('shell');
    await factory.run({ context: { signing: SIGNING } });
    expect(readRole(await file()).version).toBe(5);
  });

  test('tells where signatures end, and nothing else of the file changes', async () => {
    await factory.run({ context: { signing: SIGNING } });
    await factory.addApp('shell');
    const outcome = await factory.run();
    expect(outcome.plan.diagnostics.map(({ code }) => code)).toContain('targets.signatures-dropped');
    expect(readSignatures(await file())).toEqual([]);
    expect(readRole(await file()).version).toBe(4);
  });

  test('that would fail stops the run before anything is published', async () => {
    const signing = { ...SIGNING, now: '2031-01-01T00:00:00Z' };
    await expect(factory.run({ context: { signing } })).rejects.toMatchObject({ code: 'TARGETS_EXPIRES' });
    await expect(factory.plan({ context: { signing } })).rejects.toMatchObject({ code: 'TARGETS_EXPIRES' });
    expect(factory.events.some(({ type }) => type === 'blob:sent')).toBe(false);
  });
});

describe('containers-sha', () => {
  const COMMIT = '1234567890'.repeat(4);
  const atCommit = (source: Source): Source => ({
    origin: { ...source.origin, commit: COMMIT },
    list: () => source.list(),
    read: (path, limit) => source.read(path, limit),
    open: (path) => source.open(path),
  });
  const shaOf = async () => (await factory.readTargets())['amd-lmp-8']?.custom?.['containers-sha'];

  test('T4: is the commit of the one repository', async () => {
    await factory.run({ context: { sources: factory.sources().map(atCommit) } });
    expect(await shaOf()).toBe(COMMIT);
  });

  test('T4: is the configured one where there is one', async () => {
    const sha = 'ab'.repeat(20);
    const config = `${factory.config.trimEnd().slice(0, -1)}, containersSha: ${sha} }\n`;
    await factory.run({ config, context: { sources: factory.sources().map(atCommit) } });
    expect(await shaOf()).toBe(sha);
  });

  test('T4: of several repositories none is taken', async () => {
    factory.repositories = ['repo', 'other'];
    await factory.addApp('shell', 'other');
    await factory.run({ context: { sources: factory.sources().map(atCommit) } });
    expect(await shaOf()).toBeUndefined();
  });
});

describe('the lint of what is about to be written', () => {
  test('passes over what others wrote, and what a parent brings along', async () => {
    const odd = { docker_apps: { foreign: { filename: 'foreign.dockerapp-1' } }, note: 'für' };
    await factory.writeTargets({ 'amd-lmp-7': ostreeTarget('amd', 7, odd), 'bad-1': { hashes: {}, length: 0 } });
    await factory.run();
    expect((await factory.readTargets())['amd-lmp-8']?.custom?.docker_apps).toMatchObject({
      foreign: odd.docker_apps.foreign,
    });
  });

  test('tells of hardware ids that are at different versions', async () => {
    await factory.writeTargets({ 'amd-lmp-7': ostreeTarget('amd', 7), 'arm-lmp-9': ostreeTarget('arm', 9) });
    const outcome = await factory.plan();
    expect(outcome.plan.diagnostics.find(({ code }) => code === 'targets.mixed-versions')?.message).toContain(
      'amd 7, arm 9',
    );
    expect(codesOf(outcome, 'web')).toEqual([]);
  });
});
