import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system in memory that takes so many bytes and no more. */
export interface SmallDisk {
  resize(bytes: number): void;
  /** Bytes that are taken. */
  readUsed(): Promise<number>;
  close(): void;
}

/** True where this user may mount file systems, as root mostly may. Tests that need one are skipped elsewhere, and say so. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'rebundle-mount-'));
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' }).status !== 0)
      return false;
    execFileSync('umount', [folder]);
    return true;
  } finally {
    rmdirSync(folder);
  }
}

/** Mounts one at a folder, which is made. */
export function mountDisk(folder: string, bytes: number): SmallDisk {
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
  return {
    resize: (size) => {
      execFileSync('mount', ['-o', `remount,size=${size}`, folder]);
    },
    readUsed: async () => {
      const { bsize, blocks, bfree } = await statfs(folder);
      return (blocks - bfree) * bsize;
    },
    close: () => {
      execFileSync('umount', [folder]);
    },
  };
}
