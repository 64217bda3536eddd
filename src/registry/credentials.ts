import { RebundleError } from '../errors.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { type CredentialEntry, type CredentialFile, findEntry, parseCredentialFile } from './credential-file.ts';

/** What a registry is shown. `source` says where it comes from, for people: a file and its key, or a helper program. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string; readonly source: string }
  /** An OAuth2 refresh token, shown to the token server only. */
  | { readonly kind: 'identity'; readonly username: string; readonly token: string; readonly source: string }
  /** A registry token, sent as it is. */
  | { readonly kind: 'bearer'; readonly token: string; readonly source: string };

/** A text with credentials in the form of docker's `config.json` or podman's `auth.json`; `name` is its path, or the variable's name. */
export interface CredentialText {
  readonly name: string;
  readonly text: string;
}

/** What `docker-credential-NAME get` answered; undefined where the program holds nothing for the server. */
export type RunHelper = (helper: string, server: string) => Promise<HelperAnswer | undefined>;

export interface HelperAnswer {
  readonly username: string;
  readonly secret: string;
}

export interface CredentialStore {
  /** The credential for a registry host and a repository of it. Throws REGISTRY_AUTH where a file or helper that should know cannot be used. */
  find(host: string, repository?: string): Promise<Credential | undefined>;
}

/** Docker keeps the one for Docker Hub under this name, and asks helpers for it. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
const DOCKER_HUB_HOSTS: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];
/** What docker and helpers store as the user name beside an identity token. */
const IDENTITY_USER = '<token>';

/**
 * Looks through texts in their order; in each, as docker does: the helper of this host, the helper of all hosts, then the text itself. The first
 * that knows the host wins. Hosts compare whole, never in part; a key with a path (podman) holds for the repositories below it, the longest first.
 */
export function createCredentialStore(options: {
  readonly texts: readonly CredentialText[];
  readonly runHelper: RunHelper;
}): CredentialStore {
  let files: readonly CredentialFile[] | undefined;
  const answers = new Map<string, Promise<HelperAnswer | undefined>>();
  const ask = (helper: string, server: string): Promise<HelperAnswer | undefined> => {
    const key = JSON.stringify([helper, server]);
    const asked = answers.get(key) ?? options.runHelper(helper, server);
    answers.set(key, asked);
    return asked;
  };
  return {
    async find(host, repository) {
      files ??= options.texts.map(parseCredentialFile);
      const names = hostNames(host);
      const server = DOCKER_HUB_HOSTS.includes(host) ? DOCKER_HUB_KEY : host;
      for (const file of files) {
        const own = findEntry(file.helpers, names, repository);
        const helpers = [
          ...(own === undefined ? [] : [{ helper: own.value, server: own.path === '' ? server : own.key }]),
          ...(file.store === undefined ? [] : [{ helper: file.store, server }]),
        ];
        for (const { helper, server: name } of helpers) {
          const answer = await ask(helper, name);
          if (answer !== undefined) return fromHelper(answer, `docker-credential-${helper} (${file.name})`);
        }
        const found = findEntry(file.entries, names, repository);
        if (found !== undefined) return fromEntry(found.value, `${file.name}, key ${escapeTerminal(found.key)}`);
      }
      return undefined;
    },
  };
}

/** The names under which credentials of a host may be kept: a port that says nothing may be left out or be there. */
function hostNames(host: string): readonly string[] {
  if (DOCKER_HUB_HOSTS.includes(host)) return DOCKER_HUB_HOSTS;
  return host.endsWith(':443')
    ? [host, host.slice(0, -':443'.length)]
    : /:[0-9]+$/.test(host)
      ? [host]
      : [host, `${host}:443`];
}

function fromHelper({ username, secret }: HelperAnswer, source: string): Credential {
  return username === IDENTITY_USER
    ? { kind: 'identity', username, token: secret, source }
    : { kind: 'basic', username, password: secret, source };
}

function fromEntry(entry: CredentialEntry, source: string): Credential {
  const { identityToken, registryToken } = entry;
  if (registryToken !== undefined) {
    if (/^[\x21-\x7e]+$/.test(registryToken)) return { kind: 'bearer', token: registryToken, source };
    throw damaged(source, 'its registrytoken holds characters that cannot be sent');
  }
  const { username = '', password = '' } = entry.auth === undefined ? entry : decodeAuth(entry.auth, source);
  if (identityToken !== undefined)
    return { kind: 'identity', username: username || IDENTITY_USER, token: identityToken, source };
  if (username === IDENTITY_USER) return { kind: 'identity', username, token: password, source };
  return { kind: 'basic', username, password, source };
}

function decodeAuth(auth: string, source: string): { readonly username: string; readonly password: string } {
  const bytes = Buffer.from(auth, 'base64');
  const text = bytes.toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1 || !/^[A-Za-z0-9+/_\s-]*=*\s*$/.test(auth))
    throw damaged(source, 'its auth is not base64 of name:password');
  // Old docker versions padded with NUL.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/^\0+|\0+$/g, '') };
}

function damaged(source: string, why: string): RebundleError {
  return new RebundleError('REGISTRY_AUTH', `the credentials in ${source} cannot be used: ${why}`, {
    hint: 'Log in to the registry again.',
  });
}
