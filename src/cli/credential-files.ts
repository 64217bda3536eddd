import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { RebundleError } from '../errors.ts';
import { type CredentialStore, type CredentialText, createCredentialStore } from '../registry/credentials.ts';
import { createHelperRunner } from './credential-helper.ts';
import type { CliEnvironment } from './environment.ts';
import { readOptional } from './output.ts';

/** A place that is looked into, in the order of the list; `text` is there where it holds something. */
export interface CredentialPlace {
  /** Path of the file, or name of the variable. */
  readonly name: string;
  readonly text?: string;
}

const MAX_TEXT = 4 * 1024 * 1024;

/**
 * Where credentials are looked for, the first that knows a host wins: the file that REGISTRY_AUTH_FILE names, the text in DOCKER_AUTH_CONFIG, then
 * config.json in DOCKER_CONFIG or ~/.docker, then podman's files of this session and of the user. Throws REGISTRY_AUTH where REGISTRY_AUTH_FILE
 * names no file.
 */
export async function readCredentialPlaces({ env, cwd }: CliEnvironment): Promise<CredentialPlace[]> {
  const home = env.HOME ?? homedir();
  const places: CredentialPlace[] = [];
  const named = env.REGISTRY_AUTH_FILE ?? '';
  if (named !== '') {
    const text = await readText(resolve(cwd, named));
    if (text === undefined) {
      throw new RebundleError('REGISTRY_AUTH', `REGISTRY_AUTH_FILE names ${named}, which is not there`, {
        hint: 'Correct the variable or unset it.',
      });
    }
    places.push({ name: named, text });
  }
  const given = env.DOCKER_AUTH_CONFIG ?? '';
  if (given !== '') places.push({ name: 'DOCKER_AUTH_CONFIG', text: given });
  const docker = env.DOCKER_CONFIG ?? '';
  const runtime = env.XDG_RUNTIME_DIR ?? '';
  const config = env.XDG_CONFIG_HOME ?? '';
  const files = [
    join(docker === '' ? join(home, '.docker') : resolve(cwd, docker), 'config.json'),
    ...(runtime === '' ? [] : [join(runtime, 'containers', 'auth.json')]),
    join(config === '' ? join(home, '.config') : config, 'containers', 'auth.json'),
  ];
  for (const path of files) {
    const text = await readText(path);
    places.push({ name: path, ...(text === undefined ? {} : { text }) });
  }
  return places;
}

/** The credentials of this user; files are read at the first question. */
export function openCredentials(environment: CliEnvironment): CredentialStore {
  let store: Promise<CredentialStore> | undefined;
  const open = async (): Promise<CredentialStore> => {
    const places = await readCredentialPlaces(environment);
    const texts = places.filter((place): place is CredentialText => place.text !== undefined);
    return createCredentialStore({ texts, runHelper: createHelperRunner(environment) });
  };
  return {
    find: async (host, repository) => {
      store ??= open();
      return (await store).find(host, repository);
    },
  };
}

async function readText(path: string): Promise<string | undefined> {
  const bytes = await readOptional(path);
  if (bytes === undefined || bytes.byteLength === 0) return undefined;
  if (bytes.byteLength > MAX_TEXT) {
    throw new RebundleError('REGISTRY_AUTH', `${path} has ${bytes.byteLength} bytes; it is read up to ${MAX_TEXT}`);
  }
  return bytes.toString('utf8');
}
