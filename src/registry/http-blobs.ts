import { RebundleError } from '../errors.ts';
import type { Descriptor } from '../model/oci.ts';
import { verifyContent } from './content.ts';
import type { RegistryCall, RegistryClient } from './http-client.ts';
import { networkFailure } from './http-failure.ts';
import { redactUrl } from './http-url.ts';
import { formatPinned } from './names.ts';
import type { Registry, RepositoryName } from './registry.ts';
import { HttpFailure } from './retry.ts';
import { MAX_ERROR_BYTES, type StreamedResponse, textOf } from './transport-exchange.ts';

const READ_HEADERS = { 'accept-encoding': 'identity' };

/** The reading of blobs: distribution specification, "Pulling blobs". Redirects to a storage are followed, without credentials. */
export function createBlobReads(
  client: RegistryClient,
  pull: (repository: string) => readonly string[],
): Pick<Registry, 'hasBlob' | 'getBlob'> {
  const { transport } = client;

  const read = async (
    method: 'GET' | 'HEAD',
    name: RepositoryName,
    digest: string,
    signal: AbortSignal | undefined,
  ): Promise<RegistryCall> => ({
    method,
    target: await client.targetOf(`/v2/${name.repository}/blobs/${digest}`, signal),
    scopes: pull(name.repository),
    headers: READ_HEADERS,
    signal,
  });

  /** The answer to a GET, its status one of 200, 206 and 404. */
  const open = async (call: RegistryCall): Promise<StreamedResponse> => {
    const response = await client.stream(call);
    const { status, headers } = response;
    if (status === 200 || status === 206 || status === 404) {
      if (status === 404 || (headers['content-encoding'] ?? 'identity') === 'identity') return response;
      response.cancel();
      throw new RebundleError(
        'REGISTRY_PROTOCOL',
        `${call.target.path}: the registry sends it compressed, though that was not accepted`,
      );
    }
    throw client.failure(call, { status, headers, body: await readError(response) });
  };

  /** The bytes from `start` on. */
  const openFrom = async (
    call: RegistryCall,
    start: number,
    { size }: Descriptor,
    what: string,
  ): Promise<AsyncIterable<Uint8Array>> => {
    const range = start === 0 ? {} : { range: `bytes=${start}-` };
    const response = await open({ ...call, bytes: size - start, headers: { ...call.headers, ...range } });
    const { status, headers, body, cancel } = response;
    if (status === 404) {
      cancel();
      throw new RebundleError('REGISTRY_BLOB_MISSING', `${what} is not there`);
    }
    if (start > 0 && status === 206 && textOf(headers['content-range'])?.startsWith(`bytes ${start}-`) === true)
      return body;
    if (status === 206) {
      cancel();
      throw new RebundleError('REGISTRY_PROTOCOL', `${what}: the registry sends another part than it was asked for`);
    }
    const length = textOf(headers['content-length']);
    if (length !== undefined && Number(length) !== size) {
      cancel();
      throw new RebundleError(
        'REGISTRY_SIZE_MISMATCH',
        `${what} has ${length.slice(0, 20)} bytes, not the ${size} announced`,
      );
    }
    return start === 0 ? body : skipBytes(body, start);
  };

  /** Goes on where a connection broke. What was given out already is not given again. */
  async function* resume(
    name: RepositoryName,
    descriptor: Descriptor,
    what: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void> {
    const call = await read('GET', name, descriptor.digest, signal);
    const url = call.target.origin + call.target.path;
    let got = 0;
    let stalled = 0;
    for (let number = 1; ; number += 1) {
      const before = got;
      const chunks = await transport.retry(() => openFrom(call, got, descriptor, what), signal);
      try {
        for await (const chunk of chunks) {
          got += chunk.byteLength;
          yield chunk;
        }
        return;
      } catch (thrown) {
        signal?.throwIfAborted();
        const failure = networkFailure({ method: 'GET', url }, thrown);
        if (!(failure instanceof HttpFailure)) throw failure;
        stalled = got > before ? 0 : stalled + 1;
        if (failure.kind !== 'transient' || stalled > MAX_STALLED || number > MAX_RESUMES) throw failure.error;
        transport.emit({
          type: 'request:retry',
          url: redactUrl(url),
          attempt: number + 1,
          delayMs: 0,
          reason: failure.reason,
        });
      }
    }
  }

  return {
    async hasBlob(name, digest, options) {
      const signal = options?.signal;
      signal?.throwIfAborted();
      formatPinned(name, digest);
      return transport.retry(async () => {
        const head = await read('HEAD', name, digest, signal);
        const response = await client.follow(head);
        const { status } = response;
        if (status === 200) return true;
        if (status === 404) return false;
        if (status === 401 || status === 429 || (status >= 500 && status !== 501)) throw client.failure(head, response);
        // No HEAD here; or a refusal, which only GET explains.
        const { status: found, cancel } = await open({ ...head, method: 'GET' });
        cancel();
        return found !== 404;
      }, signal);
    },

    async *getBlob(name, descriptor, options) {
      const signal = options?.signal;
      signal?.throwIfAborted();
      const what = `blob ${formatPinned(name, descriptor.digest)}`;
      yield* verifyContent(resume(name, descriptor, what, signal), { descriptor, what, signal });
    },
  };
}

/** Broken connections in a row that brought no byte. */
const MAX_STALLED = 3;
const MAX_RESUMES = 20;

async function readError({ body, cancel }: StreamedResponse): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    parts.push(chunk);
    size += chunk.byteLength;
    if (size >= MAX_ERROR_BYTES) break;
  }
  cancel();
  return Buffer.concat(parts).subarray(0, MAX_ERROR_BYTES);
}

/** For servers without ranges. */
async function* skipBytes(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array, void> {
  let left = count;
  for await (const chunk of chunks) {
    if (left < chunk.byteLength) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.byteLength);
  }
}
