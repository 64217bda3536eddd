import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { RebundleError } from '../errors.ts';
import type { HostSettings } from '../registry/transport.ts';
import type { CliEnvironment } from './environment.ts';

/**
 * How hosts are spoken to: `hosts` of the configuration over the `certs.d` folders of Docker and podman (`HOST/*.crt` are authorities, `*.cert` with
 * `*.key` the client's own). Files are read when their host is used first. Throws REGISTRY_TLS where a configured file cannot be read; in `certs.d`
 * what only another user may read is passed over.
 */
export function createHostSettings(
  config: Pick<Config, 'hosts'>,
  { cwd, env }: CliEnvironment,
): (host: string) => HostSettings {
  const home = env.HOME ?? homedir();
  const userConfig = env.XDG_CONFIG_HOME ?? '';
  const folders = [
    join(userConfig === '' ? join(home, '.config') : userConfig, 'containers', 'certs.d'),
    join(userConfig === '' ? join(home, '.config') : userConfig, 'docker', 'certs.d'),
    join(home, '.docker', 'certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
  const known = new Map<string, HostSettings>();
  const read = (host: string): HostSettings => {
    const names = namesOf(host);
    const own = names.map((name) => config.hosts.get(name)).find((settings) => settings !== undefined);
    const readPem = (path: string): string => {
      try {
        return readFileSync(resolve(cwd, path), 'utf8');
      } catch (cause) {
        throw new RebundleError('REGISTRY_TLS', `${path}, which is configured for ${host}, cannot be read`, {
          hint: `Correct hosts: { "${host}": ... } or the permissions of the file.`,
          cause,
        });
      }
    };
    const found = folders.flatMap((folder) => names.map((name) => readFolder(join(folder, name))));
    const client = found.find(({ certificate }) => certificate !== undefined);
    const certificate = own?.clientCertificate === undefined ? client?.certificate : readPem(own.clientCertificate);
    // One file often holds both.
    const keyFile = own?.clientKey ?? own?.clientCertificate;
    const key = keyFile === undefined ? client?.key : readPem(keyFile);
    return {
      insecure: own?.insecure,
      concurrency: own?.concurrency,
      allowPrivate: own?.allowPrivate,
      ca: [...(own?.ca ?? []).map(readPem), ...found.flatMap(({ ca }) => ca)],
      certificate,
      key,
    };
  };
  return (host) => {
    let settings = known.get(host);
    if (settings === undefined) {
      settings = read(host);
      known.set(host, settings);
    }
    return settings;
  };
}

/** The spellings of a host in configuration and folders. */
function namesOf(host: string): string[] {
  if (host === 'docker.io') return [host, 'registry-1.docker.io', 'index.docker.io'];
  return /:\d+$/.test(host) ? [host] : [host, `${host}:443`, `${host}:80`];
}

interface CertificateFolder {
  readonly ca: readonly string[];
  readonly certificate?: string;
  readonly key?: string;
}

function readFolder(folder: string): CertificateFolder {
  const names = unlessDenied(() => readdirSync(folder).sort()) ?? [];
  const read = (name: string): string | undefined => unlessDenied(() => readFileSync(join(folder, name), 'utf8'));
  const ca = names
    .filter((name) => name.endsWith('.crt'))
    .map(read)
    .filter((text) => text !== undefined);
  for (const name of names.filter((each) => each.endsWith('.cert'))) {
    const certificate = read(name);
    const key = read(`${name.slice(0, -'.cert'.length)}.key`);
    if (certificate !== undefined && key !== undefined) return { ca, certificate, key };
  }
  return { ca };
}

const NOT_FOR_US: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EISDIR'];

function unlessDenied<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch (error) {
    if (error instanceof Error && 'code' in error && NOT_FOR_US.includes(error.code)) return undefined;
    throw error;
  }
}
