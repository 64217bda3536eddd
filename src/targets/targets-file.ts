import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { escapeTerminal } from '../lib/escape-text.ts';
import type { Target } from '../model/target.ts';
import {
  explainJsonError,
  locateOffset,
  type MemberSpan,
  type ObjectName,
  type ObjectSpan,
  scanObjects,
} from './json-members.ts';
import { isRecord } from './target-fields.ts';

/** Bytes of targets metadata that devices read; a larger file stops every update. */
export const MAX_TARGETS_BYTES = 8 * 1024 * 1024;

/** A targets file: what it says and, so that nothing of it gets lost, its text and where things are in it. */
export interface TargetsFile {
  /** How messages name the file. */
  readonly path: string;
  readonly text: string;
  /** In the order of the file. */
  readonly targets: ReadonlyMap<string, Target>;
  /** The outermost object. */
  readonly root: ObjectSpan;
  /** The role: the outermost object or, in an envelope, `signed`. */
  readonly role: ObjectSpan;
  /** The object `targets`. */
  readonly entries: ObjectSpan;
  /** Where the file is a signed envelope: the value of `signatures`. */
  readonly signatures: MemberSpan | undefined;
}

/** The error for a file of `bytes` bytes, read or to be written. */
export function targetsTooLarge(path: string, bytes: number): RebundleError {
  return new RebundleError('TARGETS_SIZE', `${path}: ${bytes} bytes, devices read at most ${MAX_TARGETS_BYTES}`, {
    hint: 'Prune old targets that no device runs or rolls back to, with their file targets.',
  });
}

/** The error for a target of the file, at its place. */
export function targetInvalid(file: TargetsFile, name: string, problem: string): RebundleError {
  const offset = file.entries.members.get(name)?.keyStart ?? file.entries.start;
  return new RebundleError('TARGETS_INVALID', `${file.path}: target ${escapeTerminal(name)}: ${problem}`, {
    location: locateOffset(file.text, offset, file.path),
  });
}

/**
 * Reads the targets role (TUF specification, 4.5), bare or in its signed envelope. Unknown members are let through, signatures and
 * `expires` are not judged. Throws TARGETS_SIZE above 8 MiB; TARGETS_INVALID, with line and column, for what is not JSON, not a
 * targets role, nested deeper than 64 levels or ambiguous by a member written twice.
 */
export function parseTargetsFile(bytes: Uint8Array, path: string): TargetsFile {
  if (bytes.byteLength > MAX_TARGETS_BYTES) throw targetsTooLarge(path, bytes.byteLength);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new RebundleError('TARGETS_INVALID', `${path}: not UTF-8`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw explainJsonError(text, path);
  }
  const objects = scanObjects(text, path);
  const refuse = (problem: string, offset: number): RebundleError =>
    new RebundleError('TARGETS_INVALID', `${path}: ${problem}`, { location: locateOffset(text, offset, path) });

  const root = objects.get('root');
  if (!isRecord(value) || root === undefined) throw refuse('not an object', 0);
  const enveloped = root.members.has('signed');
  const [roleName, targetsName]: [ObjectName, ObjectName] = enveloped
    ? ['signed', 'signed.targets']
    : ['root', 'targets'];
  const role = objects.get(roleName);
  const roleValue = enveloped ? value.signed : value;
  if (!isRecord(roleValue) || role === undefined) throw refuse('signed is not an object', startOf(root, 'signed'));
  const signatures = enveloped ? root.members.get('signatures') : undefined;
  if (enveloped && !Array.isArray(value.signatures))
    throw refuse('signatures is not a list', startOf(root, 'signatures'));
  const type = roleValue._type;
  if (role.members.has('_type') && (typeof type !== 'string' || type.toLowerCase() !== 'targets')) {
    throw refuse('_type is not Targets', startOf(role, '_type'));
  }
  const entries = objects.get(targetsName);
  if (!isRecord(roleValue.targets) || entries === undefined)
    throw refuse('targets is not an object', startOf(role, 'targets'));

  const targets = new Map<string, Target>();
  // By the order of the text: JavaScript puts names that are numbers first.
  for (const [name, span] of entries.members) {
    const problem = findProblem(roleValue.targets[name]);
    if (problem !== undefined) throw refuse(`target ${escapeTerminal(name)}: ${problem}`, span.start);
    targets.set(name, roleValue.targets[name] as Target);
  }
  return { path, text, targets, root, role, entries, signatures };
}

function startOf(object: ObjectSpan, member: string): number {
  return object.members.get(member)?.start ?? object.start;
}

/** What hinders an entry from being a target at all. Which fields a use needs is for that use to judge. */
function findProblem(entry: unknown): string | undefined {
  if (!isRecord(entry)) return 'not an object';
  if (Object.hasOwn(entry, 'hashes') && !isRecord(entry.hashes)) return 'hashes is not an object';
  if (Object.hasOwn(entry, 'length') && typeof entry.length !== 'number') return 'length is not a number';
  if (Object.hasOwn(entry, 'custom') && !isRecord(entry.custom)) return 'custom is not an object';
  return undefined;
}
