import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ENV = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
  GIT_AUTHOR_DATE: '1600000000 +0000',
  GIT_COMMITTER_DATE: '1600000000 +0000',
};

/** A temporary folder with git repositories, made by git itself and nothing of the user's settings. */
export class GitFolder {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'rebundle-git-')));

  /** Runs git in a folder below the root and gives its output, trimmed. */
  git(folder: string, ...args: string[]): string {
    return this.gitWith({}, folder, ...args);
  }

  gitWith(options: { readonly input?: string | Uint8Array }, folder: string, ...args: string[]): string {
    return execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], {
      cwd: this.path(folder),
      env: ENV,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
      ...options,
    }).trim();
  }

  path(path: string): string {
    return join(this.root, path);
  }

  write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), content);
  }

  init(folder: string, ...args: string[]): void {
    mkdirSync(this.path(folder), { recursive: true });
    this.git(folder, 'init', '--quiet', '--initial-branch=main', ...args);
  }

  /** Commits all that lies in a work tree and gives the commit. */
  commit(folder: string, message = 'x'): string {
    this.git(folder, 'add', '--all');
    this.git(folder, 'commit', '--quiet', '--allow-empty', '-m', message);
    return this.git(folder, 'rev-parse', 'HEAD');
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
