import { RebundleError } from '../errors.ts';
import type { Descriptor } from '../model/oci.ts';
import { collectCopies, verifyContent } from './content.ts';
import { regroup, sendChunks, UploadRestart, type UploadSession } from './http-chunks.ts';
import type { RegistryCall, RegistryClient, Target } from './http-client.ts';
import { hasErrorCode } from './http-failure.ts';
import { addQuery } from './http-url.ts';
import { formatPinned } from './names.ts';
import type { Registry, RepositoryName } from './registry.ts';
import { HttpFailure } from './retry.ts';
import type { HttpResponse } from './transport.ts';
import { textOf } from './transport-exchange.ts';

/** Up to this size a blob is read into memory before it is sent: checked first, sent in one write, sent again without reading again. */
const SMALL_BYTES = 1024 * 1024;
/** A registry that wants larger chunks gets the blob in one piece. */
const MAX_CHUNK_BYTES = 64 * 1024 * 1024;
const MAX_OPEN_SESSIONS = 1_000;
const OCTETS = { 'content-type': 'application/octet-stream' };

interface UploadOptions {
  readonly client: RegistryClient;
  readonly push: (repository: string) => readonly string[];
  readonly hasBlob: Registry['hasBlob'];
  /** Blobs above this size are sent in chunks, which go on where a connection broke. */
  readonly chunkAbove: number;
  readonly chunkBytes: number;
}

/**
 * The writing of blobs: distribution specification, "Pushing blobs": POST and PUT, or POST, PATCH... and PUT. What went wrong on the way begins with
 * a new session; what is left of the former one is cancelled.
 */
export function createBlobWrites(options: UploadOptions): Required<Pick<Registry, 'putBlob' | 'mountBlob'>> {
  const { client, push, hasBlob } = options;
  const { transport } = client;
  /** Sessions that a registry opened instead of mounting. */
  const open = new Map<string, Target>();
  let takesChunks = true;

  const keyOf = (name: RepositoryName, { digest }: Descriptor): string => `${name.repository}@${digest}`;

  const startSession = async (
    name: RepositoryName,
    descriptor: Descriptor,
    signal: AbortSignal | undefined,
  ): Promise<UploadSession & { readonly minChunk: number }> => {
    const scopes = push(name.repository);
    const known = open.get(keyOf(name, descriptor));
    if (known !== undefined) {
      open.delete(keyOf(name, descriptor));
      return { target: known, scopes, signal, minChunk: 0 };
    }
    const call: RegistryCall = {
      method: 'POST',
      target: await client.targetOf(`/v2/${name.repository}/blobs/uploads/`, signal),
      scopes,
      headers: EMPTY,
      signal,
    };
    // Tries of its own: those of the upload are for its bytes.
    const response = await transport.retry(async () => {
      const answer = await client.call(call);
      if (answer.status !== 202) throw unexpected(call, answer);
      return answer;
    }, signal);
    const minChunk = Number(textOf(response.headers['oci-chunk-min-length']) ?? 0);
    return {
      target: await client.locationOf(call, response),
      scopes,
      signal,
      minChunk: Number.isSafeInteger(minChunk) ? minChunk : 0,
    };
  };

  const unexpected = (call: RegistryCall, response: HttpResponse): HttpFailure => {
    const failure = client.failure(call, response);
    if (response.status >= 300) return failure;
    const message = `${call.method} ${call.target.path.replace(/\?.*$/s, '')}: the registry answers ${response.status}, which says nothing here`;
    return new HttpFailure(new RebundleError('REGISTRY_PROTOCOL', message), {
      url: failure.url,
      reason: failure.reason,
      kind: 'final',
    });
  };

  const closeSession = async (
    session: UploadSession,
    descriptor: Descriptor,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    length: number,
  ): Promise<void> => {
    const { target, scopes, signal } = session;
    const call: RegistryCall = {
      method: 'PUT',
      target: { origin: target.origin, path: addQuery(target.path, 'digest', descriptor.digest) },
      scopes,
      headers: length === 0 ? EMPTY : { ...OCTETS, 'content-length': String(length) },
      body: length === 0 ? undefined : body,
      bytes: length,
      signal,
    };
    const response = await client.call(call);
    const { status, headers } = response;
    if (status === 201 || status === 204 || status === 200) {
      const digest = textOf(headers['docker-content-digest']);
      if (digest === undefined || !digest.startsWith('sha256:') || digest === descriptor.digest) return;
      const error = new RebundleError(
        'REGISTRY_DIGEST_MISMATCH',
        `the registry took blob ${descriptor.digest} as another one`,
      );
      throw again(client.failure(call, response), error);
    }
    const failure = unexpected(call, response);
    // Sessions get lost, and bytes damaged on the way; ours were checked.
    const isRepeatable =
      status === 404 ||
      status === 416 ||
      hasErrorCode(response.body, 'DIGEST_INVALID', 'SIZE_INVALID', 'BLOB_UPLOAD_INVALID');
    throw failure.kind === 'final' && isRepeatable ? again(failure, failure.error) : failure;
  };

  const cancelSession = async ({ target, scopes, signal }: UploadSession): Promise<void> => {
    if (signal?.aborted === true) return;
    // Registries clear up what is left by themselves some day: no trouble of ours.
    await client.call({ method: 'DELETE', target, scopes, signal }).catch(() => {});
  };

  const putOnce = async (
    name: RepositoryName,
    descriptor: Descriptor,
    source: { readonly small: Buffer | undefined; readonly read: () => AsyncGenerator<Uint8Array, void> },
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const session = await startSession(name, descriptor, signal);
    const { size } = descriptor;
    try {
      if (source.small !== undefined) return await closeSession(session, descriptor, source.small, size);
      const isChunked = takesChunks && size > options.chunkAbove && session.minChunk <= MAX_CHUNK_BYTES;
      if (!isChunked) return await sendWhole(session, descriptor, source.read());
      const chunks = regroup(source.read(), Math.max(options.chunkBytes, session.minChunk));
      const target = await sendChunks(client, session, chunks);
      return await closeSession({ ...session, target }, descriptor, NOTHING, 0);
    } catch (thrown) {
      await cancelSession(session);
      if (!(thrown instanceof UploadRestart)) throw thrown;
      if (thrown.inOnePiece) takesChunks = false;
      throw again(thrown.failure, thrown.failure.error);
    }
  };

  /** In one piece. What goes wrong with the sender is told as it is, whatever the registry made of it. */
  const sendWhole = async (
    session: UploadSession,
    descriptor: Descriptor,
    chunks: AsyncGenerator<Uint8Array, void>,
  ): Promise<void> => {
    let trouble: { readonly thrown: unknown } | undefined;
    const body = async function* (): AsyncGenerator<Uint8Array, void> {
      try {
        yield* heldBack(chunks);
      } catch (thrown) {
        trouble = { thrown };
        throw thrown;
      }
    };
    try {
      await closeSession(session, descriptor, body(), descriptor.size);
    } catch (thrown) {
      if (trouble !== undefined) throw trouble.thrown;
      throw thrown;
    }
  };

  return {
    async putBlob(name, descriptor, openBytes, callOptions) {
      const signal = callOptions?.signal;
      signal?.throwIfAborted();
      const what = `blob ${formatPinned(name, descriptor.digest)}`;
      const read = (): AsyncGenerator<Uint8Array, void> => verifyContent(openBytes(), { descriptor, what, signal });
      const small =
        descriptor.size <= Math.min(SMALL_BYTES, options.chunkAbove) ? await collectCopies(read()) : undefined;
      await transport.retry(async (number) => {
        // The try that broke may have been done all the same.
        if (number > 1 && (await hasBlob(name, descriptor.digest, callOptions))) return;
        await putOnce(name, descriptor, { small, read }, signal);
      }, signal);
    },

    async mountBlob(name, descriptor, from, callOptions) {
      const signal = callOptions?.signal;
      signal?.throwIfAborted();
      formatPinned(name, descriptor.digest);
      formatPinned({ registry: name.registry, repository: from }, descriptor.digest);
      const path = `/v2/${name.repository}/blobs/uploads/?mount=${encodeURIComponent(descriptor.digest)}&from=${encodeURIComponent(from)}`;
      const call: RegistryCall = {
        method: 'POST',
        target: await client.targetOf(path, signal),
        scopes: [...push(name.repository), `repository:${from}:pull`],
        headers: EMPTY,
        signal,
      };
      try {
        const response = await client.call(call);
        if (response.status === 201) return true;
        if (response.status === 202 && open.size < MAX_OPEN_SESSIONS) {
          open.set(keyOf(name, descriptor), await client.locationOf(call, response));
        }
      } catch (thrown) {
        signal?.throwIfAborted();
        // Sending the blob says better what is wrong.
        if (!(thrown instanceof HttpFailure || thrown instanceof RebundleError)) throw thrown;
      }
      return false;
    },
  };
}

const EMPTY = { 'content-length': '0' };
const NOTHING = Buffer.alloc(0);

function again({ url, reason }: HttpFailure, error: RebundleError): HttpFailure {
  return new HttpFailure(error, { url, reason, kind: 'transient' });
}

/** Copies, one chunk late: the last bytes go out only after all were found right. */
async function* heldBack(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let held: Buffer | undefined;
  for await (const chunk of chunks) {
    if (held !== undefined) yield held;
    held = Buffer.from(chunk);
  }
  if (held !== undefined) yield held;
}
