import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { GitPlace } from './git-dir.ts';
import { hasCode, readOptionalFile } from './git-file.ts';
import { readLooseObject } from './git-loose.ts';
import { type GitObject, hashObject } from './git-object.ts';
import { openPack, type Pack } from './git-pack.ts';
import { isFullId, resolveName } from './git-refs.ts';
import { parseTree } from './git-tree.ts';

/** Larger objects are left to git, which streams them. */
const MAX_OBJECT = 1024 * 1024;
const MAX_CONFIG = 256 * 1024;
const MAX_PACKED_REFS = 8 * 1024 * 1024;
const MAX_PACKS = 32;
const MAX_TAGS = 8;
/** Extensions of a repository that change nothing about where its refs and objects are. */
const KNOWN_EXTENSIONS = ['noop', 'preciousobjects', 'partialclone', 'worktreeconfig', 'objectformat'];

/**
 * The refs and objects of a repository, read from its files. It answers only what is certain: undefined means that git has to be asked, be it that something is
 * missing, damaged, large, of another form than usual, or changing at this moment. A content is checked against its id.
 */
export interface GitStore {
  readonly find: (name: string, wantsContent: boolean) => GitObject | undefined;
  /** Lets go of the files; they are opened again when they are needed. */
  readonly close: () => void;
}

/** What all of a repository shares. */
interface Layout {
  readonly packedRefs: string;
  readonly objectsDir: string;
}

export function createGitStore({ gitDir, commonDir }: Pick<GitPlace, 'gitDir' | 'commonDir'>): GitStore {
  let layout: Layout | 'unusual' | undefined;
  let opened: { readonly idLength: number; readonly packs: Pack[] } | undefined;

  const close = (): void => {
    for (const pack of opened?.packs ?? []) pack.close();
    opened = undefined;
    layout = undefined;
    last = undefined;
  };

  const layoutOf = (): Layout | undefined => {
    layout ??= readLayout(commonDir) ?? 'unusual';
    return layout === 'unusual' ? undefined : layout;
  };

  const packsOf = (objectsDir: string, idLength: number): Pack[] => {
    if (opened?.idLength !== idLength) {
      for (const pack of opened?.packs ?? []) pack.close();
      opened = { idLength, packs: [] };
      openPacks(join(objectsDir, 'pack'), idLength, opened.packs);
    }
    return opened.packs;
  };

  let last: GitObject | undefined;
  const read = (id: string, wantsContent: boolean): GitObject | undefined => {
    // Names lead through a commit and its tree, which are asked for next.
    if (last?.id === id) return last;
    const objectsDir = layoutOf()?.objectsDir;
    if (objectsDir === undefined) return undefined;
    const options = { limit: MAX_OBJECT, wantsContent };
    const packs = packsOf(objectsDir, id.length / 2);
    const found = readPacked(packs, id, options) ?? readLooseObject(objectsDir, id, options);
    if (found === undefined || !wantsContent) return found;
    if (hashObject(found, found.bytes) !== id) return undefined;
    last = found;
    return found;
  };

  /** The commit that a commit or an annotated tag stands for. */
  const peel = (id: string): string | undefined => {
    let at = id;
    for (let tags = 0; tags <= MAX_TAGS; tags += 1) {
      const object = read(at, true);
      if (object?.type === 'commit') return at;
      if (object?.type !== 'tag') return undefined;
      const target = /^object ([0-9a-f]+)\n/.exec(object.bytes.toString('latin1', 0, 80))?.[1];
      if (target === undefined) return undefined;
      at = target;
    }
    return undefined;
  };

  const treeOf = (commit: string): string | undefined => {
    const object = read(commit, true);
    if (object?.type !== 'commit') return undefined;
    return /^tree ([0-9a-f]+)\n/.exec(object.bytes.toString('latin1', 0, 80))?.[1];
  };

  /** The tree of a folder in a commit. */
  const folderOf = (commit: string, path: string): string | undefined => {
    let tree = treeOf(commit);
    for (const name of path === '' ? [] : path.split('/')) {
      const object = tree === undefined ? undefined : read(tree, true);
      tree = object?.type === 'tree' ? parseTree(object).find((entry) => entry.name === name)?.id : undefined;
    }
    return tree;
  };

  const resolve = (name: string): string | undefined => {
    if (isFullId(name)) return name;
    const folder = /^([0-9a-f]{40}|[0-9a-f]{64}):([^:]*)$/s.exec(name);
    if (folder !== null) return folderOf(folder[1] ?? '', folder[2] ?? '');
    const peeled = /^(.*)\^\{(commit|tree)\}$/s.exec(name);
    const places = { gitDir, commonDir, packed: layoutOf()?.packedRefs ?? '' };
    const id = resolveName(peeled?.[1] ?? name, places);
    if (peeled === null || id === undefined) return id;
    const commit = peel(id);
    return commit === undefined || peeled[2] === 'commit' ? commit : treeOf(commit);
  };

  return {
    find: (name, wantsContent) => {
      try {
        const id = resolve(name);
        if (id === undefined) return undefined;
        return read(id, wantsContent || id !== name);
      } catch (error) {
        if (hasCode(error)) return undefined;
        throw error;
      }
    },
    close,
  };
}

/** Undefined for a repository that keeps its objects or refs in ways that only git knows. */
function readLayout(commonDir: string): Layout | undefined {
  const config = readOptionalFile(join(commonDir, 'config'), MAX_CONFIG)?.toString('latin1') ?? '';
  if (!isUsual(config)) return undefined;
  const packedRefs = readOptionalFile(join(commonDir, 'packed-refs'), MAX_PACKED_REFS)?.toString('latin1') ?? '';
  // Objects that stand in for others.
  const isReplaced = packedRefs.includes(' refs/replace/') || existsSync(join(commonDir, 'refs', 'replace'));
  return isReplaced ? undefined : { packedRefs, objectsDir: join(commonDir, 'objects') };
}

/** Whether the format that a configuration names is one that is known here. */
function isUsual(config: string): boolean {
  const version = /^\s*(?:\[core\]\s*)?repositoryformatversion\s*=\s*"?([^\s"#;]*)/gim;
  if ([...config.matchAll(version)].some(([, value]) => value !== '0' && value !== '1')) return false;
  if (!/\[\s*extensions/i.test(config)) return true;
  const names = config
    .split(/\[\s*extensions\s*\]/i)
    .slice(1)
    .flatMap((part) =>
      (part.split(/^\s*\[/m)[0] ?? '').split('\n').map((line) => /^\s*([A-Za-z][\w-]*)/.exec(line)?.[1]?.toLowerCase()),
    );
  return names.every((name) => name === undefined || KNOWN_EXTENSIONS.includes(name));
}

/** Opens all packs of a folder, into a list so that those that are open can be closed whatever happens. */
function openPacks(folder: string, idLength: number, packs: Pack[]): void {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  const indexes = names.filter((name) => name.endsWith('.idx'));
  if (indexes.length > MAX_PACKS) return;
  for (const name of indexes) {
    const pack = openPack(join(folder, name), idLength);
    if (pack !== undefined) packs.push(pack);
  }
}

function readPacked(packs: Pack[], id: string, options: Parameters<Pack['read']>[1]): GitObject | undefined {
  for (const [i, pack] of packs.entries()) {
    const found = pack.read(id, options);
    if (found === undefined) continue;
    // Most objects of a commit are in one pack: it is asked first from now on.
    if (i > 0) packs.unshift(...packs.splice(i, 1));
    return found;
  }
  return undefined;
}
