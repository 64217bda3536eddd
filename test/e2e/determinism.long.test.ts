import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Workspace } from './cli.ts';
import { digestsOfRun } from './variants.ts';

/** Majors of Node that have to give the same bytes as the one that runs the tests. */
const VERSIONS = ['20', '24'];

let base: Workspace;
let expected: Record<string, string>;

beforeAll(async () => {
  base = await Workspace.create();
  expected = await digestsOfRun(base);
});
afterAll(async () => {
  await base.close();
});

/** The path of a Node of that major version, undefined where it cannot be had. */
function findNode(major: string): string | undefined {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const print = 'console.log(process.execPath + " " + process.versions.node)';
  const { stdout } = spawnSync('npx', ['-y', '-p', `node@${major}`, 'node', '-e', print], { encoding: 'utf8' });
  const [path, version] = (stdout ?? '').trim().split('\n').at(-1)?.split(' ') ?? [];
  return version?.startsWith(`${major}.`) === true ? path : undefined;
}

for (const major of VERSIONS) {
  const node = findNode(major);
  if (node === undefined && process.env.CI === 'true')
    throw new Error(`Node ${major} cannot be had, and CI must not skip its test`);
  test.skipIf(node === undefined)(
    node === undefined ? `Node ${major}: SKIPPED, it cannot be had` : `the same bytes under Node ${major}`,
    async () => {
      const workspace = await Workspace.create();
      try {
        // The program is started by that Node: the words before it swallow the path of this one.
        const prefix = ['sh', '-c', `shift; exec "${node}" "$@"`, 'sh'];
        expect(await digestsOfRun(workspace, { prefix })).toEqual(expected);
      } finally {
        await workspace.close();
      }
    },
  );
}
