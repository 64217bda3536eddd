import { execFile, execFileSync } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import type { AppPlan, PlanFile } from '../../src/model/plan.ts';
import { CONFIG, Workspace } from '../e2e/cli.ts';
import { type DockerRegistry, hasDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { findComposeV5, requireProgram } from '../support/programs.ts';
import { pushBundle } from '../support/push-bundle.ts';

const hasCompose = requireProgram('docker-compose');
const hasSkopeo = requireProgram('skopeo');
const hasRegistry = hasDockerRegistry();
const v5 = findComposeV5();
const missing = [v5 === undefined ? 'Docker Compose v5' : '', hasRegistry ? '' : 'docker-registry'].filter(Boolean);
const run = promisify(execFile);
const FILES: Record<string, string[]> = {
  'link-probe': ['runbook.md', 'scripts/probe.sh'],
  'status-page': ['nginx.conf'],
};

/** What `config` prints. */
interface ComposeModel {
  readonly services: Record<string, Record<string, unknown>>;
  readonly configs?: Record<string, { readonly content: string }>;
}

let workspace: Workspace;
let apps: readonly AppPlan[];

beforeAll(async () => {
  workspace = await Workspace.create();
  await workspace.run(['run', '--config', CONFIG, '--reporter', 'silent']);
  ({ apps } = await workspace.readJson<PlanFile>('out/plan.json'));
  for (const app of apps) {
    await mkdir(workspace.path(`apps/${app.app}`), { recursive: true });
    execFileSync('tar', ['-xzf', archiveOf(app), '-C', workspace.path(`apps/${app.app}`)]);
  }
});
afterAll(async () => {
  await workspace.close();
});

const blob = (digest: string): string => workspace.path(`out/registry/blobs/sha256/${digest.slice('sha256:'.length)}`);
const archiveOf = ({ bundle }: AppPlan): string => blob(bundle!.digest);

describe('tar -xzf', () => {
  test('gives docker-compose.yml, first and without ./, and the support files', () => {
    expect(apps).toHaveLength(7);
    for (const app of apps) {
      const names = execFileSync('tar', ['-tzf', archiveOf(app)], { encoding: 'utf8' })
        .trimEnd()
        .split('\n');
      expect(names[0]).toBe('docker-compose.yml');
      expect(names.filter((name) => !name.endsWith('/'))).toEqual(['docker-compose.yml', ...(FILES[app.app] ?? [])]);
    }
  });

  test('gives owner 0, no time and one of two modes', () => {
    for (const app of apps) {
      const listing = execFileSync('tar', ['-tvzf', archiveOf(app)], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' },
      });
      for (const row of listing.trimEnd().split('\n')) {
        const mode = row.endsWith('scripts/probe.sh') ? 'rwxr-xr-x' : 'rw-r--r--';
        expect(row).toMatch(new RegExp(`^-${mode} 0/0 +[0-9]+ 1970-01-01 00:00 `));
      }
    }
  });

  test('gives the files as they are in the repository', async () => {
    expect(await workspace.read('apps/status-page/nginx.conf')).toBe(
      await workspace.read('samples/gateway/status-page/nginx.conf'),
    );
    expect(await workspace.read('apps/link-probe/scripts/probe.sh')).toBe(
      await workspace.read('samples/monitoring/link-probe.dockerapp/scripts/probe.sh'),
    );
    expect((await workspace.modeOf('apps/link-probe/scripts/probe.sh')) & 0o111).toBe(0o111);
  });
});

describe.skipIf(!hasCompose)(
  hasCompose ? 'docker-compose 1.x' : 'docker-compose 1.x: SKIPPED, it is not installed',
  () => {
    test('accepts every bundle, and every image is the index of the registry by digest', async () => {
      const layout = JSON.parse(await readFile(join(workspace.root, 'samples/images/index.json'), 'utf8')) as {
        manifests: { digest: string; mediaType: string }[];
      };
      const indexes = new Set(
        layout.manifests.filter(({ mediaType }) => /index|list/.test(mediaType)).map(({ digest }) => digest),
      );
      const texts = await Promise.all(
        apps.map(async ({ app }) => {
          const cwd = workspace.path(`apps/${app}`);
          const { stdout } = await run('docker-compose', ['-f', 'docker-compose.yml', 'config'], {
            cwd,
            env: { PATH: process.env.PATH },
          });
          return { app, stdout };
        }),
      );
      for (const { app, stdout } of texts) {
        const images = [...stdout.matchAll(/^ {4}image: (.*)$/gm)].map((match) => match[1] ?? '');
        expect(images.length, app).toBeGreaterThan(0);
        for (const image of images) {
          expect(image).toMatch(/^[^:@]+@sha256:[0-9a-f]{64}$/);
          expect(indexes).toContain(image.split('@')[1]);
        }
        expect(stdout.match(/io\.compose-spec\.config-hash/g)).toHaveLength(images.length);
      }
    });

    test('reads the values that docker-app gave', async () => {
      const cwd = workspace.path('apps/frame-archive');
      const { stdout } = await run('docker-compose', ['-f', 'docker-compose.yml', 'config'], {
        cwd,
        env: { PATH: process.env.PATH },
      });
      expect(stdout).toContain("SPOOL_MODE: '493'");
      expect(stdout).toMatch(/UPLOAD: ["']true["']/);
      expect(stdout).toContain('BUCKET: s3://riverbend-frames/weir-00');
      const overridden = await run('docker-compose', ['-f', 'docker-compose.yml', 'config'], {
        cwd,
        env: { PATH: process.env.PATH, station: 'weir-07' },
      });
      expect(overridden.stdout).toContain('BUCKET: s3://riverbend-frames/weir-07');
    });
  },
);

describe.skipIf(!hasSkopeo)(hasSkopeo ? 'skopeo' : 'skopeo: SKIPPED, it is not installed', () => {
  test('reads each published manifest, under its tag and with its digest', async () => {
    for (const { app, manifest } of apps) {
      const name = `oci:out/registry:hub.riverbend.example/riverbend/${app}:app-${manifest!.digest.slice(7, 19)}`;
      const { stdout } = await run('skopeo', ['--insecure-policy', 'inspect', '--raw', name], { cwd: workspace.root });
      expect(digestOf(stdout)).toBe(manifest!.digest);
      expect(JSON.parse(stdout)).toMatchObject({ annotations: { 'compose-app': 'v1' } });
    }
  });
});

describe.skipIf(missing.length > 0)(
  missing.length === 0 ? 'Docker Compose v5' : `Docker Compose v5: SKIPPED, ${missing.join(' and ')} not installed`,
  () => {
    let registry: DockerRegistry;

    beforeAll(async () => {
      registry = await startDockerRegistry();
      await mkdir(workspace.path('elsewhere'));
      for (const { app, manifest } of apps) {
        await pushBundle(registry.origin, {
          repository: `riverbend/${app}`,
          manifest: manifest!.digest,
          read: (digest) => readFile(blob(digest)),
        });
      }
    });
    afterAll(async () => {
      await registry.close();
    });

    /** The configuration in JSON, from a folder that says nothing. */
    async function config(folder: string, ...args: string[]): Promise<ComposeModel> {
      const { stdout } = await run(v5!, [...args, 'config', '--format', 'json'], {
        cwd: workspace.path(folder),
        env: { PATH: process.env.PATH, HOME: workspace.path('home') },
        maxBuffer: 1 << 24,
      });
      return JSON.parse(stdout);
    }

    const fromFolder = (app: string) => config(`apps/${app}`, '-f', 'docker-compose.yml');
    const fromRegistry = ({ app, manifest }: AppPlan) => {
      const reference = `${registry.host}/riverbend/${app}@${manifest!.digest}`;
      return config('elsewhere', '--insecure-registry', registry.host, '-f', `oci://${reference}`);
    };

    test('reads each bundle from the registry as it does from its folder', async () => {
      for (const plan of apps.filter(({ app }) => FILES[app] === undefined)) {
        expect(await fromRegistry(plan), plan.app).toEqual(await fromFolder(plan.app));
      }
    });

    test('has the mounted files as configs with the same content, and all else the same', async () => {
      for (const [app, path, target, mode] of [
        ['status-page', 'nginx.conf', '/etc/nginx/nginx.conf', '0444'],
        ['link-probe', 'scripts/probe.sh', '/probe.sh', '0555'],
      ] as const) {
        const { configs, services, ...rest } = await fromRegistry(apps.find((plan) => plan.app === app)!);
        const { services: local, ...localRest } = await fromFolder(app);
        expect(rest).toEqual(localRest);
        const [[name, { content }] = ['', { content: '' }]] = Object.entries(configs ?? {});
        // `config` escapes what it prints.
        expect(content.replaceAll('$$', '$')).toBe(await workspace.read(`apps/${app}/${path}`));
        const user = Object.keys(services).find((service) => services[service]?.configs !== undefined)!;
        const { configs: grants, ...service } = services[user]!;
        const { volumes, ...localService } = local[user]!;
        expect(grants).toEqual([{ source: name, target, mode }]);
        expect(volumes).toHaveLength(1);
        expect(service).toEqual(localService);
      }
    });

    test('takes the values of the user who runs it', async () => {
      const plan = apps.find(({ app }) => app === 'link-probe')!;
      const reference = `${registry.host}/riverbend/${plan.app}@${plan.manifest!.digest}`;
      const { stdout } = await run(v5!, ['--insecure-registry', registry.host, '-f', `oci://${reference}`, 'config'], {
        cwd: workspace.path('elsewhere'),
        env: { PATH: process.env.PATH, HOME: workspace.path('home'), probe_pause: '9m' },
      });
      expect(stdout).toContain('PAUSE: 9m');
    });
  },
);
