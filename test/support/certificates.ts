import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** A server or client certificate of this authority, for 127.0.0.1 and localhost. */
  issue(name: string): Promise<Certificate>;
}

/** A certificate authority of its own, made by openssl; nothing outside of the test knows it. */
export async function createAuthority(name = 'rebundle test authority'): Promise<Authority> {
  const own = await inFolder(async (folder) => {
    openssl(folder, ['req', '-x509', ...NEW_KEY, 'key.pem', '-out', 'certificate.pem', '-days', '30'], name, [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=critical,keyCertSign,cRLSign,digitalSignature',
    ]);
    return readPair(folder);
  });
  return {
    ...own,
    issue: (subject) =>
      inFolder(async (folder) => {
        await writeFile(join(folder, 'ca.pem'), own.certificate);
        await writeFile(join(folder, 'ca-key.pem'), own.key);
        openssl(folder, ['req', ...NEW_KEY, 'key.pem', '-out', 'request.pem'], subject, [
          'subjectAltName=IP:127.0.0.1,DNS:localhost',
          'extendedKeyUsage=serverAuth,clientAuth',
        ]);
        const sign = ['x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca-key.pem'];
        openssl(folder, [
          ...sign,
          ...['-CAcreateserial', '-days', '30', '-copy_extensions', 'copyall', '-out', 'certificate.pem'],
        ]);
        return readPair(folder);
      }),
  };
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout'];

function openssl(folder: string, args: readonly string[], subject?: string, extensions: readonly string[] = []): void {
  const named = subject === undefined ? [] : ['-subj', `/CN=${subject}`];
  execFileSync('openssl', [...args, ...named, ...extensions.flatMap((text) => ['-addext', text])], {
    cwd: folder,
    stdio: 'pipe',
  });
}

async function readPair(folder: string): Promise<Certificate> {
  const [certificate, key] = await Promise.all(
    ['certificate.pem', 'key.pem'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  return { certificate: certificate!, key: key! };
}

async function inFolder<T>(task: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'rebundle-certificates-'));
  try {
    return await task(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
