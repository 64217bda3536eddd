import { afterEach, beforeEach, expect, test } from 'vitest';
import { CONFIG, referencesIn, Workspace } from './cli.ts';

const FOLDER = 'samples/gateway/field-page';
const COMPOSE = `# written by hand
services:
  web:
    image: IMAGE
    ports: ["\${PAGE_PORT-8081}:80"]
    volumes:
      - ./index.html:/usr/share/nginx/html/index.html:ro
`;

let workspace: Workspace;

beforeEach(async () => {
  workspace = await Workspace.create();
  const page = await workspace.read('samples/gateway/status-page.dockerapp');
  const [, image = ''] = /image: (\S+)/.exec(page) ?? [];
  await workspace.write(`${FOLDER}/docker-compose.yml`, COMPOSE.replace('IMAGE', image));
  await workspace.write(`${FOLDER}/index.html`, '<p>field</p>\n');
  await workspace.write(`${FOLDER}/README.md`, 'not mounted\n');
  await workspace.write(
    CONFIG,
    (await workspace.read(CONFIG)).replace('  include: []', '  include: []\n  compose: true'),
  );
});
afterEach(async () => {
  await workspace.close();
});

const run = (...args: string[]) => workspace.run([...args, '--config', CONFIG, '--reporter', 'silent']);

test('a folder with a compose file is an app of the new style: scanned, converted as it is, run, and run again', async () => {
  const { stdout } = await run('scan');
  expect(stdout).toContain('selected\tfield-page\tcompose\tgateway/field-page\n');
  expect((await run('convert', '--out', 'converted')).status).toBe(0);
  expect([...(await workspace.listing('converted/apps/field-page')).keys()]).toEqual([
    'docker-compose.yml',
    'index.html',
  ]);
  expect(await workspace.read('converted/apps/field-page/docker-compose.yml')).toBe(
    await workspace.read(`${FOLDER}/docker-compose.yml`),
  );

  const first = await run('run');
  expect(first.status, first.stderr).toBe(0);
  const uri = referencesIn(first.stdout)['field-page'];
  expect(uri).toMatch(/^hub\.riverbend\.example\/riverbend\/field-page@sha256:[0-9a-f]{64}$/);
  const text = await workspace.read('out/targets.json');
  const { targets } = JSON.parse(text);
  const { docker_apps, docker_compose_apps } = targets['raspberrypi4-64-lmp-42'].custom;
  expect(docker_apps).not.toHaveProperty('field-page');
  expect(docker_compose_apps['field-page']).toEqual({ uri });
  const again = await run('run');
  expect([again.status, again.stdout]).toEqual([0, first.stdout]);
  expect(await workspace.read('out/targets.json')).toBe(text);
  const verified = await workspace.run(['verify', '--config', CONFIG, uri ?? '']);
  expect(verified.status, verified.stderr).toBe(0);
});

test('a mistake in it is told at its place, and holds the targets back', async () => {
  await workspace.write(`${FOLDER}/docker-compose.yml`, 'services:\n  web:\n    portz: []\n');
  const { status, stderr } = await workspace.run(['run', '--config', CONFIG, '--reporter', 'lines']);
  expect(status).toBe(1);
  expect(stderr).toMatch(/field-page\/docker-compose\.yml:3/);
  expect(workspace.exists('out/targets.json')).toBe(false);
});
