import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { type PublicKey, readPublicKey } from './keys.ts';
import { isRecord } from './target-fields.ts';

/** Who may sign targets, by the root role (TUF specification, 4.3). */
export interface TargetsSigners {
  readonly threshold: number;
  /** Key ids in the order of the role, with their keys. */
  readonly keys: ReadonlyMap<string, PublicKey>;
}

/** Reads the signers of targets from a root role, bare or in its envelope; its own signatures are not judged. Throws TARGETS_INVALID. */
export function readTargetsSigners(bytes: Uint8Array, path: string): TargetsSigners {
  const refuse = (problem: string): RebundleError =>
    new RebundleError('TARGETS_INVALID', `${path}: ${problem}`, { hint: 'Give the root.json of the TUF repository.' });
  const text = decodeUtf8(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    throw refuse('not valid JSON');
  }
  const root = isRecord(value) && isRecord(value.signed) ? value.signed : value;
  if (!isRecord(root) || typeof root._type !== 'string' || root._type.toLowerCase() !== 'root') {
    throw refuse('not a root role');
  }
  const role = isRecord(root.roles) ? root.roles.targets : undefined;
  if (!isRecord(role) || !Array.isArray(role.keyids) || !isRecord(root.keys)) {
    throw refuse('it names no keys for targets');
  }
  const { threshold } = role;
  if (typeof threshold !== 'number' || !Number.isInteger(threshold) || threshold < 1) {
    throw refuse('the threshold of targets is not a positive integer');
  }
  const keys = new Map<string, PublicKey>();
  for (const id of role.keyids) {
    const key = typeof id === 'string' && Object.hasOwn(root.keys, id) ? root.keys[id] : undefined;
    const read = key === undefined ? undefined : readKnownKey(key);
    if (read !== undefined) keys.set(String(id), read);
  }
  return { threshold, keys };
}

/** A key of a type that is not ours to use may be there as well. */
function readKnownKey(key: unknown): PublicKey | undefined {
  try {
    return readPublicKey(JSON.stringify(key), 'of the root role');
  } catch {
    return undefined;
  }
}
