import { Option } from 'commander';
import type { Config } from '../../config.ts';
import { RebundleError, toRebundleError } from '../../errors.ts';
import { compareText } from '../../lib/bytes.ts';
import { encodeJson, escapeTerminal } from '../../lib/escape-text.ts';
import { createLimit, mapLimit } from '../../lib/limit.ts';
import { isRegistryHost, parseReference } from '../../lib/reference.ts';
import type { Credential, CredentialStore } from '../../registry/credentials.ts';
import { createRegistryClient } from '../../registry/http-client.ts';
import type { CommandDefinition, CommandResult, Invocation } from '../command.ts';
import { openCredentials, readCredentialPlaces } from '../credential-files.ts';
import type { CliEnvironment } from '../environment.ts';
import { type Places, withPlaces } from '../places.ts';
import { withReporter } from '../session.ts';
import { prepareSetup } from '../setup.ts';

export const AUTH_CHECK: CommandDefinition = {
  name: 'auth check',
  summary: 'tell which credential is used for each registry, and whether the registry takes it; never the secret',
  paths: { name: 'host', description: 'registries, or HOST/REPOSITORY, instead of the configured ones', kind: 'text' },
  options: ['config', 'registry', 'json', 'reporter', 'quiet', 'verbose'],
  own: [() => new Option('--offline', 'only look for credentials, ask no registry')],
  example: 'rebundle auth check hub.example',
  statuses: [0, 1, 4, 130],
  run: checkAuth,
};

/** A registry to be checked, or one repository of it. */
interface Subject {
  readonly host: string;
  readonly repository?: string;
}

interface Row {
  readonly registry: string;
  readonly repository?: string;
  readonly status: 'ok' | 'failed' | 'not asked';
  readonly kind: 'password' | 'identity token' | 'registry token' | 'none' | 'unknown';
  /** Where the credential comes from. */
  readonly source?: string;
  readonly username?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

const CHECKS_AT_ONCE = 8;

async function checkAuth(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const { paths, flags, own } = invocation;
  const isOffline = own.offline === true;
  // The operands are registries, not repositories.
  const setup = await prepareSetup({ ...invocation, paths: [] }, environment);
  const subjects = paths.length > 0 ? paths.map(readSubject) : configuredHosts(setup.config).map((host) => ({ host }));
  if (subjects.length === 0) {
    throw new RebundleError('USAGE', 'the configuration reads and writes no registry', {
      hint: 'Name one: rebundle auth check HOST',
    });
  }
  const looked = await readCredentialPlaces(environment);
  const credentials = openCredentials(environment);
  return withReporter(invocation, environment, { ...setup, sources: [] }, (emit) =>
    withPlaces({ config: setup.config, environment, emit }, async (places) => {
      const limit = createLimit(CHECKS_AT_ONCE, environment.signal);
      const rows = await mapLimit(subjects, limit, (subject) =>
        checkSubject(subject, { credentials, environment, places, isOffline }),
      );
      const stdout = flags.json
        ? `${encodeJson({ places: looked.map(({ name, text }) => ({ name, found: text !== undefined })), registries: rows }, 2)}\n`
        : rows.map(formatRow).join('');
      return { status: rows.some(({ status }) => status === 'failed') ? 1 : 0, stdout, results: [] };
    }),
  );
}

function readSubject(text: string): Subject {
  if (isRegistryHost(text)) return { host: text === 'index.docker.io' ? 'docker.io' : text };
  const { registry, repository } = parseReference(text);
  return { host: registry, repository };
}

function configuredHosts({ registry, registries, publish, hosts }: Config): string[] {
  const read = [...registries.values()].flatMap((place) => (place.kind === 'registry' ? [place.host] : []));
  const to = publish.to ?? (registry === undefined ? undefined : { kind: 'registry' as const, host: registry });
  const written = to?.kind === 'registry' ? [to.host] : [];
  return [...new Set([...written, ...read, ...hosts.keys()])].sort(compareText);
}

async function checkSubject(
  subject: Subject,
  setup: {
    readonly credentials: CredentialStore;
    readonly environment: CliEnvironment;
    readonly places: Places;
    readonly isOffline: boolean;
  },
): Promise<Row> {
  const { credentials, environment, places, isOffline } = setup;
  const named = {
    registry: subject.host,
    ...(subject.repository === undefined ? {} : { repository: subject.repository }),
  };
  let found: Pick<Row, 'kind' | 'source' | 'username'> = { kind: 'unknown' };
  try {
    found = describeCredential(await credentials.find(subject.host, subject.repository));
    if (!isOffline) await callRegistry(subject, places, environment.signal);
    return { ...named, status: isOffline ? 'not asked' : 'ok', ...found };
  } catch (thrown) {
    const { code, message, hint } = toRebundleError(thrown);
    if (code === 'CANCELLED') throw thrown;
    return { ...named, status: 'failed', ...found, error: { code, message, ...(hint === undefined ? {} : { hint }) } };
  }
}

function describeCredential(credential: Credential | undefined): Pick<Row, 'kind' | 'source' | 'username'> {
  if (credential === undefined) return { kind: 'none' };
  const { source } = credential;
  if (credential.kind === 'bearer') return { kind: 'registry token', source };
  const kind = credential.kind === 'basic' ? 'password' : 'identity token';
  return { kind, source, username: credential.username };
}

/** `/v2/` is what the distribution specification has for this; with a repository its tags, which only somebody who may pull sees. */
async function callRegistry({ host, repository }: Subject, places: Places, signal: AbortSignal): Promise<void> {
  const client = createRegistryClient({ ...places.http(), host });
  await client.transport.retry(async () => {
    const call = {
      method: 'GET' as const,
      target: await client.targetOf(repository === undefined ? '/v2/' : `/v2/${repository}/tags/list?n=1`, signal),
      scopes: repository === undefined ? [] : [`repository:${repository}:pull`],
      signal,
    };
    const response = await client.follow(call);
    // A repository that is not there yet may be written to all the same.
    if (response.status === 200 || (repository !== undefined && response.status === 404)) return;
    throw client.failure(call, response);
  }, signal);
}

function formatRow({ registry, repository, status, kind, source, username, error }: Row): string {
  const name = repository === undefined ? registry : `${registry}/${repository}`;
  const what =
    kind === 'none'
      ? 'anonymous'
      : `${kind}${username === undefined ? '' : ` of ${username}`}${source === undefined ? '' : ` from ${source}`}`;
  const why = error === undefined ? '' : `${error.code}: ${error.message}`;
  const columns = [status, name, kind === 'unknown' ? '' : what, why].map(escapeTerminal);
  return `${columns.join('\t').trimEnd()}\n`;
}
