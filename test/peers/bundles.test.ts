import { execFile, execFileSync } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/lib/digest.ts';
import type { AppPlan, MigrationPlan } from '../../src/model/plan.ts';
import { CONFIG, Workspace } from '../e2e/cli.ts';
import { requireProgram } from '../support/programs.ts';

const hasCompose = requireProgram('docker-compose');
const hasSkopeo = requireProgram('skopeo');
const run = promisify(execFile);
const FILES: Record<string, string[]> = {
  'link-probe': ['runbook.md', 'scripts/probe.sh'],
  'status-page': ['nginx.conf'],
};

let workspace: Workspace;
let apps: readonly AppPlan[];

beforeAll(async () => {
  workspace = await Workspace.create();
  await workspace.run(['run', '--config', CONFIG, '--reporter', 'silent']);
  ({ apps } = await workspace.readJson<MigrationPlan>('out/plan.json'));
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
