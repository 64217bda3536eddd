import { RebundleError } from '../errors.ts';
import { compareText, decodeUtf8 } from '../lib/bytes.ts';
import { isDigest } from '../lib/digest.ts';
import { jsonChunks } from '../lib/json-chunks.ts';
import type { Descriptor, Digest } from '../model/oci.ts';
import { MEDIA_TYPES } from '../model/oci.ts';
import { isObject } from './manifest.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';

type IndexEntry = Readonly<Record<string, unknown>>;

/** `index.json` of a layout. Members and entries that others wrote stay as they are. */
export interface LayoutIndex {
  readonly members: Readonly<Record<string, unknown>>;
  readonly entries: readonly IndexEntry[];
}

/** Parses `index.json`; no file is an index without entries. Throws REGISTRY_LAYOUT where it is damaged. `path` is for messages. */
export function parseIndex(bytes: Uint8Array | undefined, path: string): LayoutIndex {
  if (bytes === undefined) return { members: { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex }, entries: [] };
  let document: unknown;
  try {
    document = JSON.parse(decodeUtf8(bytes) ?? '');
  } catch (cause) {
    throw damaged(path, 'it is not JSON', cause);
  }
  if (!isObject(document)) throw damaged(path, 'it is not an object');
  // Go programs write null for an empty list.
  const manifests = document.manifests ?? [];
  if (!Array.isArray(manifests) || !manifests.every(isObject))
    throw damaged(path, 'its manifests are not a list of descriptors');
  return { members: document, entries: manifests };
}

/** Entries whose texts are kept: an index is written anew for every few apps. Of a huge one that would take too much memory. */
const MAX_TEXTS = 4096;
const TEXTS = new WeakMap<object, string>();

/** The text of `index.json` in pieces: entries in the order of their names, those without a name first and as they were. */
export function formatIndex(index: LayoutIndex): Iterable<string> {
  const manifests = index.entries.toSorted((a, b) => compareText(nameOf(a) ?? '', nameOf(b) ?? ''));
  const encode = (value: unknown, indent: number): string => JSON.stringify(value, undefined, indent);
  return jsonChunks({ ...index.members, manifests }, encode, manifests.length > MAX_TEXTS ? undefined : TEXTS);
}

/** The manifest that a full `host/repository:tag` names. Throws REGISTRY_LAYOUT where its entry is no descriptor that can be used. */
export function findTagged(
  index: LayoutIndex,
  refName: string,
  path: string,
): { readonly digest: Digest; readonly size: number; readonly mediaType: string | undefined } | undefined {
  const entry = entriesByName(index).get(refName)?.[0];
  if (entry === undefined) return undefined;
  const { digest, size } = entry;
  if (typeof digest !== 'string' || !isDigest(digest))
    throw damaged(path, `the entry of ${refName} has no sha256 digest`);
  if (typeof size !== 'number') throw damaged(path, `the entry of ${refName} has no size`);
  return { digest, size, mediaType: typeOf(entry) };
}

/** The media type that an entry announces for a digest. */
export function findMediaType(index: LayoutIndex, digest: Digest): string | undefined {
  const entry = index.entries.find((candidate) => candidate.digest === digest && typeOf(candidate) !== undefined);
  return entry === undefined ? undefined : typeOf(entry);
}

/** The index with these tags (by full name) set; the very same object where each already names its manifest. */
export function setTags(index: LayoutIndex, tags: ReadonlyMap<string, Descriptor>): LayoutIndex {
  const changed = new Map([...tags].filter(([refName, descriptor]) => !isSet(index, refName, descriptor)));
  if (changed.size === 0) return index;
  const kept = index.entries.filter((entry) => !changed.has(nameOf(entry) ?? ''));
  const added = [...changed].map(([refName, { mediaType, digest, size }]) => ({
    mediaType,
    digest,
    size,
    annotations: { [REF_NAME]: refName },
  }));
  return { members: index.members, entries: [...kept, ...added] };
}

function isSet(index: LayoutIndex, refName: string, descriptor: Descriptor): boolean {
  const [entry, second] = entriesByName(index).get(refName) ?? [];
  if (entry === undefined || second !== undefined) return false;
  return (
    entry.digest === descriptor.digest && entry.size === descriptor.size && entry.mediaType === descriptor.mediaType
  );
}

/** Each index is looked at for every app. */
const NAMES = new WeakMap<LayoutIndex, ReadonlyMap<string, readonly IndexEntry[]>>();

function entriesByName(index: LayoutIndex): ReadonlyMap<string, readonly IndexEntry[]> {
  const known = NAMES.get(index);
  if (known !== undefined) return known;
  const names = new Map<string, IndexEntry[]>();
  for (const entry of index.entries) {
    const name = nameOf(entry);
    const same = name === undefined ? undefined : names.get(name);
    if (same !== undefined) same.push(entry);
    else if (name !== undefined) names.set(name, [entry]);
  }
  NAMES.set(index, names);
  return names;
}

function nameOf(entry: IndexEntry): string | undefined {
  const name = isObject(entry.annotations) ? entry.annotations[REF_NAME] : undefined;
  return typeof name === 'string' ? name : undefined;
}

function typeOf(entry: IndexEntry): string | undefined {
  return typeof entry.mediaType === 'string' && entry.mediaType !== '' ? entry.mediaType : undefined;
}

function damaged(path: string, why: string, cause?: unknown): RebundleError {
  return new RebundleError('REGISTRY_LAYOUT', `${path} is damaged: ${why}`, {
    hint: 'Restore the file or name another folder; the blobs of the layout are not touched.',
    cause,
  });
}
