// Measures publishing to a real registry on loopback: npm run bench -- publish [apps] [connections]
// Each app has two services from a pool of 20 images and one support file. Per setting: the first run, an unchanged one, one with a changed
// app; requests by kind as the registry logged them; and the floor, a bare uploader that sends the requests of the first run.
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { formatMeasure, measure, PROGRAM } from './process.mjs';
import { freePort, makeMemoryFolder, startDelay, startRegistry } from './registry.mjs';

const IMAGES = 20;
/** First runs and floors in turns, as a machine is not as fast at every moment. */
const ROUNDS = 3;
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

/** @param {Buffer} bytes */
const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** @param {string} origin @param {string} repository @param {Buffer} bytes */
async function putBlob(origin, repository, bytes) {
  const start = await fetch(`${origin}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(start.headers.get('location') ?? '', origin);
  place.searchParams.set('digest', digestOf(bytes));
  await fetch(place, { method: 'PUT', body: bytes, headers: { 'content-type': 'application/octet-stream' } });
  return { digest: digestOf(bytes), size: bytes.byteLength };
}

/** @param {string} origin @param {string} repository @param {string} reference @param {object} content @param {string} type */
async function putManifest(origin, repository, reference, content, type) {
  const bytes = Buffer.from(JSON.stringify(content));
  const path = `${origin}/v2/${repository}/manifests/${reference === '' ? digestOf(bytes) : reference}`;
  const answer = await fetch(path, { method: 'PUT', body: bytes, headers: { 'content-type': type } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return { mediaType: type, digest: digestOf(bytes), size: bytes.byteLength };
}

/** An image for two platforms. @param {string} origin @param {number} number */
async function pushImage(origin, number) {
  const repository = `images/img-${number}`;
  const manifests = [];
  for (const architecture of ['amd64', 'arm64']) {
    const config = Buffer.from(JSON.stringify({ architecture, os: 'linux', number }));
    const layer = Buffer.from(`layer of ${number} for ${architecture}`);
    const content = {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        ...(await putBlob(origin, repository, config)),
      },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...(await putBlob(origin, repository, layer)) }],
    };
    const manifest = await putManifest(origin, repository, '', content, MANIFEST_TYPE);
    manifests.push({ ...manifest, platform: { os: 'linux', architecture } });
  }
  const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests };
  const { digest } = await putManifest(origin, repository, '1', index, INDEX_TYPE);
  // Each is read once: the index for the platforms, its manifests for what devices will download.
  const reads = [
    { digest, type: INDEX_TYPE },
    ...manifests.map((each) => ({ digest: each.digest, type: MANIFEST_TYPE })),
  ];
  return { repository, tag: '1', type: INDEX_TYPE, reads };
}

/** @param {string} folder @param {string} host @param {number} apps @param {number} connections */
function writeFactory(folder, host, apps, connections) {
  mkdirSync(join(folder, 'factory'));
  for (let i = 0; i < apps; i++) {
    const name = `app-${String(i).padStart(5, '0')}`;
    const image = (/** @type {number} */ k) => `${host}/images/img-${k % IMAGES}:1`;
    writeFileSync(
      join(folder, 'factory', `${name}.dockerapp`),
      `version: 1.0.0\nname: ${name}\n---\nversion: '3.6'\nservices:\n  web:\n    image: ${image(i)}\n    ports: ["\${port}:80"]\n    volumes: ["./${name}.conf:/etc/web.conf:ro"]\n  worker:\n    image: ${image(i + 7)}\n    environment:\n      NUMBER: "\${number}"\n---\nport: ${8000 + (i % 1000)}\nnumber: ${i}\n`,
    );
    mkdirSync(join(folder, 'factory', name));
    writeFileSync(join(folder, 'factory', name, `${name}.conf`), `# settings of ${name}\n`.repeat(20));
  }
  writeFileSync(
    join(folder, 'rebundle.yml'),
    `registry: ${host}\nfactory: bench\nrepositories: [factory]\npublish: { to: '${host}', concurrency: ${connections} }\n`,
  );
}

/** What the floor has to send: read back from the registry. @param {string} origin @param {string[]} repositories */
async function readWork(origin, images, repositories) {
  const apps = [];
  for (const repository of repositories) {
    const { tags } = await (await fetch(`${origin}/v2/${repository}/tags/list`)).json();
    const answer = await fetch(`${origin}/v2/${repository}/manifests/${tags[0]}`, {
      headers: { accept: MANIFEST_TYPE },
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const { config, layers } = JSON.parse(bytes.toString());
    const index = layers[0].annotations?.['org.foundries.app.bundle.index.digest'];
    const digests = [config.digest, ...layers.map(({ digest }) => digest), ...(index === undefined ? [] : [index])];
    const blobs = [];
    for (const digest of digests) {
      const blob = await fetch(`${origin}/v2/${repository}/blobs/${digest}`);
      blobs.push({ digest, base64: Buffer.from(await blob.arrayBuffer()).toString('base64') });
    }
    apps.push({
      repository,
      tag: tags[0],
      manifest: bytes.toString('base64'),
      type: MANIFEST_TYPE,
      digest: digestOf(bytes),
      blobs,
    });
  }
  return { images, apps };
}

/** @param {Map<string, number>} counts @param {number} apps */
function formatCounts(counts, apps) {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const kinds = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => `${kind} ${count}`);
  return `${' '.repeat(27)}${total} requests, ${(total / apps).toFixed(2)} per app: ${kinds.join(', ')}\n`;
}

/** @param {{ wall: number }[]} results */
function medianWall(results) {
  const walls = results.map(({ wall }) => wall).sort((a, b) => a - b);
  return walls[Math.floor(walls.length / 2)] ?? Number.NaN;
}

const floorScript = fileURLToPath(new URL('floor.mjs', import.meta.url));
const [apps = 200, connections = 16] = argv.slice(2).map(Number);
for (const delayMs of [0, 20]) {
  const folder = makeMemoryFolder('rebundle-bench-');
  const inner = await freePort();
  const port = delayMs === 0 ? inner : await freePort();
  const origin = `http://127.0.0.1:${inner}`;
  const host = `127.0.0.1:${port}`;
  const delay = delayMs === 0 ? undefined : await startDelay(port, inner, delayMs);
  let registry = await startRegistry(inner);
  /** A registry that has the images and nothing else. */
  const begin = async () => {
    await registry.close();
    registry = await startRegistry(inner);
    return Promise.all(Array.from({ length: IMAGES }, (_, i) => pushImage(origin, i)));
  };
  const tell = async (/** @type {string} */ label, /** @type {string[]} */ args) => {
    registry.countRequests();
    const result = await measure(args, { cwd: folder });
    stdout.write(formatMeasure(label, result));
    stdout.write(formatCounts(registry.countRequests(), apps));
    if (result.errors !== '') stdout.write(`${result.errors.slice(0, 2000)}\n`);
    return result;
  };
  try {
    stdout.write(`\n${apps} apps, ${connections} connections, every answer delayed by ${delayMs} ms\n`);
    writeFactory(folder, host, apps, connections);
    const runs = [];
    const floors = [];
    const run = [PROGRAM, 'run', '--reporter', 'silent'];
    for (let round = 1; round <= ROUNDS; round += 1) {
      rmSync(join(folder, 'out'), { recursive: true, force: true });
      const images = await begin();
      runs.push(await tell('first run', run));
      const names = Array.from({ length: apps }, (_, i) => `bench/app-${String(i).padStart(5, '0')}`);
      writeFileSync(join(folder, 'work.json'), JSON.stringify(await readWork(origin, images, names)));
      if (round === ROUNDS) {
        await tell('unchanged run', run);
        appendFileSync(join(folder, 'factory', 'app-00000', 'app-00000.conf'), 'changed: yes\n');
        await tell('one app changed', run);
      }
      await begin();
      const floor = [floorScript, join(folder, 'work.json'), `http://${host}`, String(connections)];
      floors.push(await tell('floor of the first run', floor));
    }
    const times = (medianWall(runs) / medianWall(floors)).toFixed(2);
    stdout.write(`first run / floor: ${times} (medians of ${ROUNDS})\n`);
  } finally {
    await registry.close();
    await delay?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
