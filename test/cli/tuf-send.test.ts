import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CliEnvironment } from '../../src/cli/environment.ts';
import { openPlaces } from '../../src/cli/places.ts';
import { openTufRepo } from '../../src/cli/tuf-files.ts';
import { parseConfig, resolvePaths } from '../../src/config.ts';
import { createAuthority } from '../support/certificates.ts';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';

const TOKEN = 'planted-tuf-token';
let folder: string;
let server: ScriptedServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rebundle-tuf-'));
  const authority = await createAuthority();
  await writeFile(join(folder, 'ca.pem'), authority.certificate);
  const { certificate, key } = await authority.issue('tuf');
  server = await startScriptedServer((_, response) => response.writeHead(200).end('targets'), {
    cert: certificate,
    key,
  });
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function readTargets(more: string): Promise<string | undefined> {
  const parsed = parseConfig(
    `targets: { repo: '${server.origin}/api/v1/user_repo', tags: main }\n${more}`,
    'rebundle.yml',
  );
  const config = resolvePaths(parsed, folder, (base, path) => resolve(base, path));
  const environment = {
    cwd: folder,
    env: { HOME: folder, REBUNDLE_TUF_TOKEN: TOKEN },
    now: () => Date.now(),
    signal: new AbortController().signal,
  } as unknown as CliEnvironment;
  const places = openPlaces({ config, environment, emit: () => {} });
  try {
    const repo = await openTufRepo(config.targets!, { environment, emit: () => {}, http: places.http });
    return (await repo.readTargets())?.bytes.toString();
  } finally {
    await places.close();
  }
}

test('the settings of a host hold for the TUF repository there', async () => {
  expect(await readTargets(`hosts: { "${new URL(server.origin).host}": { ca: ca.pem } }\n`)).toBe('targets');
  expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
});

test('without them an authority that nobody knows is an error that names the setting', async () => {
  const error = await readTargets('').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'TARGETS_UNREACHABLE', hint: expect.stringContaining('ca:') });
  expect(server.requests).toEqual([]);
  expect(JSON.stringify(error) + String(error)).not.toContain(TOKEN);
});
