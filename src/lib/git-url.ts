/** A remote repository, as far as it matters here. */
export interface GitUrl {
  readonly url: string;
  readonly scheme: 'https' | 'ssh' | 'file';
  /** Empty for `file`. */
  readonly host: string;
  /** What follows the host. */
  readonly path: string;
}

const HOST = '[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:]+\\]';
const USER = '[A-Za-z0-9_][A-Za-z0-9_.-]*';
const FORMS: readonly (readonly [GitUrl['scheme'], RegExp])[] = [
  ['https', new RegExp(`^https://(${HOST})(?::[0-9]{1,5})?(/\\S+)$`)],
  ['ssh', new RegExp(`^ssh://(?:${USER}@)?(${HOST})(?::[0-9]{1,5})?(/\\S+)$`)],
  ['ssh', new RegExp(`^(?:${USER}@)(${HOST}):((?!/?-)\\S+)$`)],
];

/**
 * Parses `https://host/path`, `ssh://user@host/path`, `user@host:path` and `file:///path`; undefined for all else. There is no form for a password or token:
 * those belong into a credential helper of git.
 */
export function parseGitUrl(text: string): GitUrl | undefined {
  if (/[\u0000-\u001f\u007f]/.test(text)) return undefined;
  const file = /^file:\/\/(\/.+)$/.exec(text);
  if (file !== null) return { url: text, scheme: 'file', host: '', path: file[1] ?? '' };
  for (const [scheme, form] of FORMS) {
    const match = form.exec(text);
    if (match !== null) return { url: text, scheme, host: (match[1] ?? '').toLowerCase(), path: match[2] ?? '' };
  }
  return undefined;
}

/** The name that people call it by: the last part of its path, without `.git`. */
export function nameOfGitUrl({ path }: GitUrl): string {
  const last = path.replace(/\/+$/, '').split(/[/:]/).at(-1) ?? '';
  return last.replace(/\.git$/, '') || path;
}
