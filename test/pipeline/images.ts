import { once } from '../../src/lib/bytes.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { parsePlatform } from '../../src/lib/platform.ts';
import { parseReference, repositoryOf } from '../../src/lib/reference.ts';
import { type Descriptor, MEDIA_TYPES } from '../../src/model/oci.ts';
import type { Registry, RepositoryName } from '../../src/registry/registry.ts';

const INDEX_OF = { oci: MEDIA_TYPES.ociIndex, docker: MEDIA_TYPES.dockerManifestList };
const MANIFEST_OF = { oci: MEDIA_TYPES.ociManifest, docker: MEDIA_TYPES.dockerManifest };

/** Stores bytes as a blob and gives their descriptor. */
export async function putBytes(
  registry: Registry,
  name: RepositoryName,
  content: string,
  mediaType: string,
): Promise<Descriptor> {
  const bytes = Buffer.from(content);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await registry.putBlob(name, descriptor, () => once(bytes));
  return descriptor;
}

/** Stores an image of one platform; `content` makes it differ from others. With a tag in the reference it has that tag. */
export async function pushManifest(
  registry: Registry,
  reference: string,
  image: { readonly platform: string; readonly family?: 'oci' | 'docker'; readonly content?: string },
): Promise<Descriptor> {
  const parsed = parseReference(reference);
  const name = repositoryOf(parsed);
  const { family = 'oci', platform, content = reference } = image;
  const settings = JSON.stringify({ ...parsePlatform(platform), content });
  const config = await putBytes(registry, name, settings, MEDIA_TYPES.ociConfig);
  const layer = await putBytes(registry, name, content, MEDIA_TYPES.ociLayer);
  const mediaType = MANIFEST_OF[family];
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
  return registry.putManifest(name, { bytes, mediaType, ...(parsed.tag === undefined ? {} : { tag: parsed.tag }) });
}

/** Stores an image of several platforms. `extra`: further entries of the index, put in as they are. */
export async function pushImage(
  registry: Registry,
  reference: string,
  image: {
    readonly platforms?: readonly string[];
    readonly family?: 'oci' | 'docker';
    readonly content?: string;
    readonly extra?: readonly Record<string, unknown>[];
  } = {},
): Promise<Descriptor> {
  const { platforms = ['linux/amd64', 'linux/arm64'], family = 'oci', content = reference, extra = [] } = image;
  const parsed = parseReference(reference);
  const untagged = `${parsed.registry}/${parsed.repository}`;
  const manifests: Record<string, unknown>[] = [];
  for (const platform of platforms) {
    const child = await pushManifest(registry, untagged, { platform, family, content });
    manifests.push({ ...child, platform: parsePlatform(platform) });
  }
  const mediaType = INDEX_OF[family];
  const document = { schemaVersion: 2, mediaType, manifests: [...manifests, ...extra] };
  return registry.putManifest(repositoryOf(parsed), {
    bytes: Buffer.from(JSON.stringify(document)),
    mediaType,
    ...(parsed.tag === undefined ? {} : { tag: parsed.tag }),
  });
}
