import { RebundleError } from '../errors.ts';
import { digestOf, isDigest } from '../lib/digest.ts';
import { type Descriptor, MEDIA_TYPES } from '../model/oci.ts';
import type { RegistryCall, RegistryClient } from './http-client.ts';
import { digestInErrors, hasErrorCode } from './http-failure.ts';
import { blobMissing, checkManifest, describeManifest } from './manifest.ts';
import { formatName, formatPinned, formatTagged } from './names.ts';
import { type CallOptions, MAX_MANIFEST_BYTES, type Registry, type RepositoryName } from './registry.ts';
import { HttpFailure } from './retry.ts';
import { type Headers, textOf } from './transport-exchange.ts';

/** All types that are understood; without this list registries answer with old forms. */
const ACCEPT = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.dockerManifestList,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerManifest,
].join(', ');
const READ_HEADERS = { accept: ACCEPT, 'accept-encoding': 'identity' };
const MAX_SENT = 1_000;
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/;

type Found = { readonly descriptor: Descriptor; readonly bytes: Buffer };

interface ManifestContext {
  readonly client: RegistryClient;
  /** Scopes for reading. */
  readonly pull: (repository: string) => readonly string[];
  readonly push: (repository: string) => readonly string[];
}

/** The manifest half of a Registry: distribution specification, "Pulling manifests" and "Pushing manifests". */
export function createManifestCalls({
  client,
  pull,
  push,
}: ManifestContext): Pick<Registry, 'headManifest' | 'getManifest' | 'putManifest'> {
  const { transport } = client;

  const read = async (
    method: 'GET' | 'HEAD',
    name: RepositoryName,
    reference: string,
    signal: AbortSignal | undefined,
  ): Promise<RegistryCall> => ({
    method,
    target: await client.targetOf(`/v2/${name.repository}/manifests/${reference}`, signal),
    scopes: pull(name.repository),
    headers: READ_HEADERS,
    maxBytes: MAX_MANIFEST_BYTES,
    signal,
  });

  const getOnce = async (
    name: RepositoryName,
    reference: string,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<Found | undefined> => {
    const call = await read('GET', name, reference, signal);
    const response = await client.call(call);
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw client.failure(call, response);
    const { body: bytes, headers } = response;
    const announced = manifestType(headers, what);
    const digest = digestOf(bytes);
    const expected = isDigest(reference) ? reference : announcedDigest(headers);
    if (expected !== undefined && expected !== digest)
      throw wrongDigest(call, `${what} has the digest ${digest}, not ${expected}`);
    const descriptor = describeManifest(bytes, what, announced);
    if (descriptor === undefined) {
      throw new RebundleError('REGISTRY_PROTOCOL', `${what}: the registry answers with something that is no manifest`);
    }
    return { descriptor, bytes };
  };

  /** Manifests that the registry took of late: storages that answer from several places may need a moment to show them. */
  const sent = new Set<string>();
  const noteSent = (key: string): void => {
    sent.add(key);
    const [oldest] = sent;
    if (sent.size > MAX_SENT && oldest !== undefined) sent.delete(oldest);
  };
  const notThereYet = async (name: RepositoryName, reference: string, what: string): Promise<HttpFailure> => {
    const { origin, path } = await client.targetOf(`/v2/${name.repository}/manifests/${reference}`);
    const error = new RebundleError(
      'REGISTRY_BLOB_MISSING',
      `${what} was taken by the registry, which does not have it`,
    );
    return new HttpFailure(error, { url: origin + path, reason: '404 for what it took', kind: 'transient' });
  };

  return {
    async headManifest(name, reference, options) {
      const what = nameManifest(name, reference, options);
      const signal = options?.signal;
      return transport.retry(async () => {
        const call = await read('HEAD', name, reference, signal);
        const response = await client.call(call);
        const { status, headers } = response;
        if (status === 404) return undefined;
        if (status === 200) {
          const descriptor = describeHeaders(headers, what);
          if (descriptor !== undefined && isDigest(reference) && descriptor.digest !== reference) {
            throw wrongDigest(call, `${what}: the registry says that its digest is ${descriptor.digest}`);
          }
          if (descriptor !== undefined) return descriptor;
        } else if (status === 401 || status === 429 || (status >= 500 && status !== 501)) {
          throw client.failure(call, response);
        }
        // No HEAD here, or without the headers; or a refusal, which only GET explains.
        return (await getOnce(name, reference, what, signal))?.descriptor;
      }, signal);
    },

    async getManifest(name, reference, options) {
      const what = nameManifest(name, reference, options);
      const wasSent = sent.has(`${name.repository}@${reference}`);
      return transport.retry(async () => {
        const found = await getOnce(name, reference, what, options?.signal);
        if (found === undefined && wasSent) throw await notThereYet(name, reference, what);
        return found;
      }, options?.signal);
    },

    async putManifest(name, manifest, options) {
      const signal = options?.signal;
      signal?.throwIfAborted();
      const { bytes, mediaType, tag } = manifest;
      const what = `the manifest for ${tag === undefined ? formatName(name) : formatTagged(name, tag)}`;
      const { descriptor } = checkManifest(manifest, what);
      return transport.retry(async () => {
        const call: RegistryCall = {
          method: 'PUT',
          target: await client.targetOf(`/v2/${name.repository}/manifests/${tag ?? descriptor.digest}`, signal),
          scopes: push(name.repository),
          headers: { 'content-type': mediaType },
          body: bytes,
          signal,
        };
        const response = await client.call(call);
        const { status, headers, body } = response;
        if (status >= 200 && status < 300) {
          const digest = announcedDigest(headers);
          if (digest === undefined || digest === descriptor.digest) {
            noteSent(`${name.repository}@${descriptor.digest}`);
            return descriptor;
          }
          throw wrongDigest(call, `${what}: the registry took it as ${digest}, it is ${descriptor.digest}`);
        }
        const missing = digestInErrors(body);
        if (status < 500 && missing !== undefined && isDigest(missing) && hasErrorCode(body, ...BLOB_UNKNOWN)) {
          throw blobMissing(missing, what);
        }
        throw client.failure(call, response);
      }, signal);
    },
  };
}

const BLOB_UNKNOWN = ['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN'];

/** The name for messages; only what passes here becomes part of a path. Throws IMAGE_REFERENCE. */
function nameManifest(name: RepositoryName, reference: string, options: CallOptions | undefined): string {
  options?.signal?.throwIfAborted();
  return isDigest(reference) ? formatPinned(name, reference) : formatTagged(name, reference);
}

function describeHeaders(headers: Headers, what: string): Descriptor | undefined {
  const mediaType = manifestType(headers, what);
  const digest = announcedDigest(headers);
  const length = textOf(headers['content-length']) ?? '';
  if (mediaType === undefined || digest === undefined || !isDigest(digest) || !/^\d{1,10}$/.test(length))
    return undefined;
  return { mediaType, digest, size: Number(length) };
}

/** The type of the answer where it is one of a manifest. Throws IMAGE_MANIFEST for schema 1. */
function manifestType(headers: Headers, what: string): string | undefined {
  const encoding = textOf(headers['content-encoding']);
  if (encoding !== undefined && encoding !== 'identity') {
    throw new RebundleError(
      'REGISTRY_PROTOCOL',
      `${what}: the registry sends it compressed, though that was not accepted`,
    );
  }
  const type = (textOf(headers['content-type']) ?? '').replace(/;.*$/s, '').trim().toLowerCase();
  if (SCHEMA_1.test(type)) {
    throw new RebundleError('IMAGE_MANIFEST', `${what} is a manifest of schema 1, a form that was given up in 2017`, {
      hint: 'Push the image again with a current tool.',
    });
  }
  return /^application\/vnd\.[a-z0-9.+-]+$/.test(type) ? type : undefined;
}

function announcedDigest(headers: Headers): string | undefined {
  const digest = textOf(headers['docker-content-digest'])?.trim();
  // Other algorithms say nothing about our sha256.
  return digest?.startsWith('sha256:') === true ? digest.slice(0, 100) : undefined;
}

function wrongDigest(call: RegistryCall, message: string): HttpFailure {
  return new HttpFailure(new RebundleError('REGISTRY_DIGEST_MISMATCH', message), {
    url: call.target.origin + call.target.path,
    reason: 'wrong digest',
    kind: 'transient',
  });
}
