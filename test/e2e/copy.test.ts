import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, referencesIn, Workspace } from './cli.ts';

const SILENT = ['--reporter', 'silent'];

let workspace: Workspace;
let reference: string;

beforeAll(async () => {
  workspace = await Workspace.create();
  const { stdout } = await workspace.run(['run', '--config', CONFIG, ...SILENT]);
  reference = referencesIn(stdout)['status-page'] ?? '';
});
afterAll(() => workspace.close());

const copy = (...args: string[]) => workspace.run(['copy', ...args, ...SILENT]);
const FROM = ['--from', 'oci-layout:out/registry'];
const IMAGES = ['--images', '--registry', 'docker.io=oci-layout:samples/images'];

describe('copy between layouts', () => {
  test('prints what it is called there, the bundle first; the second time nothing changes', async () => {
    const first = await copy(reference, 'oci-layout:stick', ...FROM, ...IMAGES);
    const rows = first.stdout.split('\n');
    expect([first.status, rows[0]]).toEqual([0, `${reference}\t${reference}`]);
    expect(rows[1]).toMatch(/^docker\.io\/library\/nginx@sha256:[0-9a-f]{64}\tdocker\.io\/library\/nginx@sha256:/);
    const files = await workspace.listing('stick');
    const second = await copy(reference, 'oci-layout:stick', ...FROM, ...IMAGES);
    expect([second.status, second.stdout]).toEqual([0, first.stdout]);
    expect(second.stderr).toContain('Nothing to send');
    expect(await workspace.listing('stick')).toEqual(files);
  });

  test('every blob of the source that belongs to the bundle is there', async () => {
    await copy(reference, 'oci-layout:plain', ...FROM);
    const [source, copied] = [await workspace.listing('out/registry/blobs'), await workspace.listing('plain/blobs')];
    const digest = reference.split('@sha256:')[1] ?? '';
    const manifest = JSON.parse(await workspace.read(`plain/blobs/sha256/${digest}`));
    const index = manifest.layers[0].annotations['org.foundries.app.bundle.index.digest'].slice('sha256:'.length);
    const named = [
      digest,
      index,
      ...[manifest.config, ...manifest.layers].map((layer: { digest: string }) => layer.digest.slice(7)),
    ];
    expect([...copied.keys()].sort()).toEqual([...new Set(named)].map((hex) => `sha256/${hex}`).sort());
    for (const [path, bytes] of copied) expect(source.get(path)).toBe(bytes);
  });

  test('by tag, under another name and tag', async () => {
    const [name = '', digest = ''] = reference.split('@sha256:');
    const tagged = `${name}:app-${digest.slice(0, 12)}`;
    const { status, stdout } = await copy(
      tagged,
      'hub.example/mirror/page:v1',
      '--to',
      'oci-layout:renamed',
      ...FROM,
      '--json',
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      source: reference,
      destination: `hub.example/mirror/page@sha256:${digest}`,
      tag: 'v1',
      bundle: true,
      images: [],
      sent: { manifests: 1 },
    });
    expect(await workspace.read('renamed/index.json')).toContain('"hub.example/mirror/page:v1"');
  });
});

describe('copy refuses', () => {
  const wrong = `hub.example/a/b@sha256:${'0'.repeat(64)}`;
  test.each<[string, string[], number, string]>([
    ['a source without tag and digest', ['hub.example/a/b', 'oci-layout:x'], 4, 'neither a tag nor a digest'],
    ['a source that is no reference', ['HUB/A/b:v1', 'oci-layout:x'], 4, 'SRC'],
    ['a destination with another digest', ['hub.example/a/b:v1', wrong, '--to', 'oci-layout:x'], 4, 'another digest'],
    ['a place and --to', ['hub.example/a/b:v1', 'oci-layout:x', '--to', 'oci-layout:y'], 4, '--to'],
    ['memory:', ['hub.example/a/b:v1', 'memory:'], 4, 'keeps nothing'],
    ['platforms without images', ['hub.example/a/b:v1', 'oci-layout:x', '--platform', 'linux/arm64'], 4, '--images'],
    ['what is not there', [wrong, 'oci-layout:x', ...FROM], 1, 'IMAGE_UNRESOLVED'],
    ['no destination', ['hub.example/a/b:v1'], 4, 'dst'],
  ])('%s', async (_name, args, status, words) => {
    const result = await copy(...args);
    expect([result.status, result.stderr]).toEqual([status, expect.stringContaining(words)]);
    expect(workspace.exists('x')).toBe(false);
  });
});
