// The floor: sends the requests of a first publish over as many connections, and does nothing else.
// node floor.mjs WORK.json ORIGIN CONNECTIONS
import { readFileSync } from 'node:fs';
import { argv } from 'node:process';
import { Pool } from 'undici';

const [, , file, origin, connections] = argv;
/** @type {{ images: { repository: string, tag: string, type: string, reads: { digest: string, type: string }[] }[], apps: { repository: string, tag: string, manifest: string, type: string, digest: string, blobs: { digest: string, base64: string }[] }[] }} */
const work = JSON.parse(readFileSync(file, 'utf8'));
const pool = new Pool(origin, { connections: Number(connections), pipelining: 1 });

/** @param {string} method @param {string} path @param {Record<string, string>} [headers] @param {Buffer} [body] */
async function send(method, path, headers = {}, body = undefined) {
  const answer = await pool.request({ method, path, headers, ...(body === undefined ? {} : { body }) });
  await answer.body.dump();
  return answer;
}

/** @param {typeof work.apps[number]} app */
async function publish({ repository, tag, manifest, type, digest, blobs }, from) {
  const base = `/v2/${repository}`;
  await Promise.all(
    blobs.map(async (blob) => {
      const mount = blob.base64 === 'e30=' && from !== undefined ? `?mount=${blob.digest}&from=${from}` : '';
      const { statusCode, headers } = await send('POST', `${base}/blobs/uploads/${mount}`);
      if (statusCode === 201) return;
      const place = new URL(String(headers.location), origin);
      place.searchParams.set('digest', blob.digest);
      const body = Buffer.from(blob.base64, 'base64');
      await send('PUT', `${place.pathname}${place.search}`, { 'content-type': 'application/octet-stream' }, body);
    }),
  );
  await send('PUT', `${base}/manifests/${tag}`, { 'content-type': type }, Buffer.from(manifest, 'base64'));
  await send('GET', `${base}/manifests/${digest}`, { accept: type });
}

/** @template T @param {readonly T[]} items @param {(item: T) => Promise<unknown>} task */
async function each(items, task) {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await task(item);
  };
  await Promise.all(Array.from({ length: Number(connections) }, lane));
}

await each(work.images, async ({ repository, tag, type, reads }) => {
  await send('HEAD', `/v2/${repository}/manifests/${tag}`, { accept: type });
  for (const read of reads) await send('GET', `/v2/${repository}/manifests/${read.digest}`, { accept: read.type });
});
await each(work.apps, ({ repository, tag, type }) =>
  send('HEAD', `/v2/${repository}/manifests/${tag}`, { accept: type }),
);
const [first, ...others] = work.apps;
if (first !== undefined) await publish(first);
await each(others, (app) => publish(app, first?.repository));
await pool.close();
