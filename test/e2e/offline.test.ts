import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HostileServer } from '../support/hostile-server.ts';
import { plainPackage, startImageServer } from '../support/plain-factory.ts';
import { Workspace } from './cli.ts';

/** Runs what follows where there is no network at all. */
const CUT_OFF = ['unshare', '--map-root-user', '--net'];
const canCutOff = spawnSync('unshare', [...CUT_OFF.slice(1), 'true']).status === 0;

let workspace: Workspace;
let server: HostileServer;

beforeEach(async () => {
  server = await startImageServer();
  workspace = await Workspace.create({ samples: false });
  await workspace.write('apps/web.dockerapp', plainPackage('web', `${server.host}/tools/proxy:1`));
  await workspace.write(
    'rebundle.yml',
    'registry: hub.example.com\nfactory: acme\nimages: { tag: v1 }\nrepositories: [apps]\nhttp: { attempts: 1 }\npublish: { to: "oci-layout:layout" }\n',
  );
});
afterEach(async () => {
  await workspace.close();
  await server.close();
});

const skipped = canCutOff ? '' : ': SKIPPED, this user may not go without a network';
test.runIf(canCutOff)(
  `--offline needs no network${skipped}: what was planned with one is published without`,
  async () => {
    const planned = await workspace.run(['plan']);
    expect(planned.status).toBe(2);
    const online = await workspace.run(['plan', '--out', 'other'], { prefix: CUT_OFF });
    expect([online.status, online.stdout]).toEqual([1, '']);
    const offline = await workspace.run(['run', '--offline'], { prefix: CUT_OFF });
    expect([offline.status, offline.stdout]).toEqual([0, planned.stdout]);
    const frozen = await workspace.run(['run', '--offline', '--frozen', 'out/plan.json', '--out', 'other'], {
      prefix: CUT_OFF,
    });
    expect([frozen.status, frozen.stdout]).toEqual([0, planned.stdout]);
  },
);
