import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** What it is about: `manifest`, `blob`, `upload` (open session or POST), `other`. */
  readonly kind: 'manifest' | 'blob' | 'upload' | 'other';
  readonly headers: IncomingHttpHeaders;
  /** How many requests of this method and kind there were, this one included. */
  readonly count: number;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What a registry holds. */
export interface Store {
  /** By repository, then digest. */
  readonly blobs: Map<string, Map<string, Buffer>>;
  readonly manifests: Map<string, Map<string, { readonly bytes: Buffer; readonly mediaType: string }>>;
  /** Digests, by repository, then tag. */
  readonly tags: Map<string, Map<string, string>>;
}

export interface Session {
  readonly repository: string;
  parts: Buffer[];
  size: number;
}

const NAME = '[a-z0-9]+(?:[._/-][a-z0-9]+)*';
const MANIFEST = new RegExp(`^/v2/(${NAME})/manifests/([^/]+)$`);
const BLOB = new RegExp(`^/v2/(${NAME})/blobs/(sha256:[0-9a-f]{64})$`);
const UPLOADS = new RegExp(`^/v2/(${NAME})/blobs/uploads/$`);
const SESSION = new RegExp(`^/v2/(${NAME})/blobs/uploads/([0-9]+)$`);

/** What a request is about. */
export function kindOf(path: string): SeenRequest['kind'] {
  const plain = path.replace(/\?.*$/s, '');
  if (MANIFEST.test(plain)) return 'manifest';
  if (BLOB.test(plain)) return 'blob';
  return plain.includes('/blobs/uploads/') ? 'upload' : 'other';
}

/** What a registry does, by the distribution specification. */
export function answerRequest(server: Store, sessions: Map<string, Session>, request: SeenRequest): Answer {
  const url = new URL(request.path, 'http://registry');
  const manifest = MANIFEST.exec(url.pathname);
  if (manifest !== null) return workManifest(server, request, manifest[1] ?? '', decodeURIComponent(manifest[2] ?? ''));
  const blob = BLOB.exec(url.pathname);
  if (blob !== null) return readBlob(server, request, blob[1] ?? '', blob[2] ?? '');
  const uploads = UPLOADS.exec(url.pathname);
  if (uploads !== null && request.method === 'POST') return openSession(server, sessions, uploads[1] ?? '', url);
  const session = SESSION.exec(url.pathname);
  if (session !== null) return workSession(server, sessions, { request, id: session[2] ?? '', url });
  if (url.pathname === '/v2/') return { status: 200, headers: {}, body: Buffer.from('{}') };
  return failure(404, 'NOT_FOUND');
}

function workManifest(server: Store, request: SeenRequest, repository: string, reference: string): Answer {
  const manifests = inner(server.manifests, repository);
  const tags = inner(server.tags, repository);
  if (request.method === 'PUT') {
    const bytes = request.body;
    const digest = digestOf(bytes);
    const mediaType = request.headers['content-type'] ?? '';
    const document = JSON.parse(bytes.toString()) as Record<string, { digest: string }[] | { digest: string }>;
    for (const { digest: named } of [document.config ?? [], document.layers ?? []].flat()) {
      if (!inner(server.blobs, repository).has(named)) return failure(400, 'MANIFEST_BLOB_UNKNOWN', { digest: named });
    }
    for (const { digest: named } of [document.manifests ?? []].flat()) {
      if (!manifests.has(named)) return failure(400, 'MANIFEST_BLOB_UNKNOWN', { digest: named });
    }
    manifests.set(digest, { bytes, mediaType });
    if (!reference.startsWith('sha256:')) tags.set(reference, digest);
    else if (reference !== digest) return failure(400, 'DIGEST_INVALID');
    const headers = { location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': digest };
    return { status: 201, headers, body: Buffer.alloc(0) };
  }
  const digest = reference.startsWith('sha256:') ? reference : tags.get(reference);
  const found = digest === undefined ? undefined : manifests.get(digest);
  if (found === undefined || digest === undefined) return failure(404, 'MANIFEST_UNKNOWN');
  const headers = {
    'content-type': found.mediaType,
    'docker-content-digest': digest,
    'content-length': String(found.bytes.byteLength),
  };
  return { status: 200, headers, body: found.bytes };
}

function readBlob(server: Store, request: SeenRequest, repository: string, digest: string): Answer {
  const bytes = inner(server.blobs, repository).get(digest);
  if (bytes === undefined) return failure(404, 'BLOB_UNKNOWN');
  const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest };
  const start = Number(/^bytes=([0-9]+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start === 0)
    return { status: 200, headers: { ...headers, 'content-length': String(bytes.byteLength) }, body: bytes };
  const rest = bytes.subarray(start);
  const range = `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}`;
  return {
    status: 206,
    headers: { ...headers, 'content-length': String(rest.byteLength), 'content-range': range },
    body: rest,
  };
}

let lastSession = 0;

function openSession(server: Store, sessions: Map<string, Session>, repository: string, url: URL): Answer {
  const mounted = url.searchParams.get('mount');
  const bytes = mounted === null ? undefined : server.blobs.get(url.searchParams.get('from') ?? '')?.get(mounted);
  if (mounted !== null && bytes !== undefined) {
    inner(server.blobs, repository).set(mounted, bytes);
    return { status: 201, headers: { location: `/v2/${repository}/blobs/${mounted}` }, body: Buffer.alloc(0) };
  }
  lastSession += 1;
  sessions.set(String(lastSession), { repository, parts: [], size: 0 });
  return {
    status: 202,
    headers: { location: `/v2/${repository}/blobs/uploads/${lastSession}?state=x%2By` },
    body: Buffer.alloc(0),
  };
}

function workSession(
  server: Store,
  sessions: Map<string, Session>,
  { request, id, url }: { readonly request: SeenRequest; readonly id: string; readonly url: URL },
): Answer {
  const session = sessions.get(id);
  if (session === undefined || url.searchParams.get('state') !== 'x+y') return failure(404, 'BLOB_UPLOAD_UNKNOWN');
  const headers = { location: request.path, range: `0-${Math.max(0, session.size - 1)}` };
  switch (request.method) {
    case 'GET':
      return { status: 204, headers, body: Buffer.alloc(0) };
    case 'DELETE':
      sessions.delete(id);
      return { status: 204, headers: {}, body: Buffer.alloc(0) };
    case 'PATCH': {
      const start = Number(/^([0-9]+)-/.exec(request.headers['content-range'] ?? '')?.[1] ?? session.size);
      if (start !== session.size) return { ...failure(416, 'BLOB_UPLOAD_INVALID'), headers };
      session.parts.push(request.body);
      session.size += request.body.byteLength;
      return { status: 202, headers: { ...headers, range: `0-${session.size - 1}` }, body: Buffer.alloc(0) };
    }
    default: {
      const bytes = Buffer.concat([...session.parts, request.body]);
      const digest = url.searchParams.get('digest') ?? '';
      sessions.delete(id);
      if (digestOf(bytes) !== digest) return failure(400, 'DIGEST_INVALID');
      inner(server.blobs, session.repository).set(digest, bytes);
      const location = `/v2/${session.repository}/blobs/${digest}`;
      return { status: 201, headers: { location, 'docker-content-digest': digest }, body: Buffer.alloc(0) };
    }
  }
}

function failure(status: number, code: string, detail?: unknown): Answer {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message: code.toLowerCase(), detail }] }));
  return { status, headers: { 'content-type': 'application/json' }, body };
}

function inner<T>(map: Map<string, Map<string, T>>, key: string): Map<string, T> {
  const known = map.get(key) ?? new Map<string, T>();
  map.set(key, known);
  return known;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
