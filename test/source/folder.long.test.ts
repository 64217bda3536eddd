import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFolderSource } from '../../src/source/folder.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rebundle-source-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function countEntries(): Promise<number> {
  let count = 0;
  for await (const entry of createFolderSource({ root, repository: 'containers' }).list())
    count += entry.path === '' ? 0 : 1;
  return count;
}

test('a folder source lists 200,000 entries and refuses one more', async () => {
  execFileSync('sh', ['-c', 'cd "$1" && seq 200000 | xargs touch', 'sh', root]);
  expect(await countEntries()).toBe(200_000);
  execFileSync('touch', [join(root, 'one-more')]);
  await expect(countEntries()).rejects.toMatchObject({
    code: 'SOURCE_LIMIT',
    message: expect.stringContaining('200000'),
  });
});
