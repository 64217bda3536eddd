import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import { type Descriptor, MEDIA_TYPES } from '../../src/model/oci.ts';
import { createLayoutRegistry } from '../../src/registry/layout.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { collect, describeBytes, inChunks, manifestBytes } from '../registry/contract.ts';
import { requireProgram } from '../support/programs.ts';

const hasSkopeo = requireProgram('skopeo');
const NAME = { registry: 'registry.example.com:5000', repository: 'factory/shop' };
const FULL = `${NAME.registry}/${NAME.repository}`;

describe.skipIf(!hasSkopeo)(
  hasSkopeo ? 'layout and skopeo' : 'layout and skopeo: SKIPPED, skopeo is not installed',
  () => {
    let folder: string;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rebundle-skopeo-'));
    });
    afterEach(async () => {
      await rm(folder, { recursive: true, force: true });
    });

    const skopeo = (...args: string[]): Buffer =>
      execFileSync('skopeo', ['--insecure-policy', ...args], { cwd: folder, stdio: 'pipe' });

    const putBlob = async (registry: Registry, bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
      const descriptor = describeBytes(bytes, mediaType);
      await registry.putBlob(NAME, descriptor, () => inChunks(bytes));
      return descriptor;
    };

    /** An image with one layer that is an empty tar archive, so that skopeo can make sense of all of it. */
    const putImage = async (
      registry: Registry,
      architecture: string,
      tag?: string,
    ): Promise<{ descriptor: Descriptor; bytes: Buffer }> => {
      const tar = Buffer.alloc(1024);
      const settings = { architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [digestOf(tar)] } };
      const config = await putBlob(registry, Buffer.from(JSON.stringify(settings)), MEDIA_TYPES.ociConfig);
      const layer = await putBlob(registry, gzipSync(tar), MEDIA_TYPES.ociLayer);
      const bytes = manifestBytes({ config, layers: [layer] });
      const manifest = { bytes, mediaType: MEDIA_TYPES.ociManifest, ...(tag === undefined ? {} : { tag }) };
      return { descriptor: await registry.putManifest(NAME, manifest), bytes };
    };

    test('skopeo reads the manifests of a layout that we wrote', async () => {
      const registry = createLayoutRegistry(join(folder, 'ours'));
      const one = await putImage(registry, 'amd64', 'v1');
      const two = await putImage(registry, 'arm64', 'v2');
      expect(skopeo('inspect', '--raw', `oci:ours:${FULL}:v1`).equals(one.bytes)).toBe(true);
      expect(skopeo('inspect', '--raw', `oci:ours:${FULL}:v2`).equals(two.bytes)).toBe(true);
      expect(JSON.parse(skopeo('inspect', `oci:ours:${FULL}:v1`).toString())).toMatchObject({ Architecture: 'amd64' });
    });

    test('we read a layout that skopeo wrote', async () => {
      const source = await putImage(createLayoutRegistry(join(folder, 'ours')), 'amd64', 'v1');
      skopeo('copy', `oci:ours:${FULL}:v1`, 'oci:theirs:registry.example.com:5000/factory/copy:v9');
      const registry = createLayoutRegistry(join(folder, 'theirs'));
      const name = { ...NAME, repository: 'factory/copy' };
      const found = await registry.getManifest(name, 'v9');
      expect(found?.descriptor).toEqual(source.descriptor);
      expect(found?.bytes.equals(source.bytes)).toBe(true);
      for (const { digest, size } of JSON.parse(source.bytes.toString()).layers) {
        const layer = await collect(registry.getBlob(name, { mediaType: MEDIA_TYPES.ociLayer, digest, size }));
        expect(layer.byteLength).toBe(size);
      }
    });

    test('we read a multi-platform image that skopeo wrote', async () => {
      const ours = createLayoutRegistry(join(folder, 'ours'));
      const images = [await putImage(ours, 'amd64'), await putImage(ours, 'arm64')];
      const manifests = ['amd64', 'arm64'].map((architecture, i) => ({
        ...images[i]?.descriptor,
        platform: { os: 'linux', architecture },
      }));
      const bytes = manifestBytes({ mediaType: MEDIA_TYPES.ociIndex, manifests });
      const index = await ours.putManifest(NAME, { bytes, mediaType: MEDIA_TYPES.ociIndex, tag: 'multi' });
      skopeo('copy', '--all', `oci:ours:${FULL}:multi`, `oci:theirs:${FULL}:multi`);
      const theirs = createLayoutRegistry(join(folder, 'theirs'));
      expect(await theirs.headManifest(NAME, 'multi')).toEqual(index);
      for (const image of images)
        expect(await theirs.headManifest(NAME, image.descriptor.digest)).toEqual(image.descriptor);
    });

    test('we and skopeo write into one layout and keep what the other wrote', async () => {
      const ours = createLayoutRegistry(join(folder, 'shared'));
      const first = await putImage(ours, 'amd64', 'v1');
      skopeo('copy', `oci:shared:${FULL}:v1`, `oci:shared:${FULL}:theirs`);
      const second = await putImage(ours, 'arm64', 'v2');
      expect(await ours.headManifest(NAME, 'theirs')).toEqual(first.descriptor);
      expect(skopeo('inspect', '--raw', `oci:shared:${FULL}:theirs`).equals(first.bytes)).toBe(true);
      expect(skopeo('inspect', '--raw', `oci:shared:${FULL}:v2`).equals(second.bytes)).toBe(true);
      expect(JSON.parse(await readFile(join(folder, 'shared', 'index.json'), 'utf8')).manifests).toHaveLength(3);
    });
  },
);
