import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import { type Descriptor, type Digest, MEDIA_TYPES } from '../../src/model/oci.ts';
import { MAX_MANIFEST_BYTES, type Registry, type RepositoryName } from '../../src/registry/registry.ts';

export const REPOSITORY: RepositoryName = { registry: 'registry.example.com:5000', repository: 'factory/shop' };

export interface OpenRegistry {
  readonly registry: Registry;
  /** True for one server behind every host name, which is asked only what has to be asked. */
  readonly isServer?: boolean;
  readonly close: () => Promise<void>;
}

export function describeBytes(bytes: Uint8Array, mediaType: string = MEDIA_TYPES.bundle): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

export async function* inChunks(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += size) yield bytes.subarray(start, start + size);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Bytes that look like nothing in particular, the same for the same seed. */
function sampleBytes(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed + 1;
  for (let i = 0; i < size; i += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

export async function putBytes(registry: Registry, bytes: Uint8Array, mediaType?: string): Promise<Descriptor> {
  const descriptor = describeBytes(bytes, mediaType);
  await registry.putBlob(REPOSITORY, descriptor, () => inChunks(bytes));
  return descriptor;
}

/** An image manifest over one config and one layer, the blobs stored. `note` makes it differ from others. */
export async function putImage(
  registry: Registry,
  note: string,
  tag?: string,
): Promise<{ descriptor: Descriptor; bytes: Buffer }> {
  const bytes = await makeImage(registry, note);
  const manifest = { bytes, mediaType: MEDIA_TYPES.ociManifest, ...(tag === undefined ? {} : { tag }) };
  return { descriptor: await registry.putManifest(REPOSITORY, manifest), bytes };
}

async function makeImage(registry: Registry, note: string): Promise<Buffer> {
  const config = await putBytes(registry, Buffer.from('{}'), MEDIA_TYPES.ociEmpty);
  const layer = await putBytes(registry, Buffer.from(`layer of ${note}`));
  return manifestBytes({ config, layers: [layer], annotations: { note } });
}

export function manifestBytes(members: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, ...members }));
}

/** What every Registry does, whatever it is made of. `open` gives an empty one. */
export function describeRegistryContract(name: string, open: () => Promise<OpenRegistry>): void {
  describe(`registry contract: ${name}`, () => {
    let registry: Registry;
    let isServer: boolean;
    let close: () => Promise<void>;

    beforeEach(async () => {
      ({ registry, isServer = false, close } = await open());
    });
    afterEach(async () => {
      await close();
    });

    describe('blobs', () => {
      test('an empty registry has none', async () => {
        const missing = describeBytes(Buffer.from('missing'));
        expect(await registry.hasBlob(REPOSITORY, missing.digest)).toBe(false);
        await expect(collect(registry.getBlob(REPOSITORY, missing))).rejects.toMatchObject({
          code: 'REGISTRY_BLOB_MISSING',
        });
      });

      test.each([
        [0, 1],
        [1, 1],
        [5_000, 1],
        [65_536, 65_536],
        [65_537, 1_000],
        [3_000_000, 1_048_576],
      ])('%i bytes sent in chunks of %i come back', async (size, chunkSize) => {
        const bytes = sampleBytes(size, chunkSize);
        const descriptor = describeBytes(bytes);
        await registry.putBlob(REPOSITORY, descriptor, () => inChunks(bytes, chunkSize));
        expect(await registry.hasBlob(REPOSITORY, descriptor.digest)).toBe(true);
        expect((await collect(registry.getBlob(REPOSITORY, descriptor))).equals(bytes)).toBe(true);
      });

      test('a sender may use one buffer for all chunks', async () => {
        const bytes = sampleBytes(1_000, 1);
        const descriptor = describeBytes(bytes);
        await registry.putBlob(REPOSITORY, descriptor, async function* () {
          const buffer = Buffer.alloc(100);
          for (let start = 0; start < bytes.length; start += 100) {
            bytes.copy(buffer, 0, start, start + 100);
            yield buffer;
          }
          buffer.fill(0);
        });
        expect((await collect(registry.getBlob(REPOSITORY, descriptor))).equals(bytes)).toBe(true);
      });

      test('what a reader does to its chunks does not reach the registry', async () => {
        const bytes = sampleBytes(1_000, 2);
        const descriptor = await putBytes(registry, bytes);
        for await (const chunk of registry.getBlob(REPOSITORY, descriptor)) chunk.fill(0);
        expect((await collect(registry.getBlob(REPOSITORY, descriptor))).equals(bytes)).toBe(true);
      });

      test('a blob that is there is not asked for again', async () => {
        const bytes = Buffer.from('once');
        const descriptor = await putBytes(registry, bytes);
        // A server would have to be asked first: who puts a blob there has looked already.
        if (isServer) return;
        await registry.putBlob(REPOSITORY, descriptor, () => {
          throw new Error('must not be opened');
        });
        expect(await registry.hasBlob(REPOSITORY, descriptor.digest)).toBe(true);
      });

      test.each([
        ['other bytes of the same size', 'REGISTRY_DIGEST_MISMATCH', Buffer.from('abcX')],
        ['too few bytes', 'REGISTRY_SIZE_MISMATCH', Buffer.from('abc')],
        ['no bytes', 'REGISTRY_SIZE_MISMATCH', Buffer.alloc(0)],
        ['too many bytes', 'REGISTRY_SIZE_MISMATCH', Buffer.from('abcdabcd')],
      ])('%s are refused with %s, leave nothing, and the next try works', async (_, code, wrong) => {
        const right = Buffer.from('abcd');
        const descriptor = describeBytes(right);
        await expect(registry.putBlob(REPOSITORY, descriptor, () => inChunks(wrong, 3))).rejects.toMatchObject({
          code,
        });
        expect(await registry.hasBlob(REPOSITORY, descriptor.digest)).toBe(false);
        await registry.putBlob(REPOSITORY, descriptor, () => inChunks(right));
        expect((await collect(registry.getBlob(REPOSITORY, descriptor))).equals(right)).toBe(true);
      });

      test('an endless sender is stopped once it is over the size', async () => {
        let sent = 0;
        const endless = async function* (): AsyncGenerator<Uint8Array> {
          for (;;) {
            sent += 1;
            yield Buffer.from('a');
          }
        };
        const descriptor = describeBytes(Buffer.from('aaaa'));
        const wrong = { ...descriptor, digest: digestOf('else') };
        await expect(registry.putBlob(REPOSITORY, wrong, endless)).rejects.toMatchObject({
          code: 'REGISTRY_SIZE_MISMATCH',
        });
        expect(sent).toBe(5);
      });

      test('a sender that fails gives its own error, leaves nothing, and the next try works', async () => {
        const bytes = Buffer.from('half and half');
        const descriptor = describeBytes(bytes);
        const broken = async function* (): AsyncGenerator<Uint8Array> {
          yield bytes.subarray(0, 4);
          throw new Error('the disk fell out');
        };
        await expect(registry.putBlob(REPOSITORY, descriptor, broken)).rejects.toThrow('the disk fell out');
        expect(await registry.hasBlob(REPOSITORY, descriptor.digest)).toBe(false);
        await registry.putBlob(REPOSITORY, descriptor, () => inChunks(bytes));
        expect(await registry.hasBlob(REPOSITORY, descriptor.digest)).toBe(true);
      });

      test('a size that is not that of the blob fails the reader, which never gets more than asked for', async () => {
        const bytes = sampleBytes(200_000, 3);
        const descriptor = await putBytes(registry, bytes);
        for (const size of [0, 1, 199_999, 200_001, Number.NaN]) {
          let got = 0;
          const reading = async (): Promise<void> => {
            for await (const chunk of registry.getBlob(REPOSITORY, { ...descriptor, size })) got += chunk.byteLength;
          };
          await expect(reading()).rejects.toMatchObject({ code: 'REGISTRY_SIZE_MISMATCH' });
          expect(got <= (Number.isNaN(size) ? 0 : size)).toBe(true);
        }
      });

      test('a reader may stop early', async () => {
        const descriptor = await putBytes(registry, sampleBytes(300_000, 4));
        for await (const chunk of registry.getBlob(REPOSITORY, descriptor)) {
          expect(chunk.byteLength).toBeGreaterThan(0);
          break;
        }
        expect((await collect(registry.getBlob(REPOSITORY, descriptor))).byteLength).toBe(300_000);
      });

      test('one blob put many times at once, and many others beside it', async () => {
        const same = sampleBytes(100_000, 5);
        const others = Array.from({ length: 20 }, (_, i) => sampleBytes(1_000 + i, i));
        await Promise.all(
          [...Array.from({ length: 10 }, () => same), ...others].map((bytes) => putBytes(registry, bytes)),
        );
        for (const bytes of [same, ...others]) {
          expect((await collect(registry.getBlob(REPOSITORY, describeBytes(bytes)))).equals(bytes)).toBe(true);
        }
      });

      test.each([
        'sha256:abc',
        'sha512:00',
        '../../etc/passwd',
        `sha256:${'A'.repeat(64)}`,
        `sha256:../${'a'.repeat(61)}`,
      ])('the digest %s is refused', async (digest) => {
        const descriptor = { mediaType: MEDIA_TYPES.bundle, digest: digest as Digest, size: 1 };
        const refused = { code: 'IMAGE_REFERENCE' };
        await expect(registry.hasBlob(REPOSITORY, descriptor.digest)).rejects.toMatchObject(refused);
        await expect(collect(registry.getBlob(REPOSITORY, descriptor))).rejects.toMatchObject(refused);
        await expect(registry.putBlob(REPOSITORY, descriptor, () => inChunks(Buffer.from('a')))).rejects.toMatchObject(
          refused,
        );
      });
    });

    describe('manifests', () => {
      test('an empty registry has none', async () => {
        for (const reference of ['v1', digestOf('none')]) {
          expect(await registry.headManifest(REPOSITORY, reference)).toBeUndefined();
          expect(await registry.getManifest(REPOSITORY, reference)).toBeUndefined();
        }
      });

      test('are found by tag and by digest, byte for byte', async () => {
        const { descriptor, bytes } = await putImage(registry, 'one', 'v1');
        expect(descriptor).toEqual(describeBytes(bytes, MEDIA_TYPES.ociManifest));
        for (const reference of ['v1', descriptor.digest]) {
          expect(await registry.headManifest(REPOSITORY, reference)).toEqual(descriptor);
          const found = await registry.getManifest(REPOSITORY, reference);
          expect(found?.descriptor).toEqual(descriptor);
          expect(found?.bytes.equals(bytes)).toBe(true);
        }
        expect(await registry.headManifest(REPOSITORY, 'v2')).toBeUndefined();
      });

      test('without a tag are found by digest only', async () => {
        const { descriptor } = await putImage(registry, 'untagged');
        expect(await registry.headManifest(REPOSITORY, descriptor.digest)).toEqual(descriptor);
        expect(await registry.headManifest(REPOSITORY, 'latest')).toBeUndefined();
      });

      test('a tag belongs to its repository', async () => {
        await putImage(registry, 'one', 'v1');
        const other = { registry: REPOSITORY.registry, repository: 'factory/other' };
        expect(await registry.headManifest(other, 'v1')).toBeUndefined();
        if (isServer) return;
        expect(await registry.headManifest({ ...REPOSITORY, registry: 'elsewhere.example.com' }, 'v1')).toBeUndefined();
      });

      test('a tag moves; the former manifest stays under its digest', async () => {
        const first = await putImage(registry, 'first', 'v1');
        const second = await putImage(registry, 'second', 'v1');
        expect(await registry.headManifest(REPOSITORY, 'v1')).toEqual(second.descriptor);
        expect(await registry.headManifest(REPOSITORY, first.descriptor.digest)).toEqual(first.descriptor);
      });

      test('the same manifest again gives the same answer', async () => {
        const first = await putImage(registry, 'again', 'v1');
        expect((await putImage(registry, 'again', 'v1')).descriptor).toEqual(first.descriptor);
        expect(await registry.headManifest(REPOSITORY, 'v1')).toEqual(first.descriptor);
      });

      test('an index lists manifests that are there', async () => {
        const image = await putImage(registry, 'amd64');
        const bytes = manifestBytes({ mediaType: MEDIA_TYPES.ociIndex, manifests: [image.descriptor] });
        const descriptor = await registry.putManifest(REPOSITORY, {
          bytes,
          mediaType: MEDIA_TYPES.ociIndex,
          tag: 'multi',
        });
        expect(await registry.headManifest(REPOSITORY, 'multi')).toEqual(descriptor);
        expect(descriptor.mediaType).toBe(MEDIA_TYPES.ociIndex);
      });

      test.each(['config', 'layers', 'manifests'])(
        'a blob of %s that is missing is named, and no tag is set',
        async (member) => {
          const missing = describeBytes(Buffer.from('never sent'));
          const there = await putBytes(registry, Buffer.from('{}'));
          const members =
            member === 'manifests'
              ? { mediaType: MEDIA_TYPES.ociIndex, manifests: [missing] }
              : { config: member === 'config' ? missing : there, layers: [member === 'layers' ? missing : there] };
          const bytes = manifestBytes(members);
          const mediaType = member === 'manifests' ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.ociManifest;
          const putting = registry.putManifest(REPOSITORY, { bytes, mediaType, tag: 'v1' });
          await expect(putting).rejects.toMatchObject({
            code: 'REGISTRY_BLOB_MISSING',
            message: expect.stringContaining(missing.digest),
          });
          expect(await registry.headManifest(REPOSITORY, 'v1')).toBeUndefined();
          expect(await registry.headManifest(REPOSITORY, digestOf(bytes))).toBeUndefined();
        },
      );

      test.each([
        ['no JSON', Buffer.from('hello')],
        ['no object', Buffer.from('[]')],
        ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
        ['another type than announced', manifestBytes({ mediaType: MEDIA_TYPES.ociIndex, manifests: [] })],
        ['no type and no shape', Buffer.from('{}')],
        ['no type and two shapes', Buffer.from('{"config":{},"layers":[],"manifests":[]}')],
        ['a blob of another algorithm', manifestBytes({ config: { digest: `sha512:${'0'.repeat(128)}` }, layers: [] })],
        ['a blob that is no descriptor', manifestBytes({ config: 'here', layers: [] })],
      ])('%s is refused', async (_, bytes) => {
        const manifest = { bytes, mediaType: MEDIA_TYPES.ociManifest, tag: 'v1' };
        await expect(registry.putManifest(REPOSITORY, manifest)).rejects.toMatchObject({ code: 'IMAGE_MANIFEST' });
        expect(await registry.headManifest(REPOSITORY, 'v1')).toBeUndefined();
      });

      test('a manifest without a mediaType of its own has that of its shape', async () => {
        const config = await putBytes(registry, Buffer.from('{}'));
        const image = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [] }));
        const put = await registry.putManifest(REPOSITORY, { bytes: image, mediaType: MEDIA_TYPES.ociManifest });
        expect((await registry.headManifest(REPOSITORY, put.digest))?.mediaType).toBe(MEDIA_TYPES.ociManifest);
        const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [put] }));
        const putIndex = await registry.putManifest(REPOSITORY, { bytes: index, mediaType: MEDIA_TYPES.ociIndex });
        expect((await registry.headManifest(REPOSITORY, putIndex.digest))?.mediaType).toBe(MEDIA_TYPES.ociIndex);
      });

      test('the size has a limit', async () => {
        const bytes = manifestBytes({ config: undefined, layers: [], note: 'x'.repeat(MAX_MANIFEST_BYTES) });
        const putting = registry.putManifest(REPOSITORY, { bytes, mediaType: MEDIA_TYPES.ociManifest });
        await expect(putting).rejects.toMatchObject({ code: 'REGISTRY_SIZE_MISMATCH' });
      });

      test('many tags and repositories at once', async () => {
        const images = await Promise.all(
          Array.from({ length: 30 }, (_, i) => putImage(registry, `image ${i}`, `v${i}`)),
        );
        for (const [i, { descriptor }] of images.entries()) {
          expect(await registry.headManifest(REPOSITORY, `v${i}`)).toEqual(descriptor);
        }
      });

      test('a name or tag that is not in normal form is refused', async () => {
        const refused = { code: 'IMAGE_REFERENCE' };
        await expect(registry.headManifest(REPOSITORY, 'a tag')).rejects.toMatchObject(refused);
        await expect(registry.headManifest(REPOSITORY, 'sha256:123')).rejects.toMatchObject(refused);
        await expect(registry.headManifest({ ...REPOSITORY, repository: 'Upper/case' }, 'v1')).rejects.toMatchObject(
          refused,
        );
        await expect(registry.headManifest({ ...REPOSITORY, repository: '../up' }, 'v1')).rejects.toMatchObject(
          refused,
        );
        await expect(registry.headManifest({ registry: 'docker.io', repository: 'nginx' }, 'v1')).rejects.toMatchObject(
          refused,
        );
        await expect(registry.headManifest({ ...REPOSITORY, repository: 'a:b' }, 'v1')).rejects.toMatchObject(refused);
        const bytes = await makeImage(registry, 'x');
        const put = registry.putManifest(REPOSITORY, { bytes, mediaType: MEDIA_TYPES.ociManifest, tag: 'a/b' });
        await expect(put).rejects.toMatchObject(refused);
      });
    });

    describe('the abort signal', () => {
      test('stops every call before it starts', async () => {
        const bytes = Buffer.from('late');
        const descriptor = describeBytes(bytes);
        const options = { signal: AbortSignal.abort() };
        const manifest = { bytes: await makeImage(registry, 'late'), mediaType: MEDIA_TYPES.ociManifest };
        const calls = [
          registry.headManifest(REPOSITORY, 'v1', options),
          registry.getManifest(REPOSITORY, 'v1', options),
          registry.putManifest(REPOSITORY, manifest, options),
          registry.hasBlob(REPOSITORY, descriptor.digest, options),
          collect(registry.getBlob(REPOSITORY, descriptor, options)),
          registry.putBlob(REPOSITORY, descriptor, () => inChunks(bytes), options),
        ];
        for (const result of await Promise.allSettled(calls)) {
          expect(result).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
        }
        expect(await registry.hasBlob(REPOSITORY, descriptor.digest)).toBe(false);
      });

      test('stops a sender that hangs; nothing is left and the next try works', async () => {
        const bytes = Buffer.from('slow bytes');
        const descriptor = describeBytes(bytes);
        const controller = new AbortController();
        const hanging = async function* (): AsyncGenerator<Uint8Array> {
          yield bytes.subarray(0, 4);
          setImmediate(() => controller.abort());
          await new Promise(() => {});
        };
        const putting = registry.putBlob(REPOSITORY, descriptor, hanging, { signal: controller.signal });
        await expect(putting).rejects.toMatchObject({ name: 'AbortError' });
        expect(await registry.hasBlob(REPOSITORY, descriptor.digest)).toBe(false);
        const { signal } = new AbortController();
        await registry.putBlob(REPOSITORY, descriptor, () => inChunks(bytes), { signal });
        expect((await collect(registry.getBlob(REPOSITORY, descriptor, { signal }))).equals(bytes)).toBe(true);
      });

      test('stops a reader between chunks', async () => {
        const descriptor = await putBytes(registry, sampleBytes(1_000_000, 6));
        const controller = new AbortController();
        let got = 0;
        const reading = async (): Promise<void> => {
          for await (const chunk of registry.getBlob(REPOSITORY, descriptor, { signal: controller.signal })) {
            got += chunk.byteLength;
            controller.abort();
          }
        };
        await expect(reading()).rejects.toMatchObject({ name: 'AbortError' });
        expect(got).toBeLessThan(1_000_000);
      });
    });
  });
}
