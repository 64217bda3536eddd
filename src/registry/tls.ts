import * as tls from 'node:tls';
import { RebundleError } from '../errors.ts';

/** Certificates for one host, as PEM texts. */
export interface TlsFiles {
  /** Authorities that are trusted besides those that Node.js knows. */
  readonly ca?: readonly string[] | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** The context of all connections to a host: made once, since reading the authorities takes long. Throws REGISTRY_TLS where a text is no PEM. */
export function createTlsContext(files: TlsFiles, host: string): tls.SecureContext | undefined {
  const { ca = [], certificate, key } = files;
  if (ca.length === 0 && certificate === undefined && key === undefined) return undefined;
  try {
    return tls.createSecureContext({
      ...(ca.length === 0 ? {} : { ca: [...tls.rootCertificates, ...extraRoots(), ...ca] }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
      minVersion: 'TLSv1.2',
    });
  } catch (cause) {
    const code = codeOf(cause);
    throw new RebundleError(
      'REGISTRY_TLS',
      `the certificates for ${host} cannot be used${code === '' ? '' : ` (${code})`}`,
      {
        hint: `Check hosts: { "${host}": ... }: ca, clientCertificate and clientKey name PEM files, and key and certificate belong together.`,
        cause,
      },
    );
  }
}

/** What NODE_EXTRA_CA_CERTS added, where this Node.js can tell: an own list of authorities would leave it out. */
function extraRoots(): readonly string[] {
  const getter: unknown = Reflect.get(tls, 'getCACertificates');
  if (typeof getter !== 'function') return [];
  const list: unknown = getter('extra');
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
}

/**
 * True where something on this port answers a TLS greeting, whatever its certificate; nothing is sent over it. For hosts of this very machine, where
 * registries are often run without TLS. Rejects where nothing listens.
 */
export function speaksTls(options: {
  readonly hostname: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}): Promise<boolean> {
  const { hostname, port, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: hostname, port, rejectUnauthorized: false });
    const end = (done: () => void): void => {
      signal?.removeEventListener('abort', stop);
      socket.destroy();
      done();
    };
    const stop = (): void => end(() => reject(signal?.reason));
    signal?.addEventListener('abort', stop, { once: true });
    socket.setTimeout(timeoutMs, () => end(() => resolve(false)));
    socket.once('secureConnect', () => end(() => resolve(true)));
    socket.on('error', (error) => {
      // A server that wants another version or a client certificate speaks TLS, too.
      if (/ALERT/i.test(error.message)) end(() => resolve(true));
      else if (codeOf(error) === 'ECONNREFUSED') end(() => reject(error));
      else end(() => resolve(false));
    });
    socket.once('close', () => end(() => resolve(false)));
  });
}

/** The error for trouble with TLS, undefined for other trouble. */
export function describeTlsTrouble(error: unknown, host: string): RebundleError | undefined {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : '';
  const make = (why: string, hint: string): RebundleError =>
    new RebundleError('REGISTRY_TLS', `${host}: ${why}`, { hint, cause: error });
  if (UNTRUSTED.has(code)) {
    return make(
      `its certificate is not signed by an authority that is known (${code})`,
      `Name the authority: hosts: { "${host}": { ca: FILE } }, or put it into certs.d/${host}/ca.crt.`,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return make(
      'its certificate is for another name',
      'Use the name that the certificate has, or correct the certificate.',
    );
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return make(
      `its certificate is ${code === 'CERT_HAS_EXPIRED' ? 'expired' : 'not valid yet'}`,
      'Renew the certificate, or set the clock of this machine.',
    );
  }
  if (/wrong version number|packet length too long|http request/i.test(text)) {
    return make('it does not speak TLS', `If it is meant to be plain http: hosts: { "${host}": { insecure: true } }.`);
  }
  if (
    /certificate required|handshake failure|bad certificate|unknown ca/i.test(text) &&
    /ALERT|SSL/i.test(`${code} ${text}`)
  ) {
    return make(
      'it refused the TLS connection, perhaps for want of a client certificate',
      `Name one: hosts: { "${host}": { clientCertificate: FILE, clientKey: FILE } }.`,
    );
  }
  if (/^(?:CERT_|ERR_SSL_|ERR_TLS_)/.test(code) || code === 'EPROTO') {
    return make(`TLS failed (${code})`, 'Check the certificates on both sides.');
  }
  return undefined;
}

const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
]);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
