import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Descriptor } from '../../src/model/oci.ts';
import { createLayoutRegistry } from '../../src/registry/layout.ts';
import type { Registry, RepositoryName } from '../../src/registry/registry.ts';

interface Manifest {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

/** Copies every tagged image of a layout folder, with all platforms, to a registry: there `host` stands for the hosts of their names. */
export async function pushLayout(folder: string, registry: Registry, host: string): Promise<void> {
  const layout = createLayoutRegistry(folder);
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
    readonly manifests: readonly { readonly annotations: Readonly<Record<string, string>> }[];
  };
  for (const { annotations } of index.manifests) {
    const name = annotations['org.opencontainers.image.ref.name'] ?? '';
    const [, from = '', repository = '', tag = ''] = /^([^/]+)\/(.+):([^:]+)$/.exec(name) ?? [];
    await pushManifest(layout, registry, {
      from: { registry: from, repository },
      to: { registry: host, repository },
      reference: tag,
      tag,
    });
  }
}

async function pushManifest(
  layout: Registry,
  registry: Registry,
  what: {
    readonly from: RepositoryName;
    readonly to: RepositoryName;
    readonly reference: string;
    readonly tag?: string;
  },
): Promise<void> {
  const { from, to, reference, tag } = what;
  const found = await layout.getManifest(from, reference);
  if (found === undefined) throw new Error(`${from.repository} has no ${reference}`);
  const { config, layers = [], manifests = [] } = JSON.parse(found.bytes.toString()) as Manifest;
  for (const { digest } of manifests) await pushManifest(layout, registry, { from, to, reference: digest });
  for (const blob of config === undefined ? layers : [config, ...layers])
    await registry.putBlob(to, blob, () => layout.getBlob(from, blob));
  const { mediaType } = found.descriptor;
  await registry.putManifest(to, { bytes: found.bytes, mediaType, ...(tag === undefined ? {} : { tag }) });
}
