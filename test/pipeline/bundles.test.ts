import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseReference, repositoryOf } from '../../src/lib/reference.ts';
import type { MigrationOutcome } from '../../src/pipeline/run.ts';
import { readBundle } from './bundle-content.ts';
import { codesOf, HOST, imageOf, ostreeTarget, planOf, statusesOf, TAG, TestFactory } from './factory.ts';
import { pushImage } from './images.ts';

const LABEL = 'io.compose-spec.config-hash';

let factory: TestFactory;

beforeEach(async () => {
  factory = await TestFactory.create();
  await factory.writeTargets({ 'arm-lmp-7': ostreeTarget('arm', 7) });
  factory.config = `images: { tag: ${TAG} }\ntargets: { repo: tuf/targets.json, tags: main, composeOnly: [web] }\n`;
  await pushImage(factory.images, `${HOST}/acme/web:${TAG}`);
  await writePackage();
  await factory.write('repo/web/conf/a', 'a\n');
  await factory.write('repo/web/b', 'b\n');
});
afterEach(() => factory.close());

/** Three services: one mounts a folder, one a file, one nothing. */
async function writePackage(comment = '# one'): Promise<void> {
  const service = (name: string, volume: string): string =>
    `  ${name}:\n    image: ${imageOf('web')} ${comment}\n${volume === '' ? '' : `    volumes: ["${volume}"]\n`}`;
  const services = `${service('one', './conf:/conf:ro')}${service('two', './b:/b:ro')}${service('three', '')}`;
  await factory.write(
    'repo/web.dockerapp',
    `version: 1.0.0\nname: web\n---\nversion: '3.2'\nservices:\n${services}---\n{}\n`,
  );
}

async function labelsOf(outcome: MigrationOutcome): Promise<Record<string, string>> {
  const files = await readBundle(factory.destination, planOf(outcome, 'web'));
  const { services } = parse(files.get('docker-compose.yml') ?? '');
  return Object.fromEntries(
    Object.entries<{ labels: Record<string, string> }>(services).map(([name, { labels }]) => [
      name,
      labels[LABEL] ?? '',
    ]),
  );
}

/** The services whose labels a change of the sources changes. */
async function changedBy(change: () => Promise<void>): Promise<string[]> {
  const before = await labelsOf(await factory.run());
  await change();
  const after = await labelsOf(await factory.run());
  return Object.keys(after).filter((name) => after[name] !== before[name]);
}

describe('the label of a service changes', () => {
  test('with a file in the folder that it mounts', async () => {
    expect(await changedBy(() => factory.write('repo/web/conf/a', 'A\n'))).toEqual(['one']);
  });

  test('with a file more in the folder that it mounts', async () => {
    expect(await changedBy(() => factory.write('repo/web/conf/sub/c', 'c\n'))).toEqual(['one']);
  });

  test('with the file that it mounts', async () => {
    expect(await changedBy(() => factory.write('repo/web/b', 'B\n'))).toEqual(['two']);
  });

  test('not with a comment, though the bundle is another', async () => {
    const first = await factory.run();
    const before = await labelsOf(first);
    await writePackage('# two');
    const second = await factory.run();
    expect(planOf(second, 'web').reference).not.toBe(planOf(first, 'web').reference);
    expect(await labelsOf(second)).toEqual(before);
  });

  test('with the image of all', async () => {
    const change = async () => void (await pushImage(factory.images, `${HOST}/acme/web:${TAG}`, { content: 'new' }));
    expect(await changedBy(change)).toEqual(['one', 'two', 'three']);
  });
});

describe('what Docker Compose runs from the registry', () => {
  async function layersOf(outcome: MigrationOutcome): Promise<{ mediaType: string; text: string }[]> {
    const { reference } = planOf(outcome, 'web');
    const parsed = parseReference(reference ?? '');
    const manifest = await factory.destination.getManifest(repositoryOf(parsed), parsed.digest ?? '');
    const found: { mediaType: string; text: string }[] = [];
    for (const layer of JSON.parse(manifest?.bytes.toString() ?? '').layers.slice(1)) {
      const parts: Uint8Array[] = [];
      for await (const part of factory.destination.getBlob(repositoryOf(parsed), layer)) parts.push(part);
      found.push({ mediaType: layer.mediaType, text: Buffer.concat(parts).toString() });
    }
    return found;
  }

  test('is not there where a folder is mounted, with the reason', async () => {
    const outcome = await factory.run();
    expect(await layersOf(outcome)).toEqual([]);
    const found = planOf(outcome, 'web').diagnostics.find(({ code }) => code === 'bundle.no-docker-compose');
    expect(found).toMatchObject({ severity: 'note', message: expect.stringContaining('service "one" mounts "conf"') });
  });

  test('is published with the bundle, and a second run sends nothing', async () => {
    await factory.remove('repo/web/conf');
    await factory.write('repo/web/conf', 'x $y\n');
    const outcome = await factory.run();
    const [layer, ...more] = await layersOf(outcome);
    expect(more).toEqual([]);
    expect(layer?.mediaType).toBe('application/vnd.docker.compose.file+yaml');
    const { name, services, configs } = parse(layer?.text ?? '');
    expect(name).toBe('web');
    const labels = await labelsOf(outcome);
    for (const [service, hash] of Object.entries(labels)) expect(services[service].labels[LABEL]).toBe(hash);
    expect(configs).toEqual({ 'file-1': { content: 'x $$y\n' }, 'file-2': { content: 'b\n' } });
    const again = await factory.run();
    expect([statusesOf(again), again.bytesSent]).toEqual([{ web: 'unchanged' }, 0]);
  });

  test('can be left away, and then the bundle is another', async () => {
    await factory.remove('repo/web/conf');
    await factory.write('repo/web/conf', 'x\n');
    const first = await factory.run();
    factory.config = `${factory.config}bundle: { dockerCompose: false }\n`;
    const second = await factory.run();
    expect(await layersOf(second)).toEqual([]);
    expect(planOf(second, 'web').reference).not.toBe(planOf(first, 'web').reference);
    expect(planOf(second, 'web').bundle).toEqual(planOf(first, 'web').bundle);
    expect(codesOf(second, 'web')).not.toContain('bundle.no-docker-compose');
  });
});

describe('serviceConfigs: mount', () => {
  beforeEach(async () => {
    await factory.write(
      'repo/web.dockerapp',
      `version: 1.0.0\nname: web\n---\nversion: '3.3'\nservices:\n  one:\n    image: ${imageOf('web')}\n    configs: [site]\n  two:\n    image: ${imageOf('web')}\nconfigs:\n  site: { file: b }\n---\n{}\n`,
    );
  });

  test('mounts the file of a config, which the label and the layer for Docker Compose then know', async () => {
    const kept = await factory.run();
    expect(codesOf(kept, 'web')).toContain('compose.service-configs');
    factory.config = `${factory.config}apps: { serviceConfigs: { web: mount } }\n`;
    const outcome = await factory.run();
    expect(codesOf(outcome, 'web')).toContain('compose.config-mounted');
    expect(codesOf(outcome, 'web')).not.toContain('compose.service-configs');
    const files = await readBundle(factory.destination, planOf(outcome, 'web'));
    expect([...files.keys()]).toEqual(['docker-compose.yml', 'b']);
    const { services, configs } = parse(files.get('docker-compose.yml') ?? '');
    expect(services.one).toMatchObject({ volumes: ['./b:/site:ro'] });
    expect(services.one).not.toHaveProperty('configs');
    expect(configs).toEqual({ site: { file: 'b' } });
    expect(codesOf(outcome, 'web')).not.toContain('bundle.no-docker-compose');
    expect(await changedBy(() => factory.write('repo/web/b', 'B\n'))).toEqual(['one']);
  });

  test('is no form for devices of the old style', async () => {
    factory.config = `images: { tag: ${TAG} }\ntargets: { repo: tuf/targets.json, tags: main }\nserviceConfigs: mount\n`;
    const outcome = await factory.run();
    expect(codesOf(outcome, 'web')).toContain('DOCKER_APP_FORM');
  });
});

describe('.composeappignores', () => {
  test('keeps files out of the bundle', async () => {
    await factory.write('repo/web/.composeappignores', '# kept on desks\n**/*.md\n');
    await factory.write('repo/web/conf/README.md', 'r\n');
    const files = await readBundle(factory.destination, planOf(await factory.run(), 'web'));
    expect([...files.keys()]).toEqual(['docker-compose.yml', 'b', 'conf/a']);
  });

  test('that cannot be read fails the app with the place', async () => {
    await factory.write('repo/web/.composeappignores', 'a\n[b-\n');
    const outcome = await factory.run();
    expect(statusesOf(outcome)).toEqual({ web: 'failed' });
    expect(planOf(outcome, 'web').diagnostics.find(({ severity }) => severity === 'error')).toMatchObject({
      code: 'BUNDLE_PATH',
      location: { path: 'web/.composeappignores', line: 2 },
    });
    await factory.write('repo/web/.composeappignores', Buffer.from([0xff]));
    expect(statusesOf(await factory.run())).toEqual({ web: 'failed' });
  });
});

test('bundle.files: all takes the whole folder, and a warning names what nothing uses', async () => {
  factory.config = `${factory.config}bundle: { files: all }\n`;
  await factory.write('repo/web/runbook.md', 'r\n');
  const outcome = await factory.run();
  expect([...(await readBundle(factory.destination, planOf(outcome, 'web'))).keys()]).toContain('runbook.md');
  expect(planOf(outcome, 'web').diagnostics.find(({ code }) => code === 'bundle.unused-file')).toMatchObject({
    severity: 'warning',
    message: 'the bundle holds a file (2 bytes) that no service mounts or reads: "runbook.md"',
  });
});
