import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseReference } from '../../src/lib/reference.ts';
import type { AppBundle } from '../../src/model/app.ts';
import { pullBundle } from '../../src/pipeline/pull.ts';
import { verifyBundles } from '../../src/pipeline/verify.ts';
import { createLayoutRegistry } from '../../src/registry/layout.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { createQuickTimers, openHttpRegistry } from '../support/http-registry.ts';
import { makeBundle, publish } from '../support/sample-bundle.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'rebundle-tamper-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Bytes that a place holds under a digest, to be read and replaced. */
interface Shelf {
  readonly registry: Registry;
  readonly host: string;
  readonly read: (digest: string) => Promise<Buffer>;
  readonly replace: (digest: string, bytes: Buffer) => Promise<void>;
  readonly close: () => Promise<void>;
}

async function openLayout(): Promise<Shelf> {
  const folder = await mkdtemp(join(root, 'layout-'));
  const pathOf = (digest: string): string => join(folder, 'blobs/sha256', digest.slice('sha256:'.length));
  return {
    registry: createLayoutRegistry(folder),
    host: 'hub.example',
    read: (digest) => readFile(pathOf(digest)),
    replace: (digest, bytes) => writeFile(pathOf(digest), bytes),
    close: async () => {},
  };
}

async function openServer(): Promise<Shelf> {
  const server: HostileServer = await startHostileServer();
  const { registry, transport } = openHttpRegistry(server.host, { timers: createQuickTimers() });
  const blobs = (digest: string) => [...server.blobs.values()].filter((map) => map.has(digest));
  const manifests = (digest: string) => [...server.manifests.values()].filter((map) => map.has(digest));
  return {
    registry,
    host: server.host,
    read: async (digest) => {
      const found = blobs(digest)[0]?.get(digest) ?? manifests(digest)[0]?.get(digest)?.bytes;
      if (found === undefined) throw new Error(`${digest} is not there`);
      return found;
    },
    replace: async (digest, bytes) => {
      for (const map of blobs(digest)) map.set(digest, bytes);
      for (const map of manifests(digest)) map.set(digest, { bytes, mediaType: map.get(digest)?.mediaType ?? '' });
    },
    close: async () => {
      await transport.close();
      await server.close();
    },
  };
}

const request = ({ registry }: Shelf, reference: string) => ({
  references: [parseReference(reference)],
  registriesOf: () => [registry] as const,
  imageRegistry: () => registry,
  platforms: [],
  concurrency: 4,
});

async function listTree(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = await Promise.all(files.map(async (path) => [path.slice(folder.length), await readFile(path, 'utf8')]));
  return Object.fromEntries(read.sort());
}

describe.each<[string, () => Promise<Shelf>]>([
  ['a layout', openLayout],
  ['a registry over HTTP', openServer],
])('any byte that is changed in %s', (_name, open) => {
  let shelf: Shelf;
  let bundle: AppBundle;
  let reference: string;
  let folder: string;
  beforeAll(async () => {
    shelf = await open();
    bundle = await makeBundle(shelf.registry, { host: shelf.host });
    reference = await publish(shelf.registry, bundle);
    folder = join(await mkdtemp(join(root, 'pulled-')), 'page');
  });
  afterAll(() => shelf.close());

  const pull = () =>
    pullBundle({
      reference: parseReference(reference),
      registries: [shelf.registry],
      destination: folder,
      emit: () => {},
      concurrency: 4,
    });

  test('as it is, it is good, and pull gives its files', async () => {
    const [verdict] = await verifyBundles(request(shelf, reference));
    expect(verdict).toMatchObject({ pinned: reference, isOwn: true, files: 4, findings: [] });
    expect(verdict?.platforms).toEqual(['linux/amd64', 'linux/arm64']);
    await pull();
    expect(Object.keys(await listTree(folder))).toEqual([
      '/.meta/rebundle.json',
      '/docker-compose.yml',
      '/nginx.conf',
      '/scripts/run.sh',
      '/web.env',
    ]);
  });

  const parts: [string, () => string][] = [
    ['the manifest', () => bundle.manifest.digest],
    ['the file index', () => bundle.index.digest],
    ['the archive', () => bundle.archive.digest],
    ['the compose file for Docker Compose', () => bundle.composeLayers[0]?.descriptor.digest ?? ''],
    ['an environment file for Docker Compose', () => bundle.composeLayers[1]?.descriptor.digest ?? ''],
    ['the config', () => JSON.parse(Buffer.from(bundle.manifestBytes).toString()).config.digest],
  ];
  test.each(parts)('in %s is found by verify and pull, and none of it reaches the folder', async (_part, digestOf) => {
    const digest = digestOf();
    const whole = await shelf.read(digest);
    const before = await listTree(folder);
    const parent = await readdir(join(folder, '..'));
    const at = fc.integer({ min: 0, max: whole.byteLength - 1 });
    const change = fc.oneof(
      fc.tuple(at, fc.integer({ min: 1, max: 255 })).map(([index, mask]) => {
        const copy = Buffer.from(whole);
        copy[index] = (copy[index] ?? 0) ^ mask;
        return copy;
      }),
      at.map((end) => whole.subarray(0, end)),
      fc.uint8Array({ minLength: 1, maxLength: 600 }).map((tail) => Buffer.concat([whole, tail])),
    );
    const ends = [0, whole.byteLength - 1].map((index) => {
      const copy = Buffer.from(whole);
      copy[index] = (copy[index] ?? 0) ^ 1;
      return [copy] as [Buffer];
    });
    try {
      await fc.assert(
        fc.asyncProperty(change, async (bytes) => {
          await shelf.replace(digest, bytes);
          const [verdict] = await verifyBundles(request(shelf, reference));
          const errors = verdict?.findings.filter(({ severity }) => severity === 'error') ?? [];
          expect(errors.map(({ code }) => code)).toContain('verify.digest');
          await expect(pull()).rejects.toMatchObject({ code: 'BUNDLE_REFUSED' });
          expect(await listTree(folder)).toEqual(before);
          expect(await readdir(join(folder, '..'))).toEqual(parent);
        }),
        { numRuns: 25, examples: ends },
      );
    } finally {
      await shelf.replace(digest, whole);
    }
  });

  test('in the manifests of an image is found by verify', async () => {
    const [, image = ''] = /@(sha256:[0-9a-f]{64})/.exec(Object.values(await listTree(folder))[1] ?? '') ?? [];
    const whole = await shelf.read(image);
    const child: string = JSON.parse(whole.toString()).manifests[1].digest;
    for (const digest of [image, child]) {
      const bytes = await shelf.read(digest);
      await shelf.replace(digest, Buffer.concat([bytes, Buffer.from(' ')]));
      const [verdict] = await verifyBundles(request(shelf, reference));
      await shelf.replace(digest, bytes);
      expect(verdict?.findings.map(({ code }) => code)).toEqual(['verify.digest']);
    }
  });
});

test('a part that is gone is named', async () => {
  const folder = await mkdtemp(join(root, 'gone-'));
  const registry = createLayoutRegistry(join(folder, 'layout'));
  const bundle = await makeBundle(registry, { host: 'hub.example' });
  const reference = await publish(registry, bundle);
  for (const [digest, code] of [
    [bundle.manifest.digest, 'verify.missing'],
    [bundle.index.digest, 'verify.blob-missing'],
    [bundle.archive.digest, 'verify.blob-missing'],
    [bundle.composeLayers[0]?.descriptor.digest ?? '', 'verify.blob-missing'],
  ] as const) {
    const copy = join(folder, digest.slice(7, 20));
    await cp(join(folder, 'layout'), copy, { recursive: true });
    await rm(join(copy, 'blobs/sha256', digest.slice(7)));
    const shelf = { registry: createLayoutRegistry(copy) } as Shelf;
    const [verdict] = await verifyBundles(request(shelf, reference));
    expect(verdict?.findings.map((found) => [found.severity, found.code])).toEqual([['error', code]]);
  }
});
