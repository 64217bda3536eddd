import { describe, expect, it } from 'vitest';
import { archiveBundle } from '../../src/bundle/archive.ts';
import { appTag, assembleBundle } from '../../src/bundle/assemble-bundle.ts';
import { MAX_ENV_FILES } from '../../src/bundle/limits.ts';
import { digestOf, digestStream } from '../../src/lib/digest.ts';
import type { BundleFile } from '../../src/model/app.ts';
import { bundleFile } from '../support/bundle-file.ts';

const files = [
  bundleFile('run.sh', '#!/bin/sh\n', { executable: true }),
  bundleFile('docker-compose.yml', 'services: {}\n'),
  bundleFile('conf/a', 'a'),
];

function assemble(input: readonly BundleFile[]) {
  return assembleBundle({ name: 'web', registry: 'hub.example', repository: 'acme/web', files: input });
}

describe('assembleBundle', () => {
  // A change of one of these digests makes every device download every app again.
  it('keeps the digests of a fixed bundle', async () => {
    const bundle = await assemble(files);
    expect({ archive: bundle.archive, index: bundle.index, manifest: bundle.manifest }).toEqual({
      archive: {
        mediaType: 'application/octet-stream',
        digest: 'sha256:70bea15e3de343302ee07304b858846ef32a8246a0cff811f167dcf01b01c051',
        size: 193,
      },
      index: {
        mediaType: 'application/json',
        digest: 'sha256:39c4b339a63997ccb6a522fbd00c5051df3673942f2780be5d6f04f5141bbfb5',
        size: 262,
      },
      manifest: {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: 'sha256:f7ea8c0c7c2de1038c9ecf8661b7cb821e671a3f7e92b704c3ece04ce5b64881',
        size: 638,
      },
    });
  });

  it('names exactly the bytes that it gives or that can be made again', async () => {
    const bundle = await assemble(files);
    expect(await digestStream(archiveBundle(bundle.files))).toEqual({
      digest: bundle.archive.digest,
      size: bundle.archive.size,
    });
    expect(digestOf(bundle.indexBytes)).toBe(bundle.index.digest);
    expect(bundle.indexBytes.byteLength).toBe(bundle.index.size);
    expect(digestOf(bundle.manifestBytes)).toBe(bundle.manifest.digest);
    expect(bundle.manifestBytes.byteLength).toBe(bundle.manifest.size);
    expect(bundle.reference).toEqual({
      registry: 'hub.example',
      repository: 'acme/web',
      digest: bundle.manifest.digest,
    });
    const manifest = JSON.parse(Buffer.from(bundle.manifestBytes).toString());
    expect(manifest.layers[0]).toMatchObject({ digest: bundle.archive.digest, size: bundle.archive.size });
    expect(manifest.layers[0].annotations).toEqual({
      'org.foundries.app.bundle.index.digest': bundle.index.digest,
      'org.foundries.app.bundle.index.size': String(bundle.index.size),
    });
    expect(bundle.files.map((file) => file.path)).toEqual(['docker-compose.yml', 'conf/a', 'run.sh']);
  });

  it('is the same for files in any order, and another for another executable bit', async () => {
    const { manifest } = await assemble(files);
    expect((await assemble(files.toReversed())).manifest).toEqual(manifest);
    const [first, ...rest] = files;
    const changed = await assemble([{ ...(first as BundleFile), executable: false }, ...rest]);
    expect(changed.manifest.digest).not.toBe(manifest.digest);
  });

  it('takes a docker-compose.yml of 1 MiB and refuses one byte more', async () => {
    const compose = (size: number) => bundleFile('docker-compose.yml', Buffer.alloc(size, 35));
    expect((await assemble([compose(1_048_576)])).files).toHaveLength(1);
    await expect(assemble([compose(1_048_577)])).rejects.toMatchObject({ code: 'BUNDLE_LIMIT' });
  });

  it('has a layer for the compose file and each environment file of Docker Compose', async () => {
    const envFile = (i: number) => ({ name: `${i}.env`, bytes: Buffer.from(`A=${i}\n`) });
    const compose = { text: 'name: web\nservices: {}\n', envFiles: [envFile(1)] };
    const input = { name: 'web', registry: 'hub.example', repository: 'acme/web', files };
    const bundle = await assembleBundle({ ...input, compose });
    expect(bundle.archive).toEqual((await assemble(files)).archive);
    const manifest = JSON.parse(Buffer.from(bundle.manifestBytes).toString());
    expect(manifest.layers.slice(1)).toEqual(bundle.composeLayers.map(({ descriptor }) => descriptor));
    for (const { descriptor, bytes } of bundle.composeLayers) {
      expect([digestOf(bytes), bytes.byteLength]).toEqual([descriptor.digest, descriptor.size]);
    }
    expect(bundle.composeLayers.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([compose.text, 'A=1\n']);
    expect(bundle.composeLayers.map(({ descriptor }) => descriptor.annotations)).toEqual([
      undefined,
      { 'com.docker.compose.envfile': '1.env' },
    ]);
    // As many as are let in fit, with sizes of as many digits as there can be.
    const many = Array.from({ length: MAX_ENV_FILES }, (_, i) => envFile(i + 1));
    const full = await assembleBundle({ ...input, compose: { ...compose, envFiles: many } });
    expect(full.manifest.size + (1 + 1 + 1 + MAX_ENV_FILES) * 10).toBeLessThanOrEqual(2048);
    const over = [...many, envFile(8), envFile(9), envFile(10)];
    await expect(assembleBundle({ ...input, compose: { ...compose, envFiles: over } })).rejects.toMatchObject({
      code: 'MANIFEST_TOO_LARGE',
    });
  });

  it('refuses files without docker-compose.yml', async () => {
    await expect(assemble([bundleFile('a', 'a')])).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
  });
});

it('appTag is app- and the first 12 hex digits', () => {
  expect(appTag(`sha256:0123456789abcdef${'0'.repeat(48)}`)).toBe('app-0123456789ab');
});
