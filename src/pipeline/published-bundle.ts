import { Gunzip } from 'fflate';
import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { MAX_COMPOSE_BYTES } from '../bundle/limits.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { isDigest } from '../lib/digest.ts';
import { parseReference, repositoryOf } from '../lib/reference.ts';
import type { Descriptor } from '../model/oci.ts';
import type { CallOptions, Registry, RepositoryName } from '../registry/registry.ts';
import type { MigrationContext } from './migration.ts';
import { createPlainTarParser, isPackedAgain } from './plain-tar.ts';

/** As much of an archive is unpacked in search of the compose file, which is the first entry of our bundles. */
const MAX_SEARCHED_BYTES = 64 * 1024 * 1024;

/** A published bundle as far as its manifest and its compose file tell. */
export interface PublishedBundle {
  readonly name: RepositoryName;
  readonly manifest: Buffer;
  readonly compose: string;
}

/**
 * A published bundle, fetched as a device does: the manifest by digest, then its first layer, of which no more is read than the compose file takes.
 * Undefined where the reference, the manifest or the archive is not what a bundle's is, or not there. What the registry fails at is thrown.
 */
export async function readPublishedBundle(
  registry: Registry,
  uri: string,
  options: CallOptions,
): Promise<PublishedBundle | undefined> {
  const place = readUri(uri);
  if (place === undefined) return undefined;
  const manifest = (await registry.getManifest(place.name, place.digest, options))?.bytes;
  const layer = manifest === undefined ? undefined : firstLayer(manifest);
  const compose = layer === undefined ? undefined : await readCompose(registry.getBlob(place.name, layer, options));
  return manifest === undefined || compose === undefined ? undefined : { name: place.name, manifest, compose };
}

/** Where bundles of a host are read: where they are written, if that is the host of this factory. */
export function bundleRegistry(
  of: string,
  host: string | undefined,
  { destination, imageRegistry }: Pick<MigrationContext, 'destination' | 'imageRegistry'>,
): Registry {
  return of === host ? destination : imageRegistry(of);
}

/** The compose text of a published bundle alone. */
export async function readPublishedCompose(
  registry: Registry,
  uri: string,
  options: CallOptions,
): Promise<string | undefined> {
  return (await readPublishedBundle(registry, uri, options))?.compose;
}

function readUri(uri: string) {
  try {
    const reference = parseReference(uri);
    return reference.digest === undefined ? undefined : { name: repositoryOf(reference), digest: reference.digest };
  } catch {
    return undefined;
  }
}

function firstLayer(bytes: Buffer): Descriptor | undefined {
  try {
    const { digest, size } = JSON.parse(bytes.toString('utf8')).layers[0];
    const isUsable = typeof digest === 'string' && isDigest(digest) && Number.isSafeInteger(size) && size > 0;
    return isUsable ? { mediaType: 'application/octet-stream', digest, size } : undefined;
  } catch {
    return undefined;
  }
}

async function readCompose(archive: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const parts: Buffer[] = [];
  const search: { state: 'searching' | 'found' | 'failed' } = { state: 'searching' };
  const fail = (): void => {
    if (search.state === 'searching') search.state = 'failed';
  };
  const parser = createPlainTarParser({
    onReadEntry: (entry) => {
      if (entry.path !== COMPOSE_FILE || entry.type !== 'File' || entry.size > MAX_COMPOSE_BYTES) return entry.resume();
      entry.on('data', (chunk: Buffer) => void parts.push(chunk));
      entry.on('end', () => {
        search.state = 'found';
      });
    },
  });
  parser.on('error', fail);
  let unpacked = 0;
  const gunzip = new Gunzip((chunk) => {
    if (unpacked === 0 && isPackedAgain(chunk)) fail();
    unpacked += chunk.byteLength;
    if (unpacked > MAX_SEARCHED_BYTES) fail();
    else if (search.state === 'searching') parser.write(Buffer.from(chunk));
  });
  for await (const chunk of archive) {
    try {
      gunzip.push(chunk);
    } catch {
      fail();
    }
    if (search.state !== 'searching') break;
  }
  return search.state === 'found' ? decodeUtf8(Buffer.concat(parts)) : undefined;
}
