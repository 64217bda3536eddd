import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { type Git, type GitCall, requireGit } from './git-command.ts';
import type { GitPlace } from './git-dir.ts';
import { hashObject } from './git-object.ts';
import type { GitObjects } from './git-objects.ts';

/** A file of a new commit; `path` relative to the folder of the repository that is read. */
export interface CommitFile {
  readonly path: string;
  readonly executable: boolean;
  readonly bytes: Uint8Array;
}

/** A commit on top of one that is there. */
export interface NewCommit {
  readonly git: Git;
  readonly place: GitPlace;
  readonly objects: GitObjects;
  /** Full id. */
  readonly parent: string;
  readonly files: readonly CommitFile[];
  /** Paths that the commit takes away. */
  readonly removed?: readonly string[];
  readonly message: string;
  /** `Name <address>`; author and committer. */
  readonly author: string;
  /** Seconds since 1970, UTC. */
  readonly seconds: number;
}

/**
 * Writes a commit to a new branch, by plumbing alone: no checkout, no index and no hook takes part, and a bare repository does as well. Gives undefined where nothing
 * would change. A branch of that name that holds the same change on the same commit is fine as it is; any other is an error, OUTPUT_UNSAFE.
 */
export async function writeBranch(commit: NewCommit, branch: string): Promise<{ readonly commit: string } | undefined> {
  const { git, place, objects, parent } = commit;
  const name = `refs/heads/${branch}`;
  const check = await git.run(['check-ref-format', name]);
  if (!check.ok || branch.startsWith('-')) {
    throw new RebundleError('USAGE', `'${escapeTerminal(branch)}' is no name for a branch`);
  }
  const what = `the branch ${escapeTerminal(branch)} cannot be written`;
  const dir = `--git-dir=${place.gitDir}`;
  const temporary = `refs/rebundle/new-${hashObject({ id: parent, type: 'commit' }, Buffer.from(`${branch}\n${commit.message}`)).slice(0, 16)}`;
  try {
    const made = await importCommit(commit, { gitDir: place.gitDir, ref: temporary });
    if (made === undefined) return undefined;
    const there = await readCommitHeader(objects, name);
    if (there !== undefined) {
      const fresh = await readCommitHeader(objects, made);
      if (there.tree === fresh?.tree && there.parents.join() === parent) return { commit: there.id };
      throw new RebundleError(
        'OUTPUT_UNSAFE',
        `the branch ${escapeTerminal(branch)} is there already, with another content`,
        {
          hint: 'Choose another name, or delete that branch.',
        },
      );
    }
    const none = '0'.repeat(parent.length);
    await requireGit(git, [dir, 'update-ref', '--no-deref', '--', name, made, none], { what });
    return { commit: made };
  } finally {
    await git.run([dir, 'update-ref', '--no-deref', '-d', temporary]);
  }
}

/** The same commit as a mail that `git am` takes. Nothing is written to the repository. Gives undefined where nothing would change. */
export async function formatPatch(commit: NewCommit): Promise<Buffer | undefined> {
  const { git, place, parent } = commit;
  const scratch = await mkdtemp(join(tmpdir(), 'rebundle-patch-'));
  try {
    const format = parent.length === 64 ? ['--object-format=sha256'] : [];
    const what = 'the patch cannot be made';
    await requireGit(git, ['init', '--quiet', '--bare', '--template=', ...format, scratch], { what });
    // Where history was cut, the scratch repository has to know it, too.
    await copyFile(join(place.commonDir, 'shallow'), join(scratch, 'shallow')).catch(() => {});
    const call: GitCall = {
      variables: { GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(join(place.commonDir, 'objects')) },
    };
    const made = await importCommit(commit, { gitDir: scratch, ref: 'refs/heads/patch', call });
    if (made === undefined) return undefined;
    const form = [
      '--no-ext-diff',
      '--no-textconv',
      '--full-index',
      '--binary',
      '--no-signature',
      '--no-renames',
      '--no-color',
    ];
    const range = `${parent}..${made}`;
    const args = [
      `--git-dir=${scratch}`,
      'format-patch',
      '--stdout',
      '--zero-commit',
      '--no-base',
      ...form,
      range,
      '--',
    ];
    const print = (): Promise<Buffer> => requireGit(git, args, { ...call, what, maxOutput: 512 * 1024 * 1024 });
    const patch = await print();
    if (!patch.includes('\r')) return patch;
    await mkdir(join(scratch, 'info'), { recursive: true });
    await writeFile(join(scratch, 'info', 'attributes'), '* -diff\n');
    return keepReturns(patch, await print());
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** `git am` takes carriage returns out of lines: files that have some come from the binary form of the same patch. */
function keepReturns(patch: Buffer, binary: Buffer): Buffer {
  const [texts, binaries] = [patch, binary].map((bytes) => bytes.toString('latin1').split(/^(?=diff --git )/m));
  const parts = (texts ?? []).map((text, i) => (text.includes('\r') ? (binaries?.[i] ?? text) : text));
  return Buffer.from(parts.join(''), 'latin1');
}

/** Makes the commit and gives its id; undefined where every file is there already. */
async function importCommit(
  commit: NewCommit,
  to: { readonly gitDir: string; readonly ref: string; readonly call?: GitCall },
): Promise<string | undefined> {
  const { git, place, objects, parent, message, author, seconds, removed = [] } = commit;
  const inRepository = (path: string): string => (place.prefix === '' ? path : `${place.prefix}/${path}`);
  const changed: CommitFile[] = [];
  for (const file of commit.files) if (!(await isThere(file))) changed.push(file);
  if (changed.length === 0 && removed.length === 0) return undefined;
  const identity = `${author} ${seconds} +0000`;
  const text = Buffer.from(message.endsWith('\n') ? message : `${message}\n`);
  const parts: Uint8Array[] = [
    Buffer.from(`commit ${to.ref}\nmark :1\nauthor ${identity}\ncommitter ${identity}\ndata ${text.byteLength}\n`),
    text,
    Buffer.from(`\nfrom ${parent}\n`),
    ...removed.map((path) => Buffer.from(`D ${quotePath(inRepository(path))}\n`)),
  ];
  for (const { path, executable, bytes } of changed.toSorted((a, b) => compareText(a.path, b.path))) {
    const mode = executable ? '100755' : '100644';
    parts.push(
      Buffer.from(`M ${mode} inline ${quotePath(inRepository(path))}\ndata ${bytes.byteLength}\n`),
      bytes,
      Buffer.from('\n'),
    );
  }
  parts.push(Buffer.from('get-mark :1\ndone\n'));
  const output = await requireGit(
    git,
    [`--git-dir=${to.gitDir}`, 'fast-import', '--quiet', '--done', '--force', '--date-format=raw', '--cat-blob-fd=1'],
    { ...to.call, input: Buffer.concat(parts), what: 'the commit cannot be written' },
  );
  return output.toString('latin1').trim();

  async function isThere({ path, executable, bytes }: CommitFile): Promise<boolean> {
    const known = await objects.info(`${parent}:${inRepository(path)}`);
    if (known === undefined || known.size !== bytes.byteLength) return false;
    if (hashObject({ id: known.id, type: 'blob' }, bytes) !== known.id) return false;
    const folder = inRepository(path).split('/').slice(0, -1).join('/');
    const tree = await objects.contents(`${parent}:${folder}`);
    const name = Buffer.from(`${executable ? '100755' : '100644'} ${path.split('/').at(-1)}\0`);
    return tree?.bytes.includes(name) === true;
  }
}

async function readCommitHeader(objects: GitObjects, name: string) {
  const found = await objects.contents(`${name}^{commit}`);
  if (found === undefined) return undefined;
  const head = found.bytes.toString('utf8').split('\n\n', 1)[0] ?? '';
  const tree = /^tree ([0-9a-f]+)$/m.exec(head)?.[1] ?? '';
  return { id: found.id, tree, parents: [...head.matchAll(/^parent ([0-9a-f]+)$/gm)].map(([, id = '']) => id) };
}

/** A path in the C form of git, which has a spelling for every byte. */
function quotePath(path: string): string {
  const bytes = [...Buffer.from(path)].map((byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte < 0x20 || byte > 0x7e ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte);
  });
  return `"${bytes.join('')}"`;
}
