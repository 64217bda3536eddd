import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { FileEntry } from '../model/app.ts';
import type { GitObjects } from './git-objects.ts';

/** As many as a folder may have, trees counted. */
const MAX_ENTRIES = 200_000;
const MAX_DEPTH = 200;
const MAX_PATH = 4096;
const MAX_TREE_BYTES = 32 * 1024 * 1024;
const MAX_LINKS = 40;
const SPACE = 32;
const ZERO = 48;

export interface TreeEntry {
  readonly path: string;
  readonly kind: 'file' | 'executable' | 'symlink' | 'directory' | 'submodule' | 'other';
  readonly id: string;
}

/**
 * All entries below a tree, any order. A tree is read whole before those in it, so that all of one depth travel together. `node_modules` and `.git` are left
 * out, as of a folder. Throws SOURCE_LIMIT, and SOURCE_UNREADABLE for trees that git itself would not check out.
 */
export async function walkTree(objects: GitObjects, root: string): Promise<TreeEntry[]> {
  const found: TreeEntry[] = [];
  // Equal folders are one object: a small repository may name them without end.
  const trees = new Map<string, ReturnType<typeof readTree>>();
  const treeOf = (id: string): ReturnType<typeof readTree> => {
    const known = trees.get(id) ?? readTree(objects, id);
    trees.set(id, known);
    return known;
  };
  let level: { readonly path: string; readonly id: string }[] = [{ path: '', id: root }];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw limit(`has folders more than ${MAX_DEPTH} deep`);
    const read = await Promise.all(level.map(({ id }) => treeOf(id)));
    const next: typeof level = [];
    for (const [i, tree] of read.entries()) {
      const folder = level[i]?.path ?? '';
      for (const { name, mode, id } of tree) {
        const path = folder === '' ? name : `${folder}/${name}`;
        if (name === 'node_modules' || name.toLowerCase() === '.git') continue;
        if (path.length > MAX_PATH) throw limit('has a path that is too long');
        if (found.length >= MAX_ENTRIES) throw limit(`has more than ${MAX_ENTRIES} files and folders`);
        const kind = kindOf(mode, name);
        found.push({ path, kind, id });
        if (kind === 'directory') next.push({ path, id });
      }
    }
    level = next;
  }
  return found;
}

function limit(what: string): RebundleError {
  return new RebundleError('SOURCE_LIMIT', `the repository ${what}`, {
    hint: 'Name the folder that holds the packages, not one above it.',
  });
}

/** Folders with a line break, and names that are not UTF-8, cannot be given back: they are listed, and not looked into. */
function kindOf(mode: number, name: string): TreeEntry['kind'] {
  if (name.includes('\ufffd')) return 'other';
  switch (mode & 0o170000) {
    case 0o040000:
      return /[\n\r\u2028\u2029]/.test(name) ? 'other' : 'directory';
    case 0o120000:
      return 'symlink';
    case 0o160000:
      return 'submodule';
    case 0o100000:
      return (mode & 0o111) === 0 ? 'file' : 'executable';
    default:
      return 'other';
  }
}

async function readTree(objects: GitObjects, id: string) {
  const tree = await objects.contents(id);
  if (tree === undefined || tree.type !== 'tree') {
    throw new RebundleError('SOURCE_UNREADABLE', `the repository is incomplete: the tree ${id} is missing`, {
      hint: 'Run git fsck in the repository, or clone it again.',
    });
  }
  if (tree.size > MAX_TREE_BYTES) throw limit('has a folder with too many entries');
  return parseTree(tree);
}

/** The form of a tree object: `MODE NAME\0` and the bytes of the id, again and again. */
export function parseTree({ id: treeId, bytes }: { readonly id: string; readonly bytes: Buffer }) {
  const idLength = treeId.length / 2;
  const entries: { readonly name: string; readonly mode: number; readonly id: string }[] = [];
  const names = new Set<string>();
  for (let at = 0; at < bytes.byteLength; ) {
    let mode = 0;
    for (; bytes[at] !== SPACE; at += 1) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 7 || mode > 0o7777777) throw damaged('a folder is cut short');
      mode = mode * 8 + digit;
    }
    const end = bytes.indexOf(0, at);
    const next = end + 1 + idLength;
    if (end < 0 || next > bytes.byteLength) throw damaged('a folder is cut short');
    const name = bytes.toString('utf8', at + 1, end);
    if (name === '' || name === '.' || name === '..' || name.includes('/')) {
      throw damaged(`a folder has an entry named '${escapeTerminal(name)}'`);
    }
    if (names.has(name) && !name.includes('\ufffd')) throw damaged(`two entries are named '${escapeTerminal(name)}'`);
    names.add(name);
    entries.push({ name, mode, id: bytes.toString('hex', end + 1, next) });
    at = next;
  }
  return entries;
}

function damaged(what: string): RebundleError {
  return new RebundleError('SOURCE_UNREADABLE', `the repository is damaged: ${what}`, {
    hint: 'Run git fsck in the repository.',
  });
}

/** Follows links within a tree as the system would in a checkout: gives the path without links, undefined where it leads out or nowhere. */
export function createLinkResolver(
  links: ReadonlyMap<string, string>,
  modes: Pick<ReadonlyMap<string, FileEntry['mode']>, 'get' | 'has'>,
): (path: string) => string | undefined {
  return (path) => {
    let rest = path.split('/').reverse();
    const at: string[] = [];
    for (let hops = 0; rest.length > 0; ) {
      const name = rest.pop() ?? '';
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (at.length === 0) return undefined;
        at.pop();
        continue;
      }
      const next = [...at, name].join('/');
      const link = links.get(next);
      if (link === undefined) {
        // Only a folder can be gone through, also by `x/..`.
        if (rest.length > 0 && modes.get(next) !== 'directory') return undefined;
        at.push(name);
        continue;
      }
      hops += 1;
      if (hops > MAX_LINKS || link.startsWith('/')) return undefined;
      rest = [...rest, ...link.split('/').reverse()];
    }
    const found = at.join('/');
    return found !== '' && modes.has(found) ? found : undefined;
  };
}
