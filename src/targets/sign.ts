import { RebundleError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import { applyEdits } from '../lib/text-edit.ts';
import type { TextEdit } from '../model/app.ts';
import { canonicalizeText } from './canonical.ts';
import { isExpiry, judgeExpiry } from './expiry.ts';
import { isSignedBy, type KeyIdRule, type PublicKey, type SigningKey, type SigningMethod, signBytes } from './keys.ts';
import type { TargetsSigners } from './root-role.ts';
import { isRecord } from './target-fields.ts';
import { parseTargetsFile, type TargetsFile } from './targets-file.ts';

/**
 * `device`: as devices of the factory and their server write it, `_type` Targets, signatures in base64 with their method. `tuf`: as TUF 1.0
 * has it, `_type` targets, `spec_version`, signatures in hex.
 */
export type SigningForm = 'device' | 'tuf';

export interface Signature {
  readonly keyid: string;
  /** Only in the form `device`. */
  readonly method?: string;
  readonly sig: string;
}

/** What signing sets in the role. `now` and `expires` are UTC, `YYYY-MM-DDTHH:MM:SSZ`. */
export interface RoleStamp {
  /** Version of the role; by default one above the one that it has. */
  readonly version?: number;
  /** By default the date stays. */
  readonly expires?: string;
  readonly form: SigningForm;
  readonly now: string;
}

export interface SigningOptions extends RoleStamp {
  readonly keys: readonly SigningKey[];
  /** The rule for ids of keys that neither the root role nor the signatures before name; `der` by default. */
  readonly keyIdRule?: KeyIdRule;
  readonly signers?: TargetsSigners;
}

const SPEC_VERSION = '1.0.31';
const KEY_ID = /^[0-9a-f]{64}$/;
const MAX_ROLE_VERSION = 2 ** 31 - 1;

/**
 * The bytes to sign, as text: the role in canonical JSON with its version raised, its date and its type set. The same file and stamp give the
 * same bytes. Throws TARGETS_UNSIGNABLE, TARGETS_EXPIRES, TARGETS_VERSION.
 */
export function exportRole(file: TargetsFile, stamp: RoleStamp): string {
  const read = readRole(file);
  const expires = stamp.expires ?? read.expires;
  if (!isExpiry(expires)) {
    const shown =
      expires === undefined ? 'there is none' : `it is ${escapeTerminal(JSON.stringify(expires).slice(0, 60))}`;
    throw new RebundleError(
      'TARGETS_EXPIRES',
      `${file.path}: expires has to be a date as YYYY-MM-DDTHH:MM:SSZ, ${shown}`,
    );
  }
  if (judgeExpiry(expires, stamp.now) === 'past') {
    throw new RebundleError(
      'TARGETS_EXPIRES',
      `${file.path}: expires ${expires} is past, devices would refuse the file`,
    );
  }
  const before = typeof read.version === 'number' && Number.isInteger(read.version) ? read.version : 0;
  const version = stamp.version ?? before + 1;
  if (version < Math.max(before, 1) || version > MAX_ROLE_VERSION) {
    throw new RebundleError(
      'TARGETS_VERSION',
      `${file.path}: the role cannot go from version ${before} to ${version}`,
      {
        hint: 'Devices take a version of the role that is not below the one they have.',
      },
    );
  }
  const members: readonly (readonly [string, unknown])[] = [
    ['_type', stamp.form === 'device' ? 'Targets' : 'targets'],
    ['expires', expires],
    ...(stamp.form === 'tuf' && typeof read.spec_version !== 'string'
      ? ([['spec_version', SPEC_VERSION]] as const)
      : []),
    ['version', version],
  ];
  const text = applyEdits(file.text, setMembers(file, members));
  const edited = parseTargetsFile(new TextEncoder().encode(text), file.path);
  return canonicalizeText(text, edited.role, file.path);
}

/** Raises the version of the role once, signs it with all keys, and gives the whole file in canonical JSON, as it is to be served. */
export function signTargets(file: TargetsFile, options: SigningOptions): Uint8Array {
  const role = exportRole(file, options);
  const bytes = new TextEncoder().encode(role);
  const former = new Set(readSignatures(file).map(({ keyid }) => keyid));
  const signatures = options.keys.map((key) =>
    describeSignature(options.form, {
      keyid: chooseKeyId(key, options, former),
      method: key.method,
      signature: signBytes(key, bytes),
    }),
  );
  return writeEnvelope(role, signatures);
}

/** A signature that was made elsewhere. */
export interface ForeignSignature {
  readonly keyid: string;
  readonly signature: Uint8Array;
  readonly form: SigningForm;
  /** Verifies the signature, where it is known. */
  readonly publicKey?: PublicKey;
}

/**
 * Puts a signature to a file: to what `exportRole` wrote, or to one that has signatures already and keeps them; one of the same key id
 * replaces the former. The role stays as it is. Throws TARGETS_SIGNATURE where the signature does not hold, or cannot belong to the file.
 */
export function attachSignature(file: TargetsFile, attached: ForeignSignature): Uint8Array {
  const { keyid, signature, form, publicKey } = attached;
  if (!KEY_ID.test(keyid)) {
    throw new RebundleError(
      'TARGETS_SIGNATURE',
      `the key id ${escapeTerminal(keyid.slice(0, 80))} is not 64 lower-case hex digits`,
    );
  }
  const role = canonicalizeText(file.text, file.role, file.path);
  const former = readSignatures(file);
  const bytes = new TextEncoder().encode(role);
  if (publicKey !== undefined && !isSignedBy(publicKey, bytes, signature)) {
    throw new RebundleError(
      'TARGETS_SIGNATURE',
      `${file.path}: the signature of ${keyid} does not hold for these bytes`,
    );
  }
  if (publicKey === undefined && former.length === 0 && file.text !== role) {
    throw new RebundleError('TARGETS_SIGNATURE', `${file.path} is not what targets export wrote`, {
      hint: 'Attach to the exported bytes, or give the public key with --public-key.',
    });
  }
  const method = publicKey?.method ?? (signature.byteLength === 64 ? 'ed25519' : 'rsassa-pss-sha256');
  const others = former.filter((one) => one.keyid !== keyid);
  return writeEnvelope(role, [...others, describeSignature(form, { keyid, method, signature })]);
}

/** Reads a signature as a signer printed it: hex, base64 or the bytes themselves. Throws TARGETS_SIGNATURE. */
export function readSignature(bytes: Uint8Array, name: string): Uint8Array {
  const isPlausible = (found: Uint8Array): boolean =>
    found.byteLength === 64 || (found.byteLength >= 256 && found.byteLength <= 1024 && found.byteLength % 64 === 0);
  const text = Buffer.from(bytes).toString('latin1').replace(/\s+/g, '');
  if (/^(?:[0-9a-fA-F]{2})+$/.test(text) && isPlausible(Buffer.from(text, 'hex'))) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(text) && isPlausible(Buffer.from(text, 'base64'))) {
    return Buffer.from(text, 'base64');
  }
  if (isPlausible(bytes)) return bytes;
  throw new RebundleError('TARGETS_SIGNATURE', `${name} is no Ed25519 or RSA signature in hex, base64 or bytes`);
}

/** The key ids of those signatures of a file that hold, by the keys of the root role. */
export function findValidSigners(file: TargetsFile, { keys }: TargetsSigners): string[] {
  const bytes = new TextEncoder().encode(canonicalizeText(file.text, file.role, file.path));
  const held = readSignatures(file).filter(({ keyid, sig }) => {
    const key = keys.get(keyid);
    return key !== undefined && isSignedBy(key, bytes, Buffer.from(sig, /^[0-9a-f]+$/.test(sig) ? 'hex' : 'base64'));
  });
  return [...new Set(held.map(({ keyid }) => keyid))];
}

/** The signatures of an envelope that have the members of one; none where there is no envelope. */
export function readSignatures(file: TargetsFile): Signature[] {
  if (file.signatures === undefined) return [];
  const list: unknown = JSON.parse(file.text.slice(file.signatures.start, file.signatures.end));
  return (Array.isArray(list) ? list : []).flatMap((item: unknown) =>
    isRecord(item) && typeof item.keyid === 'string' && typeof item.sig === 'string'
      ? [
          {
            keyid: item.keyid,
            ...(typeof item.method === 'string' ? { method: item.method } : {}),
            sig: item.sig,
          },
        ]
      : [],
  );
}

/** `_type`, `version` and the other short members of the role. */
export function readRole({ text, role }: TargetsFile): Readonly<Record<string, unknown>> {
  const short = [...role.members].filter(([name]) => name !== 'targets' && name !== 'delegations');
  return Object.fromEntries(
    short.map(([name, span]) => [name, JSON.parse(text.slice(span.start, span.end)) as unknown]),
  );
}

function setMembers({ role }: TargetsFile, members: readonly (readonly [string, unknown])[]): TextEdit[] {
  const missing: string[] = [];
  const edits: TextEdit[] = [];
  for (const [name, value] of members) {
    const span = role.members.get(name);
    if (span === undefined) missing.push(`${JSON.stringify(name)}:${JSON.stringify(value)},`);
    else edits.push({ start: span.start, end: span.end, text: JSON.stringify(value) });
  }
  // `targets` is always there, so a comma fits.
  const added = { start: role.start + 1, end: role.start + 1, text: missing.join('') };
  return [...(missing.length === 0 ? [] : [added]), ...edits].sort((a, b) => a.start - b.start);
}

/** The id of a key: as the root role has it, else as a signature before had it, else by the rule. */
function chooseKeyId(key: SigningKey, { signers, keyIdRule }: SigningOptions, former: ReadonlySet<string>): string {
  if (signers !== undefined) {
    const named = [...signers.keys].find(([, { spki }]) => spki === key.spki);
    if (named !== undefined) return named[0];
    throw new RebundleError('KEY_INVALID', `the root role does not name the key ${key.ids.tuf} for targets`, {
      hint: 'Sign with a key that root.json lists under roles.targets.',
    });
  }
  const used = [key.ids.der, key.ids.tuf].find((id) => former.has(id));
  return keyIdRule === undefined ? (used ?? key.ids.der) : key.ids[keyIdRule];
}

function describeSignature(
  form: SigningForm,
  made: { readonly keyid: string; readonly method: SigningMethod; readonly signature: Uint8Array },
): Signature {
  const sig = Buffer.from(made.signature);
  return form === 'device'
    ? { keyid: made.keyid, method: made.method, sig: sig.toString('base64') }
    : { keyid: made.keyid, sig: sig.toString('hex') };
}

function writeEnvelope(role: string, signatures: readonly Signature[]): Uint8Array {
  return new TextEncoder().encode(`{"signatures":${canonicalJson(signatures)},"signed":${role}}`);
}
