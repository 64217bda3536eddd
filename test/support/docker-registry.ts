import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from './certificates.ts';
import { requireProgram } from './programs.ts';
import { startTokenServer, type TokenServer, type TokenServerOptions } from './token-server.ts';

export const USER = 'conveyor';
/** Looked for in all output of the tests: nothing may print it. */
export const PASSWORD = 'open-sesame-4711';
const BCRYPT_OF_PASSWORD = '$2b$05$abcdefghijklmnopqrstuud2L8crwTyOxFi9P3yYYIG5bIITxThTG';
const START_MS = 20_000;

export interface DockerRegistryOptions {
  /** https with a certificate of an authority that only the test knows. */
  readonly tls?: boolean;
  readonly auth?: 'basic' | 'token';
  /** More about the token server, with `auth: 'token'`. */
  readonly tokens?: Omit<TokenServerOptions, 'authority' | 'user' | 'password' | 'tls'>;
  /** In memory, where the machine has a folder for that. */
  readonly inMemory?: boolean;
}

interface RequestLine {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
}

export interface DockerRegistry {
  /** `127.0.0.1:PORT`, as references name it. */
  readonly host: string;
  readonly origin: string;
  /** PEM of the authority, with `tls`. */
  readonly ca: string | undefined;
  readonly tokenServer: TokenServer | undefined;
  /** Every request since the last call, from the registry's own access log. */
  takeRequests(): Promise<RequestLine[]>;
  /** Digests of all that it stores, by path: blobs, manifests and tags. What somebody began to upload is not among them. */
  listContents(): Promise<Map<string, string>>;
  /** Takes away all that it stores. */
  clear(): Promise<void>;
  /** Ends the process at once. What it stores stays. */
  stop(): Promise<void>;
  /** Starts it again, at the same address. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** False, and the tests say so, where Debian's docker-registry is not installed. */
export function hasDockerRegistry(): boolean {
  return requireProgram('docker-registry');
}

/** Starts the distribution project's registry on a free port of 127.0.0.1, its storage in a temporary folder. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const memory = options.inMemory === true && existsSync('/dev/shm');
  const folder = await mkdtemp(join(memory ? '/dev/shm' : tmpdir(), 'rebundle-registry-'));
  const needsAuthority = options.tls === true || options.auth === 'token';
  const authority = needsAuthority ? await createAuthority() : undefined;
  const tokenServer =
    options.auth === 'token'
      ? await startTokenServer({
          authority: authority!,
          user: USER,
          password: PASSWORD,
          tls: options.tls === true,
          ...options.tokens,
        })
      : undefined;
  const data = join(folder, 'data');
  const writeConfig = async (address: string): Promise<void> => {
    const http: Record<string, unknown> = { addr: address, secret: 'of this test only' };
    if (options.tls === true) http.tls = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
    const auth = await describeAuth(folder, options, tokenServer);
    const config = {
      version: '0.1',
      log: { level: 'info', formatter: 'text' },
      storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
      http,
      ...(auth === undefined ? {} : { auth }),
    };
    // YAML reads JSON.
    await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  };
  const closeAll = async (): Promise<void> => {
    await tokenServer?.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    if (options.tls === true) {
      const { certificate, key } = await authority!.issue('registry');
      await writeFile(join(folder, 'certificate.pem'), certificate);
      await writeFile(join(folder, 'key.pem'), key);
    }
    await mkdir(data);
    await writeConfig('127.0.0.1:0');
    let running = await startProcess(folder);
    const { host } = running;
    return {
      host,
      origin: `${options.tls === true ? 'https' : 'http'}://${host}`,
      ca: options.tls === true ? authority?.certificate : undefined,
      tokenServer,
      takeRequests: () => running.takeRequests(),
      listContents: () => listStored(data),
      clear: async () => {
        for (const name of await readdir(data)) await rm(join(data, name), { recursive: true });
      },
      stop: () => running.stop(),
      restart: async () => {
        await writeConfig(host);
        running = await startProcess(folder);
      },
      close: async () => {
        await running.stop();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function listStored(data: string): Promise<Map<string, string>> {
  const entries = await readdir(data, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const stored = new Map<string, string>();
  for (const path of files.sort()) {
    if (path.includes('/_uploads/')) continue;
    const digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    stored.set(path.slice(data.length + 1), digest);
  }
  return stored;
}

async function describeAuth(
  folder: string,
  { auth }: DockerRegistryOptions,
  tokenServer: TokenServer | undefined,
): Promise<unknown> {
  if (auth === 'basic') {
    await writeFile(join(folder, 'htpasswd'), `${USER}:${BCRYPT_OF_PASSWORD}\n`);
    return { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } };
  }
  if (tokenServer === undefined) return undefined;
  await writeFile(join(folder, 'tokens.pem'), tokenServer.rootCertificate);
  const { realm, service, issuer } = tokenServer;
  return { token: { realm, service, issuer, rootcertbundle: join(folder, 'tokens.pem') } };
}

interface RunningRegistry {
  readonly host: string;
  takeRequests(): Promise<RequestLine[]>;
  stop(): Promise<void>;
}

async function startProcess(folder: string): Promise<RunningRegistry> {
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: folder, OTEL_TRACES_EXPORTER: 'none' },
  });
  let log = '';
  let lines = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines += text;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const port = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`docker-registry did not start:\n${log}${lines}`)), START_MS);
    const look = (): void => {
      const found = /listening on 127\.0\.0\.1:([0-9]+)/.exec(log + lines)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      // Only needed until it has started; afterwards it would only grow.
      if (log.length < 65_536) log += text;
      look();
    });
    child.stdout.on('data', look);
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      reject(new Error(`docker-registry ended:\n${log}${lines}`));
    });
  });
  return {
    host: `127.0.0.1:${port}`,
    takeRequests: async () => {
      // The log of a request is written after its answer.
      await new Promise((resolve) => setTimeout(resolve, 50));
      const taken = lines;
      lines = '';
      return parseAccessLog(taken);
    },
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function parseAccessLog(text: string): RequestLine[] {
  return [...text.matchAll(/^\S+ - \S+ \[[^\]]*\] "([A-Z]+) (\S+) HTTP\/[0-9.]+" ([0-9]{3}) /gm)].map(
    ([, method = '', path = '', status]) => ({ method, path, status: Number(status) }),
  );
}
