import { RebundleError } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import {
  isMergeKey,
  resolveAlias,
  type YamlAlias,
  type YamlMap,
  type YamlNode,
  type YamlScalar,
  type YamlValue,
} from '../lib/yaml.ts';
import type { Diagnostic } from '../model/app.ts';
import type { ComposeFile, ComposeService } from './compose-file.ts';
import { quoteText, writeFlow, writeFlowMap, writeKey } from './flow-text.ts';
import { editLabels, writeLabels } from './pin-labels.ts';
import { insertMember, isRemoved, removeMembers, replaceNode, replaceValue, type TextEditor } from './text-editor.ts';

/** A service, the image that it gets and the hash of its label. */
export interface PinnedService {
  readonly service: ComposeService;
  readonly image: string;
  readonly hash: string;
}

/** What edits of one file share. */
export interface PinContext {
  readonly editor: TextEditor;
  /** Nodes whose value changes in place: an alias of one elsewhere would change with it. */
  readonly changed: Set<YamlValue>;
  /** Aliases that shall change with their target. */
  readonly following: Set<YamlAlias>;
  readonly expanded: (what: string, at: number) => void;
}

/**
 * Collects the edits that pin the images of services, drop `build` and set the hash labels, in whatever style they are written. A node that
 * several places share is edited once where they all want the same; else the place that differs gets its own text, with a finding.
 */
export function editServices(file: ComposeFile, services: readonly PinnedService[], editor: TextEditor): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const context: PinContext = {
    editor,
    changed: new Set(),
    following: new Set(),
    expanded: (what, at) => {
      diagnostics.push(finding('yaml.alias-expanded', what, { location: file.document.locate(at) }));
    },
  };
  const units = groupByMap(context, services);
  for (const map of mergedMaps(units.map(({ service }) => service.map))) {
    removeMembers(
      editor,
      map,
      map.pairs.filter(({ name, key }) => name === 'build' && key.kind === 'scalar'),
    );
  }
  editor.removed.sort((a, b) => a.start - b.start);
  editImages(context, units);
  for (const unit of units) editLabels(context, unit);
  restoreAliases(context, file.root);
  return diagnostics;
}

/** One service per map. A further service that is an alias of the map wants the same, or else is written out. */
function groupByMap(context: PinContext, services: readonly PinnedService[]): PinnedService[] {
  const units = new Map<YamlMap, PinnedService>();
  for (const pinned of services) {
    const { service, image, hash } = pinned;
    const first = units.get(service.map);
    if (first === undefined) units.set(service.map, pinned);
    else if (first.image !== image || first.hash !== hash) {
      context.expanded(
        `service ${service.name} was written out, because its pin differs from that of ${first.service.name}`,
        service.pair.start,
      );
      replaceNode(context.editor, service.pair.value, writeService(pinned));
    }
  }
  return [...units.values()];
}

function writeService({ service, image, hash }: PinnedService): string {
  const members = [...service.members].filter(([name]) => name !== 'build' && name !== 'image' && name !== 'labels');
  const written = members.map(([, pair]) => [writeKey(pair.key), writeFlow(pair.value)] as const);
  return writeFlowMap([
    ['image', writeImage(image)],
    ...written,
    ['labels', writeLabels(service.members.get('labels')?.value, hash)],
  ]);
}

/** The maps of services and all that `<<` brings into them. */
function mergedMaps(maps: readonly YamlMap[]): YamlMap[] {
  const found = new Set<YamlMap>(maps);
  for (const map of found) {
    for (const pair of map.pairs.filter(isMergeKey)) {
      const value = resolveAlias(pair.value);
      for (const merged of value.kind === 'seq' ? value.items.map(resolveAlias) : [value]) {
        if (merged.kind === 'map') found.add(merged);
      }
    }
  }
  return [...found];
}

function editImages(context: PinContext, units: readonly PinnedService[]): void {
  const holders = new Map<YamlScalar, PinnedService[]>();
  for (const unit of units) {
    const node = imageNode(unit);
    const users = holders.get(node);
    if (users === undefined) holders.set(node, [unit]);
    else users.push(unit);
  }
  for (const [node, users] of holders) {
    const owner = users.find(({ service }) => service.map.pairs.some((pair) => pair.value === node));
    const differ = new Set(users.map(({ image }) => image)).size > 1;
    const isGone = isRemoved(context.editor, node.start);
    for (const user of users) {
      if (!isGone && (!differ || user === owner)) followImage(context, user, node);
      else writeOwnImage(context, user);
    }
  }
}

function imageNode({ service }: PinnedService): YamlScalar {
  const pair = service.members.get('image');
  const node = pair === undefined ? undefined : resolveAlias(pair.value);
  if (node?.kind === 'scalar' && node.start !== node.end) return node;
  throw new RebundleError('IMAGE_MISSING', `service ${service.name} has no image to pin`);
}

function followImage(context: PinContext, { service, image }: PinnedService, node: YamlScalar): void {
  const value = service.members.get('image')?.value;
  if (value?.kind === 'alias') context.following.add(value);
  if (node.value === image) return;
  replaceNode(context.editor, node, writeImage(image));
  context.changed.add(node);
}

function writeOwnImage(context: PinContext, { service, image }: PinnedService): void {
  const pair = service.members.get('image');
  if (pair === undefined) return;
  context.expanded(`service ${service.name} got an image of its own, because it cannot share one`, pair.start);
  if (service.map.pairs.includes(pair)) replaceValue(context.editor, pair, writeImage(image), service.map.flow);
  else
    insertMember(
      context.editor,
      service.map,
      { key: 'image', flow: writeImage(image) },
      service.map.pairs.findLast(isMergeKey),
    );
}

function writeImage(image: string): string {
  return /^[A-Za-z0-9]/.test(image) ? image : quoteText(image);
}

/** Writes out each alias whose target was edited for others, or is gone. */
function restoreAliases(context: PinContext, root: YamlMap): void {
  const { editor, changed, following } = context;
  for (const alias of eachAlias(root)) {
    const isGone = isRemoved(editor, alias.target.start, alias.target.end);
    if (isRemoved(editor, alias.start) || editor.replaced.has(alias)) continue;
    if (!isGone && (following.has(alias) || !changed.has(alias.target))) continue;
    context.expanded(`the alias *${alias.name} was written out, because what it stands for was edited`, alias.start);
    replaceNode(editor, alias, writeFlow(alias));
  }
}

function* eachAlias(node: YamlNode): Generator<YamlAlias> {
  if (node.kind === 'alias') yield node;
  else if (node.kind === 'seq') for (const item of node.items) yield* eachAlias(item);
  else if (node.kind === 'map') {
    for (const pair of node.pairs) {
      yield* eachAlias(pair.key);
      yield* eachAlias(pair.value);
    }
  }
}
