import { RebundleError } from '../errors.ts';
import type { RegistryCall, RegistryClient, Target } from './http-client.ts';
import { HttpFailure } from './retry.ts';
import type { HttpResponse } from './transport.ts';
import { type Headers, textOf } from './transport-exchange.ts';

/** Thrown where an upload has to begin anew, or in one piece. */
export class UploadRestart extends Error {
  override readonly name = 'UploadRestart';
  readonly failure: HttpFailure;
  /** True where the registry takes no chunks at all. */
  readonly inOnePiece: boolean;

  constructor(failure: HttpFailure, inOnePiece: boolean) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.inOnePiece = inOnePiece;
  }
}

/** An upload session: where to send to, and for what. */
export interface UploadSession {
  readonly target: Target;
  readonly scopes: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends bytes chunk by chunk (distribution specification, "Pushing a blob in chunks") and returns where the upload is to be closed. A chunk that
 * failed on the way goes on at the offset that the registry names.
 */
export async function sendChunks(
  client: RegistryClient,
  session: UploadSession,
  chunks: AsyncIterable<Buffer>,
): Promise<Target> {
  let { target } = session;
  let start = 0;
  for await (const chunk of chunks) {
    target = await sendChunk(client, { ...session, target }, chunk, start);
    start += chunk.byteLength;
  }
  return target;
}

async function sendChunk(
  client: RegistryClient,
  session: UploadSession,
  chunk: Buffer,
  start: number,
): Promise<Target> {
  const end = start + chunk.byteLength;
  let { target } = session;
  let from = start;
  return client.transport.retry(async (number) => {
    if (number > 1) {
      const status = await askStatus(client, { ...session, target });
      target = status.target;
      from = status.offset;
      if (from < start || from > end) throw new UploadRestart(lost(target), false);
      if (from === end) return target;
    }
    const rest = chunk.subarray(from - start);
    const call: RegistryCall = {
      method: 'PATCH',
      target,
      scopes: session.scopes,
      headers: { 'content-type': 'application/octet-stream', 'content-range': `${from}-${end - 1}` },
      body: rest,
      bytes: rest.byteLength,
      signal: session.signal,
    };
    const response = await client.call(call);
    const { status } = response;
    // Some registries answer 201.
    if (status >= 200 && status < 300) {
      return hasLocation(response) ? client.locationOf(call, response) : target;
    }
    const failure = client.failure(call, response);
    if (failure.kind !== 'final') throw failure;
    if (status === 401 || status === 403 || status === 413) throw failure;
    // Nothing was taken yet: chunks themselves may be what it does not like. Later, the session is gone or out of step.
    throw new UploadRestart(failure, start === 0);
  }, session.signal);
}

async function askStatus(client: RegistryClient, session: UploadSession): Promise<{ target: Target; offset: number }> {
  const { target, scopes, signal } = session;
  const call: RegistryCall = { method: 'GET', target, scopes, signal };
  const response = await client.call(call);
  if (response.status < 200 || response.status >= 300) {
    const failure = client.failure(call, response);
    throw failure.kind === 'final' ? new UploadRestart(failure, false) : failure;
  }
  return {
    target: hasLocation(response) ? await client.locationOf(call, response) : target,
    offset: offsetOf(response),
  };
}

/** `Range: 0-1023` is 1,024 bytes; `0-0` stands for none, since distribution has no other way to say it. */
function offsetOf(response: HttpResponse): number {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(textOf(response.headers.range)?.trim() ?? '')?.[1];
  return last === undefined || last === '0' ? 0 : Number(last) + 1;
}

function hasLocation({ headers }: { readonly headers: Headers }): boolean {
  return headers.location !== undefined;
}

function lost({ origin, path }: Target): HttpFailure {
  const error = new RebundleError('REGISTRY_PROTOCOL', 'the registry lost a part of the upload');
  return new HttpFailure(error, { url: origin + path, reason: 'upload out of step', kind: 'transient' });
}

/** Cuts a stream anew into chunks of one size; only the last is smaller. The buffers are new ones. */
export async function* regroup(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer, void> {
  let parts: Uint8Array[] = [];
  let have = 0;
  for await (const chunk of chunks) {
    let left = chunk;
    while (have + left.byteLength >= size) {
      const cut = size - have;
      yield Buffer.concat([...parts, left.subarray(0, cut)]);
      left = left.subarray(cut);
      parts = [];
      have = 0;
    }
    if (left.byteLength > 0) {
      // The sender may use its buffer again.
      parts.push(Buffer.from(left));
      have += left.byteLength;
    }
  }
  if (have > 0) yield Buffer.concat(parts);
}
