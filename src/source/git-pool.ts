import { setImmediate } from 'node:timers/promises';

/** Repositories and processes that are open at once. More than these are closed, and opened anew when they are needed. */
const MAX_OPEN = 16;
/** Reads from files, which wait for nobody, between two looks at what else there is to do. */
const READS_IN_A_ROW = 128;

interface Member {
  readonly isIdle: () => boolean;
  readonly close: () => void;
}

/** Keeps the number of open repositories and waiting processes small over all sources. */
export function createGitPool(max: number = MAX_OPEN) {
  const open = new Set<Member>();
  let reads = 0;
  return {
    /** Called when one is asked something: the longest unused idle ones make room. */
    use: (member: Member): void => {
      open.delete(member);
      open.add(member);
      for (const other of open) {
        if (open.size <= max) break;
        if (!other.isIdle()) continue;
        open.delete(other);
        other.close();
      }
    },
    /** Called before each read from files: lets signals, timers and answers come in now and then. */
    takeTurn: async (): Promise<void> => {
      reads += 1;
      if (reads % READS_IN_A_ROW === 0) await setImmediate();
    },
    /** Closes all of them. */
    close: (): void => {
      for (const member of open) member.close();
      open.clear();
    },
  };
}

export type GitPool = ReturnType<typeof createGitPool>;
