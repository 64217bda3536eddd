import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { FileEntry } from '../../src/model/app.ts';
import { createGitSource } from '../../src/source/git.ts';
import { createGit } from '../../src/source/git-command.ts';
import { createGitPool } from '../../src/source/git-pool.ts';
import { GitFolder } from '../support/git-repository.ts';

const name = fc.constantFrom('a', 'b.dockerapp', 'c', 'näme', 'x y');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.nat(5).map((i) => Array.from({ length: 200 }, (_, k) => (k === i * 30 ? 'x' : `line ${k}`)).join('\n')),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), path, text, executable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('link' as const), path, text: path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), path }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('git' as const),
      args: fc.constantFrom<(readonly string[])[]>(
        ['gc', '--quiet'],
        ['repack', '-d', '--quiet'],
        ['-c', 'repack.useDeltaBaseOffset=false', 'repack', '-a', '-d', '-f', '--quiet'],
        ['pack-refs', '--all'],
        ['tag', '-f', '-a', 'wanted', '-m', 'x'],
        ['branch', '-f', 'side'],
      ),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(folder: GitFolder, each: Step): void {
  if (each.do === 'git') folder.git('r', ...each.args);
  else if (each.do === 'commit') folder.commit('r');
  else change(folder, each);
}

function change(folder: GitFolder, each: Exclude<Step, { readonly do: 'git' | 'commit' }>): void {
  const at = folder.path(`r/${each.path}`);
  try {
    if (each.do === 'remove') rmSync(at, { recursive: true, force: true });
    else if (each.do === 'link') symlinkSync(each.text, at);
    else {
      folder.write(`r/${each.path}`, each.text);
      chmodSync(at, each.executable ? 0o755 : 0o644);
    }
  } catch {
    // A file where a folder is, or the other way round.
  }
}

/** All that a source says of a ref: entries, paths, contents, the commit. */
async function readAllOf(root: string, ref: string, program: string): Promise<unknown> {
  const pool = createGitPool();
  try {
    const git = createGit({ env: process.env, program });
    const source = createGitSource({ git, pool, repository: 'r', path: root, ref });
    const paths = new Map<string, string>();
    for await (const entry of source.listPaths?.() ?? []) paths.set(entry.path, entry.mode);
    const entries = new Map<string, readonly [FileEntry, string | undefined]>();
    for await (const entry of source.list()) {
      const isFile = entry.mode === 'file' || entry.mode === 'executable';
      const content = isFile ? (await source.read(entry.path, 100_000)).toString('base64') : undefined;
      entries.set(entry.path, [entry, content]);
    }
    expect(paths).toEqual(new Map([...entries].map(([each, [{ mode }]]) => [each, mode])));
    return { commit: source.origin.commit, entries };
  } finally {
    pool.close();
  }
}

/** Any history is read the same from files, with no git at all, and by git. */
export async function checkHistories(numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const folder = new GitFolder();
      try {
        await checkHistory(folder, steps);
      } finally {
        folder.close();
      }
    }),
    { numRuns },
  );
}

async function checkHistory(folder: GitFolder, steps: readonly Step[]): Promise<void> {
  folder.init('r');
  folder.commit('r');
  folder.git('r', 'branch', 'side');
  folder.git('r', 'tag', '-a', 'wanted', '-m', 'x');
  for (const each of steps) take(folder, each);
  folder.commit('r');
  const root = folder.path('r');
  const refs = ['HEAD', 'side', 'wanted'];
  const direct: unknown[] = [];
  for (const ref of refs) direct.push(await readAllOf(root, ref, '/nonexistent/git'));
  // git passes over what it does not know in the oldest form of a repository; this program does not.
  folder.git('r', 'config', 'extensions.unknown', 'true');
  for (const [i, ref] of refs.entries()) {
    await expect(readAllOf(root, ref, '/nonexistent/git')).rejects.toThrow('there is no program git');
    expect(direct[i]).toEqual(await readAllOf(root, ref, 'git'));
  }
}
