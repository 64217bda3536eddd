import type { Authorizer } from './auth-types.ts';
import { createBlobReads } from './http-blobs.ts';
import { createRegistryClient } from './http-client.ts';
import { createManifestCalls } from './http-manifests.ts';
import { createBlobWrites } from './http-uploads.ts';
import type { Registry } from './registry.ts';
import type { Transport } from './transport.ts';

export interface HttpRegistryOptions {
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  /** `host[:port]` as in references; `docker.io` is Docker Hub. All names are looked up here, whatever registry they name. */
  readonly host: string;
  /** `push`: tokens are asked for reading and writing at once, so that one does for both. */
  readonly access: 'pull' | 'push';
  /** Blobs above this many bytes are sent in chunks, which go on where a connection broke. */
  readonly chunkAbove?: number;
  readonly chunkBytes?: number;
}

const CHUNK_ABOVE = 32 * 1024 * 1024;
const CHUNK_BYTES = 8 * 1024 * 1024;

/** A registry that speaks the OCI distribution API (specification 1.1), over HTTP. Each operation is retried as a whole by the transport's policy. */
export function createHttpRegistry(options: HttpRegistryOptions): Registry {
  const { access, chunkAbove = CHUNK_ABOVE, chunkBytes = CHUNK_BYTES } = options;
  const client = createRegistryClient(options);
  const push = createScopes('pull,push');
  const pull = access === 'push' ? push : createScopes('pull');
  const reads = createBlobReads(client, pull);
  return {
    ...createManifestCalls({ client, pull, push }),
    ...reads,
    ...createBlobWrites({ client, push, hasBlob: reads.hasBlob, chunkAbove, chunkBytes }),
  };
}

/** One list per repository: the authorizer may tell lists apart by identity. */
function createScopes(actions: string): (repository: string) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  return (repository) => {
    let scopes = known.get(repository);
    if (scopes === undefined) {
      scopes = [`repository:${repository}:${actions}`];
      known.set(repository, scopes);
    }
    return scopes;
  };
}
