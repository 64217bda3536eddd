import { constants, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { RebundleError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { isRecord } from './target-fields.ts';

export type SigningMethod = 'ed25519' | 'rsassa-pss-sha256';

/** How a key is named: `der`: sha256 of its SubjectPublicKeyInfo, as this ecosystem's server does; `tuf`: sha256 of its canonical JSON (TUF 1.0, 4.2). */
export type KeyIdRule = 'der' | 'tuf';

export interface PublicKey {
  readonly method: SigningMethod;
  readonly key: KeyObject;
  /** DER of the SubjectPublicKeyInfo, as hex: equal for equal keys, however they were written. */
  readonly spki: string;
  readonly ids: Readonly<Record<KeyIdRule, string>>;
}

export interface SigningKey extends PublicKey {
  readonly privateKey: KeyObject;
}

const SALT_LENGTH = 32;
const MIN_RSA_BITS = 2048;
const ED25519_PKCS8 = '302e020100300506032b657004220420';
const ED25519_SPKI = '302a300506032b6570032100';

/**
 * Reads a private key: PEM (PKCS #8, or PKCS #1 for RSA), or a TUF key in JSON, `{keytype, keyval: {public, private}}`, with a PEM or, for
 * Ed25519, hex of the seed, of seed and public key, or of the PKCS #8 form. Throws KEY_INVALID, which never shows anything of the key.
 */
export function readSigningKey(text: string, name: string): SigningKey {
  const json = parseJsonKey(text, name);
  if (json === undefined) {
    if (/ENCRYPTED/.test(text)) {
      throw invalid(
        name,
        'it is encrypted',
        'Decrypt it on the fly, as in: openssl pkey -in key.pem | rebundle ... --key -',
      );
    }
    return withPrivate(
      createKey(() => createPrivateKey(text), name, 'private'),
      name,
    );
  }
  if (json.private === undefined) throw invalid(name, 'it has no private part');
  const { private: secret } = json;
  const key = createKey(() => (isHex(secret) ? ed25519Private(secret) : createPrivateKey(secret)), name, 'private');
  const signing = withPrivate(key, name);
  if (json.public !== undefined && readPublicPart(json.public, name).spki !== signing.spki) {
    throw invalid(name, 'its public part does not belong to its private part');
  }
  return signing;
}

/** Reads a public key: PEM or a TUF key in JSON; of a private key the public part is taken. Throws KEY_INVALID. */
export function readPublicKey(text: string, name: string): PublicKey {
  const json = parseJsonKey(text, name);
  if (json === undefined)
    return describe(
      createKey(() => createPublicKey(text), name, 'public'),
      name,
    );
  if (json.public === undefined) throw invalid(name, 'it has no public part');
  return readPublicPart(json.public, name);
}

export function signBytes(key: SigningKey, bytes: Uint8Array): Buffer {
  return key.method === 'ed25519'
    ? sign(null, bytes, key.privateKey)
    : sign('sha256', bytes, {
        key: key.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: SALT_LENGTH,
      });
}

export function isSignedBy({ key, method }: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  return method === 'ed25519'
    ? verify(null, bytes, key, signature)
    : verify('sha256', bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_LENGTH }, signature);
}

function parseJsonKey(
  text: string,
  name: string,
): { readonly public: string | undefined; readonly private: string | undefined } | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(name, 'it is not valid JSON');
  }
  const keyval = isRecord(value) ? value.keyval : undefined;
  const type = isRecord(value) && typeof value.keytype === 'string' ? value.keytype.toLowerCase() : undefined;
  if (!isRecord(keyval) || type === undefined) throw invalid(name, 'it has no keytype and keyval');
  if (type !== 'ed25519' && type !== 'rsa') throw invalid(name, 'its keytype is neither ED25519 nor RSA');
  const textOf = (member: unknown): string | undefined =>
    typeof member === 'string' && member !== '' ? member : undefined;
  return { public: textOf(keyval.public), private: textOf(keyval.private) };
}

function readPublicPart(text: string, name: string): PublicKey {
  const make = (): KeyObject =>
    isHex(text)
      ? createPublicKey({
          key: Buffer.from(text.length === 64 ? `${ED25519_SPKI}${text}` : text, 'hex'),
          format: 'der',
          type: 'spki',
        })
      : createPublicKey(text);
  return describe(createKey(make, name, 'public'), name);
}

function isHex(text: string): boolean {
  return /^(?:[0-9a-fA-F]{2})+$/.test(text);
}

function ed25519Private(hex: string): KeyObject {
  const isSeed = hex.length === 64 || hex.length === 128;
  const key = createPrivateKey({
    key: Buffer.from(isSeed ? `${ED25519_PKCS8}${hex.slice(0, 64)}` : hex, 'hex'),
    format: 'der',
    type: 'pkcs8',
  });
  if (hex.length === 128 && !spkiOf(createPublicKey(key)).endsWith(hex.slice(64).toLowerCase())) {
    throw new Error('seed and public key differ');
  }
  return key;
}

function createKey(make: () => KeyObject, name: string, kind: 'public' | 'private'): KeyObject {
  try {
    return make();
  } catch {
    // What the library says may hold a part of the key.
    throw invalid(name, `no ${kind} key can be read from it`);
  }
}

function withPrivate(privateKey: KeyObject, name: string): SigningKey {
  return { ...describe(createPublicKey(privateKey), name), privateKey };
}

function spkiOf(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('hex');
}

function describe(key: KeyObject, name: string): PublicKey {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type !== 'ed25519' && type !== 'rsa' && type !== 'rsa-pss') {
    throw invalid(name, `it is a key of the type ${type ?? 'unknown'}`);
  }
  if (type !== 'ed25519' && (details?.modulusLength ?? 0) < MIN_RSA_BITS) {
    throw invalid(name, `it has ${details?.modulusLength ?? 0} bits, fewer than ${MIN_RSA_BITS}`);
  }
  const method = type === 'ed25519' ? 'ed25519' : 'rsassa-pss-sha256';
  const spki = spkiOf(key);
  const json = {
    keytype: type === 'ed25519' ? 'ed25519' : 'rsa',
    keyval: {
      public:
        type === 'ed25519' ? spki.slice(ED25519_SPKI.length) : String(key.export({ format: 'pem', type: 'spki' })),
    },
    scheme: method,
  };
  // OLPC canonical JSON keeps the line ends of a PEM as they are.
  const canonical = canonicalJson(json).replaceAll('\\n', '\n');
  const ids = { der: hexOf(digestOf(Buffer.from(spki, 'hex'))), tuf: hexOf(digestOf(canonical)) };
  return { method, key, spki, ids };
}

function invalid(name: string, problem: string, hint?: string): RebundleError {
  return new RebundleError(
    'KEY_INVALID',
    `the key ${name} cannot be used: ${problem}`,
    hint === undefined ? {} : { hint },
  );
}
