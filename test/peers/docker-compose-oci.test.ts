import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EMPTY_CONFIG } from '../../src/bundle/app-manifest.ts';
import { archiveBundle } from '../../src/bundle/archive.ts';
import { assembleBundle } from '../../src/bundle/assemble-bundle.ts';
import { readComposeFile } from '../../src/compose/compose-file.ts';
import { writeRegistryCompose } from '../../src/compose/registry-compose.ts';
import { readAll } from '../../src/lib/bytes.ts';
import type { AppBundle, BundleFile } from '../../src/model/app.ts';
import { bundleFile } from '../support/bundle-file.ts';
import { type DockerRegistry, hasDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { findComposeV5 } from '../support/programs.ts';
import { pushBundle } from '../support/push-bundle.ts';

const run = promisify(execFile);
const IMAGE = `docker.io/library/nginx@sha256:${'1'.repeat(64)}`;
/** What `config` prints. */
interface ComposeModel {
  readonly services: Record<string, unknown>;
  readonly configs?: Record<string, { readonly content?: string }>;
}

const v5 = findComposeV5();
const missing = [v5 === undefined ? 'Docker Compose v5' : '', hasDockerRegistry() ? '' : 'docker-registry'].filter(
  Boolean,
);

describe.skipIf(missing.length > 0)(
  missing.length === 0
    ? 'Docker Compose v5 on a bundle in a registry'
    : `Docker Compose v5 on a bundle in a registry: SKIPPED, ${missing.join(' and ')} not installed`,
  () => {
    let registry: DockerRegistry;
    let folder: string;

    beforeAll(async () => {
      registry = await startDockerRegistry();
      folder = await mkdtemp(join(tmpdir(), 'rebundle-oci-'));
    });
    afterAll(async () => {
      await registry?.close();
      await rm(folder, { recursive: true, force: true });
    });

    async function config(cwd: string, args: readonly string[]): Promise<ComposeModel> {
      const { stdout } = await run(v5!, [...args, 'config', '--format', 'json'], {
        cwd,
        env: { PATH: process.env.PATH, HOME: join(folder, 'home') },
        maxBuffer: 1 << 25,
      });
      return JSON.parse(stdout);
    }

    /** What Docker Compose reads of an app, from the registry and from the unpacked bundle. */
    async function readBoth(name: string, text: string, files: readonly BundleFile[]) {
      const all = [bundleFile('docker-compose.yml', text), ...files];
      const file = readComposeFile({ text, path: 'docker-compose.yml', line: 1 }, { origin: 'compose' });
      const compose = await writeRegistryCompose({ name, file, files });
      if ('reasons' in compose) throw new Error(compose.reasons.join('; '));
      const bundle = await assembleBundle({
        name,
        registry: registry.host,
        repository: `f/${name}`,
        files: all,
        compose,
      });
      await pushBundle(registry.origin, {
        repository: `f/${name}`,
        manifest: bundle.manifest.digest,
        read: (digest) => readBlob(bundle, digest),
      });
      const empty = join(folder, 'empty');
      await mkdir(empty, { recursive: true });
      for (const { path, open } of all) {
        const target = join(folder, 'apps', name, path);
        await mkdir(dirname(target), { recursive: true });
        await writeFile(target, await readAll(open(), 1 << 24, path));
      }
      const reference = `${registry.host}/f/${name}@${bundle.manifest.digest}`;
      return {
        remote: await config(empty, ['--insecure-registry', registry.host, '-f', `oci://${reference}`]),
        local: await config(join(folder, 'apps', name), []),
      };
    }

    async function readBlob(bundle: AppBundle, digest: string): Promise<Uint8Array> {
      if (digest === bundle.manifest.digest) return bundle.manifestBytes;
      if (digest === EMPTY_CONFIG.descriptor.digest) return EMPTY_CONFIG.bytes;
      if (digest === bundle.archive.digest) return readAll(archiveBundle(bundle.files), 1 << 24, 'archive');
      const layer = bundle.composeLayers.find(({ descriptor }) => descriptor.digest === digest);
      if (layer === undefined) throw new Error(`no blob ${digest}`);
      return layer.bytes;
    }

    test('reads environment files as it does from the folder', async () => {
      const text = `services:
  a:
    image: ${IMAGE}
    env_file: [./conf/b.env, a.env]
    environment: {OWN: "1"}
  b:
    image: ${IMAGE}
    env_file:
      - {path: a.env, required: true}
      - {path: gone.env, required: false}
`;
      const files = [
        bundleFile('a.env', 'A=a\nX=from-a\n# no\nQ="two words"\n'),
        bundleFile('conf/b.env', 'X=from-b\nB=\n'),
      ];
      const { remote, local } = await readBoth('env', text, files);
      expect(remote).toEqual(local);
      expect(remote).toMatchObject({
        services: { a: { environment: { A: 'a', B: '', OWN: '1', Q: 'two words', X: 'from-a' } } },
      });
    });

    test('gives configs that are files their content, and all else as from the folder', async () => {
      const text = `services:
  a:
    image: ${IMAGE}
    configs: [c, {source: d, target: /etc/d, mode: 0400}]
  b:
    image: ${IMAGE}
    mem_limit: 1e9
    labels: ["a=1", "b=\${N-x}"]
configs:
  c: {file: ./c.txt}
  d: {file: d.txt}
`;
      const { remote, local } = await readBoth('configs', text, [bundleFile('c.txt', 'c\n'), bundleFile('d.txt', 'd')]);
      const { configs, ...rest } = remote;
      const { configs: files, ...localRest } = local;
      expect(rest).toEqual(localRest);
      expect(configs).toEqual({
        c: { name: 'configs_c', content: 'c\n' },
        d: { name: 'configs_d', content: 'd' },
      });
      expect(Object.keys(files ?? {})).toEqual(['c', 'd']);
    });

    test('gets the very text of mounted files', async () => {
      const characters = Array.from({ length: 0x250 }, (_, i) => String.fromCodePoint(i)).join('');
      const texts = [
        characters.replaceAll(/[\r\0]/g, ''),
        '\ufeffwith a mark\u2028\u2029\u0085\ufffe\u{1f6a2}\u{10ffff}',
        '${A} $$ $A ${A:-b} $${C} $',
        'no line break at the end',
        '\n\n  leading\n\ttab\n---\n...\n# pinned a b\n',
        `${'long '.repeat(20_000)}\n`,
        '{{ .Values }} %YAML !tag &a *b \'x\' "y" \\n \\',
      ];
      const files = texts.map((content, i) => bundleFile(`f${i}`, content));
      const mounts = files.map(({ path }) => `      - ./${path}:/etc/${path}:ro\n`).join('');
      const { remote } = await readBoth(
        'texts',
        `services:\n  a:\n    image: ${IMAGE}\n    volumes:\n${mounts}`,
        files,
      );
      const { configs = {} } = remote;
      // `config` writes each dollar twice.
      const read = texts.map((_, i) => configs[`file-${i + 1}`]?.content?.replaceAll('$$', '$'));
      expect(read).toEqual(texts);
    });

    test.each(['1e3', 'true', 'my.app', '007'])('takes %s for the name of a project, as devices do', async (name) => {
      const { remote, local } = await readBoth(name, `services:\n  a:\n    image: ${IMAGE}\n`, []);
      expect(remote).toEqual(local);
    });
  },
);
