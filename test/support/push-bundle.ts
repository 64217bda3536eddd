import { digestOf } from '../../src/lib/digest.ts';

/** Puts a manifest and its blobs into a registry that speaks plain HTTP, as any client does. `read` gives the bytes of a digest. */
export async function pushBundle(
  origin: string,
  bundle: {
    readonly repository: string;
    readonly manifest: string;
    readonly read: (digest: string) => Promise<Uint8Array>;
  },
): Promise<void> {
  const bytes = await bundle.read(bundle.manifest);
  const { mediaType, config, layers } = JSON.parse(Buffer.from(bytes).toString());
  const base = `${origin}/v2/${bundle.repository}`;
  for (const { digest } of [config, ...layers]) await pushBlob(base, digest, await bundle.read(digest));
  await send(`${base}/manifests/${bundle.manifest}`, 'PUT', bytes, mediaType);
  const back = await fetch(`${base}/manifests/${bundle.manifest}`, { headers: { accept: mediaType } });
  if (digestOf(new Uint8Array(await back.arrayBuffer())) !== bundle.manifest) throw new Error('it came back otherwise');
}

async function pushBlob(base: string, digest: string, bytes: Uint8Array): Promise<void> {
  const started = await send(`${base}/blobs/uploads/`, 'POST');
  const location = new URL(started.headers.get('location') ?? '', base);
  location.searchParams.set('digest', digest);
  await send(location.href, 'PUT', bytes, 'application/octet-stream');
}

async function send(url: string, method: string, body?: Uint8Array, mediaType?: string): Promise<Response> {
  const answer = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    ...(mediaType === undefined ? {} : { headers: { 'content-type': mediaType } }),
  });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}
