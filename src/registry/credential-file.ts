import { RebundleError } from '../errors.ts';
import type { CredentialText } from './credentials.ts';

/** A member of `auths` that holds something. */
export interface CredentialEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

interface Keyed<T> {
  /** As written. */
  readonly key: string;
  readonly host: string;
  /** Of a repository or a part of its path; empty for the whole host. */
  readonly path: string;
  readonly value: T;
}

export interface CredentialFile {
  readonly name: string;
  /** Helper programs by host, without `docker-credential-`. */
  readonly helpers: readonly Keyed<string>[];
  /** The helper for all hosts. */
  readonly store: string | undefined;
  readonly entries: readonly Keyed<CredentialEntry>[];
}

/** Parses docker's `config.json` or podman's `auth.json`. Other members are not looked at. Throws REGISTRY_AUTH where it is no such file. */
export function parseCredentialFile({ name, text }: CredentialText): CredentialFile {
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    // The message of JSON.parse quotes the text, which may be a secret.
    throw damaged(name, 'it is not JSON');
  }
  if (!isRecord(document)) throw damaged(name, 'it is not an object');
  const helpers = Object.entries(recordOf(document.credHelpers, `${name}: credHelpers`)).flatMap(([key, helper]) =>
    typeof helper === 'string' && helper !== '' ? [{ ...splitKey(key), value: helper }] : [],
  );
  const entries = Object.entries(recordOf(document.auths, `${name}: auths`)).flatMap(([key, value]) => {
    const entry = isRecord(value) ? readEntry(value) : {};
    return Object.keys(entry).length === 0 ? [] : [{ ...splitKey(key), value: entry }];
  });
  const store = typeof document.credsStore === 'string' && document.credsStore !== '' ? document.credsStore : undefined;
  return { name, helpers, store, entries };
}

/** The member for a repository of a host: of the longest path, then of the host's first name. */
export function findEntry<T>(
  entries: readonly Keyed<T>[],
  names: readonly string[],
  repository: string | undefined,
): Keyed<T> | undefined {
  const holds = ({ path }: Keyed<T>): boolean =>
    path === '' || (repository !== undefined && `${repository}/`.startsWith(`${path}/`));
  const found = entries.filter((entry) => names.includes(entry.host) && holds(entry));
  return found.toSorted((a, b) => b.path.length - a.path.length || names.indexOf(a.host) - names.indexOf(b.host))[0];
}

/** Docker writes `host`, `https://host/v1/` or `host/v1/`; podman also `host/path`. */
function splitKey(key: string): { readonly key: string; readonly host: string; readonly path: string } {
  const hasScheme = /^https?:\/\//i.test(key);
  const bare = key.replace(/^https?:\/\//i, '');
  const slash = bare.indexOf('/');
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  const path = slash < 0 ? '' : bare.slice(slash + 1).replace(/\/+$/, '');
  return { key, host, path: hasScheme || path === 'v1' || path === 'v2' ? '' : path };
}

function readEntry(value: Readonly<Record<string, unknown>>): CredentialEntry {
  const text = (name: string): string | undefined => {
    const member = value[name];
    return typeof member === 'string' && member !== '' ? member : undefined;
  };
  const [auth, username, password] = [text('auth'), text('username'), text('password')];
  const [identityToken, registryToken] = [text('identitytoken'), text('registrytoken')];
  return {
    ...(auth === undefined ? {} : { auth }),
    // A name alone is what is left of an entry whose secret a helper keeps.
    ...(username === undefined || (password === undefined && identityToken === undefined) ? {} : { username }),
    ...(password === undefined || username === undefined ? {} : { password }),
    ...(identityToken === undefined ? {} : { identityToken }),
    ...(registryToken === undefined ? {} : { registryToken }),
  };
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (isRecord(value)) return value;
  throw damaged(what, 'it is not an object');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(name: string, why: string): RebundleError {
  return new RebundleError('REGISTRY_AUTH', `the credentials in ${name} cannot be read: ${why}`, {
    hint: 'Correct the file, or log in again with docker login or podman login.',
  });
}
