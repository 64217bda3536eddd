import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONFIG, referencesIn, Workspace } from '../e2e/cli.ts';
import { type DockerRegistry, hasDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { findComposeV5, requireProgram } from '../support/programs.ts';

const run = promisify(execFile);
const hasRegistry = hasDockerRegistry();
const composeV5 = findComposeV5();
const hasCompose = requireProgram('docker-compose');

let server: DockerRegistry;
let workspace: Workspace;
let references: Record<string, string>;

beforeAll(async () => {
  if (!hasRegistry) return;
  server = await startDockerRegistry({ inMemory: true });
  workspace = await Workspace.create();
  const config = await workspace.read(CONFIG);
  await workspace.write(CONFIG, config.replace('to: oci-layout:../out/registry', `to: "${server.host}"`));
  references = referencesIn((await workspace.run(['run', '--config', CONFIG, '--reporter', 'silent'])).stdout);
});
afterAll(async () => {
  await server?.close();
  await workspace?.close();
});

test.runIf(hasRegistry)('what is in a real registry is verified whole', async () => {
  const { status, stdout } = await workspace.run(['verify', '--config', CONFIG, ...Object.values(references)]);
  expect([status, stdout]).toEqual([0, expect.stringContaining('(0 errors, 0 warnings, 0 notes)')]);
});

test.runIf(hasRegistry)('what is pulled from a real registry is what composes of both generations run', async () => {
  for (const [app, reference] of Object.entries(references)) {
    const { status } = await workspace.run(['pull', reference, '-o', app, '--config', CONFIG, '--reporter', 'silent']);
    expect(status).toBe(0);
    const file = workspace.path(`${app}/docker-compose.yml`);
    const images = [...(await workspace.read(`${app}/docker-compose.yml`)).matchAll(/@sha256:[0-9a-f]{64}/g)].map(
      String,
    );
    if (hasCompose) {
      const { stdout } = await run('docker-compose', ['-f', file, 'config']);
      expect(images).toEqual(expect.arrayContaining(stdout.match(/@sha256:[0-9a-f]{64}/g) ?? []));
    }
    if (composeV5 !== undefined) {
      const { stdout } = await run(composeV5, ['-f', file, 'config', '--format', 'json']);
      expect(JSON.parse(stdout).name).toBe(app);
    }
  }
});
