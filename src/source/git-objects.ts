import { BatchProcess } from './git-batch.ts';
import type { Git, GitReach } from './git-command.ts';
import type { GitPlace } from './git-dir.ts';
import type { GitObject, GitObjectInfo } from './git-object.ts';
import type { GitPool } from './git-pool.ts';
import { createGitStore } from './git-store.ts';

/** The objects of one repository: read from its files where that is plain, else through one `git cat-file` process (two before git 2.36). */
export interface GitObjects {
  /** Type and size; undefined where there is no such object. `name` is anything that git resolves, on one line. */
  readonly info: (name: string) => Promise<GitObjectInfo | undefined>;
  /** The same with the content, which is checked against its id. */
  readonly contents: (name: string) => Promise<GitObject | undefined>;
  /** The same as `info`, but only of what is plainly here: nothing is run or fetched for it. */
  readonly infoHere: (id: string) => Promise<GitObjectInfo | undefined>;
}

export function openGitObjects(options: {
  readonly git: Git;
  readonly place: Pick<GitPlace, 'gitDir' | 'commonDir'>;
  /** `remote`: objects that a partial clone lacks are fetched. */
  readonly reach: GitReach;
  readonly pool: GitPool;
}): GitObjects {
  const { git, place, reach, pool } = options;
  const store = createGitStore(place);
  const member = { isIdle: () => true, close: store.close };
  let asked: Promise<{ readonly content: BatchProcess; readonly info: BatchProcess; readonly commands: boolean }>;
  const processes = (): typeof asked => {
    const batch = { git, gitDir: place.gitDir, reach, pool };
    asked ??= git.hasBatchCommand().then((commands) => {
      const content = new BatchProcess(batch, commands ? '--batch-command' : '--batch');
      return { commands, content, info: commands ? content : new BatchProcess(batch, '--batch-check') };
    });
    return asked;
  };
  const look = async (name: string, wantsContent: boolean): Promise<GitObject | undefined> => {
    await pool.takeTurn();
    git.signal?.throwIfAborted();
    pool.use(member);
    return store.find(name, wantsContent);
  };
  const ask = async (name: string, wantsContent: boolean): Promise<GitObject | undefined> => {
    if (/[\n\r\0]/.test(name)) return undefined;
    const found = await look(name, wantsContent);
    if (found !== undefined) return found;
    const { content, info, commands } = await processes();
    const line = commands ? `${wantsContent ? 'contents' : 'info'} ${name}\n` : `${name}\n`;
    return (wantsContent ? content : info).ask(name, line, wantsContent);
  };
  return {
    info: (name) => ask(name, false),
    contents: (name) => ask(name, true),
    infoHere: (id) => look(id, false),
  };
}
