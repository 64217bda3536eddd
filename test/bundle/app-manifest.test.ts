import { describe, expect, it } from 'vitest';
import { buildAppManifest, EMPTY_CONFIG } from '../../src/bundle/app-manifest.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { Descriptor } from '../../src/model/oci.ts';

const archive: Descriptor = { mediaType: 'application/octet-stream', digest: `sha256:${'a'.repeat(64)}`, size: 702 };
const index: Descriptor = { mediaType: 'application/json', digest: `sha256:${'b'.repeat(64)}`, size: 442 };

describe('buildAppManifest', () => {
  it('writes these bytes', () => {
    expect(Buffer.from(buildAppManifest({ archive, index })).toString()).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
        '"artifactType":"application/vnd.docker.compose.project",' +
        '"config":{"mediaType":"application/vnd.oci.empty.v1+json",' +
        '"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},' +
        `"layers":[{"mediaType":"application/octet-stream","digest":"sha256:${'a'.repeat(64)}","size":702,` +
        `"annotations":{"org.foundries.app.bundle.index.digest":"sha256:${'b'.repeat(64)}",` +
        '"org.foundries.app.bundle.index.size":"442"}}],"annotations":{"compose-app":"v1"}}',
    );
  });

  it('names what Docker Compose reads after the archive', () => {
    const compose = {
      mediaType: 'application/vnd.docker.compose.file+yaml',
      digest: `sha256:${'c'.repeat(64)}` as const,
      size: 77,
    };
    const env = {
      mediaType: 'application/vnd.docker.compose.envfile',
      digest: `sha256:${'d'.repeat(64)}` as const,
      size: 4,
      annotations: { 'com.docker.compose.envfile': '1.env' },
    };
    const text = Buffer.from(buildAppManifest({ archive, index, composeLayers: [compose, env] })).toString();
    const archiveEnd = '"org.foundries.app.bundle.index.size":"442"}}';
    expect(text.slice(text.indexOf(archiveEnd) + archiveEnd.length)).toBe(
      `,{"mediaType":"application/vnd.docker.compose.file+yaml","digest":"sha256:${'c'.repeat(64)}","size":77}` +
        `,{"mediaType":"application/vnd.docker.compose.envfile","digest":"sha256:${'d'.repeat(64)}","size":4,` +
        '"annotations":{"com.docker.compose.envfile":"1.env"}}],"annotations":{"compose-app":"v1"}}',
    );
  });

  it('carries nothing over from the descriptors but digest and size', () => {
    const annotated = {
      ...archive,
      mediaType: 'text/plain',
      annotations: { 'org.opencontainers.image.created': 'now' },
    };
    expect(buildAppManifest({ archive: annotated, index })).toEqual(buildAppManifest({ archive, index }));
  });

  it('takes 2,048 bytes and refuses 2,049', () => {
    const room = 2048 - buildAppManifest({ archive, index }).byteLength;
    const padded = (extra: number): Descriptor => ({ ...archive, digest: `${archive.digest}${'0'.repeat(extra)}` });
    expect(buildAppManifest({ archive: padded(room), index }).byteLength).toBe(2048);
    expect(() => buildAppManifest({ archive: padded(room + 1), index })).toThrow(
      expect.objectContaining({ code: 'MANIFEST_TOO_LARGE', message: expect.stringContaining('2049') }),
    );
  });
});

it('describes the empty config', () => {
  expect(EMPTY_CONFIG.descriptor.digest).toBe(digestOf(EMPTY_CONFIG.bytes));
  expect(EMPTY_CONFIG.descriptor.size).toBe(EMPTY_CONFIG.bytes.byteLength);
});
