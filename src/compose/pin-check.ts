import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { effectivePairs, type YamlScalar } from '../lib/yaml.ts';
import { type ComposeFile, type ComposeService, isNull } from './compose-file.ts';
import { isText } from './flow-text.ts';
import type { PinnedService } from './pin-edits.ts';
import {
  createPlainMap,
  HASH_LABEL,
  isPlainList,
  type PlainValue,
  readPlain,
  readPlainService,
  withMember,
} from './service-hash.ts';

/**
 * Throws INTERNAL unless a pinned file means what the file before meant, but for images, `build` and hash labels, and unless these are the
 * intended ones. Extensions (`x-*`) at the root mean nothing and are not compared.
 */
export function checkPinned(before: ComposeFile, after: ComposeFile, services: readonly PinnedService[]): void {
  if (canonicalJson(readRest(before)) !== canonicalJson(readRest(after))) throw unintended('a part outside services');
  const names = (file: ComposeFile): string => canonicalJson(file.services.map(({ name }) => name));
  if (names(before) !== names(after)) throw unintended('the list of services');
  for (const [i, pinned] of services.entries()) {
    const edited = after.services[i];
    const isWrong = edited === undefined || edited.members.has('build') || !isPinnedAs(edited, pinned);
    if (isWrong) throw unintended(`service ${pinned.service.name}`);
  }
}

function isPinnedAs(edited: ComposeService, { service, image, hash }: PinnedService): boolean {
  const expected = withMember(readExact(service), 'image', image);
  const labels = readHashLabels(edited);
  return canonicalJson(expected) === canonicalJson(readExact(edited)) && labels.length === 1 && labels[0] === hash;
}

function unintended(what: string): RebundleError {
  return new RebundleError('INTERNAL', `pinning changed ${what} in a way that was not intended`);
}

function readRest(file: ComposeFile): PlainValue {
  const rest = createPlainMap();
  for (const [name, pair] of effectivePairs(file.root)) {
    if (name !== 'services' && !name.startsWith('x-')) rest[name] = readPlain(pair.value, readExactScalar);
  }
  return rest;
}

/** A service with scalars as exactly as all YAML readers together see them; labels are in order of their text. */
function readExact(service: ComposeService): { readonly [name: string]: PlainValue } {
  const members = readPlainService(service, readExactScalar);
  const { labels } = members;
  if (!isPlainList(labels)) return members;
  return withMember(
    members,
    'labels',
    labels.toSorted((a, b) => compareText(canonicalJson(a), canonicalJson(b))),
  );
}

/** Text is text; what some reader takes as another type keeps its exact spelling, apart from every text. */
function readExactScalar(node: YamlScalar): PlainValue {
  if (isText(node)) return node.value;
  return isNull(node) ? null : ['plain', node.tag ?? '', node.value];
}

/** The values of the hash label: one in a pinned file. */
export function readHashLabels(service: ComposeService): string[] {
  const labels = service.members.get('labels');
  const value = labels === undefined ? null : readPlain(labels.value, (node) => (isText(node) ? node.value : null));
  if (isPlainList(value)) {
    const items = value.filter((item) => typeof item === 'string' && item.split('=')[0] === HASH_LABEL);
    return items.map((item) => String(item).slice(HASH_LABEL.length + 1));
  }
  const hash = value !== null && typeof value === 'object' ? value[HASH_LABEL] : undefined;
  return typeof hash === 'string' ? [hash] : [];
}
