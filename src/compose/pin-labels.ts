import { effectivePairs, isMergeKey, resolveAlias, type YamlMap, type YamlNode, type YamlSeq } from '../lib/yaml.ts';
import { readScalar } from '../lib/yaml-scalars.ts';
import { quoteText, writeFlow, writeFlowMap, writeKey } from './flow-text.ts';
import type { PinContext, PinnedService } from './pin-edits.ts';
import { HASH_LABEL } from './service-hash.ts';
import { insertMember, replaceNode, replaceValue } from './text-editor.ts';

/** Sets the hash label of a service: beside its labels where it has its own, else in a `labels` member that repeats those it inherits. */
export function editLabels(context: PinContext, { service, hash }: PinnedService): void {
  const { editor } = context;
  const { map } = service;
  const pair = service.members.get('labels');
  if (pair === undefined) {
    const image = map.pairs.findLast((own) => own.name === 'image') ?? map.pairs.findLast(isMergeKey);
    const flow = writeLabels(undefined, hash);
    insertMember(editor, map, { key: 'labels', flow, lines: [`  ${HASH_LABEL}: "${hash}"`] }, image);
  } else if (!map.pairs.includes(pair)) {
    context.expanded(
      `service ${service.name} got labels of its own, because those of its merge key are shared`,
      map.start,
    );
    insertMember(editor, map, { key: 'labels', flow: writeLabels(pair.value, hash) }, map.pairs.findLast(isMergeKey));
  } else if (pair.value.kind === 'map') {
    editMap(context, pair.value, hash);
  } else if (pair.value.kind === 'seq' && !hasSeveral(pair.value)) {
    editList(context, pair.value, hash);
  } else {
    if (pair.value.kind === 'alias')
      context.expanded(`the labels of service ${service.name} were written out`, pair.start);
    replaceValue(editor, pair, writeLabels(pair.value, hash), map.flow);
  }
}

/** Labels in flow style with the hash label; a list stays a list. */
export function writeLabels(labels: YamlNode | undefined, hash: string): string {
  const value = labels === undefined ? undefined : resolveAlias(labels);
  if (value?.kind === 'seq') {
    const items = value.items.filter((item) => !isHashItem(item)).map(writeFlow);
    return `[${[...items, quoteText(`${HASH_LABEL}=${hash}`)].join(', ')}]`;
  }
  const members =
    value?.kind === 'map' ? [...effectivePairs(value).values()].filter(({ name }) => name !== HASH_LABEL) : [];
  return writeFlowMap([
    ...members.map((pair) => [writeKey(pair.key), writeFlow(pair.value)] as const),
    [HASH_LABEL, quoteText(hash)],
  ]);
}

function editMap(context: PinContext, labels: YamlMap, hash: string): void {
  const { editor } = context;
  for (const pair of labels.pairs) {
    // What the labels of this service merge may change: the label of its own counts.
    if (isMergeKey(pair)) followMerge(context, pair.value);
  }
  const stale = labels.pairs.filter(({ name }) => name === HASH_LABEL);
  if (stale.length === 0) {
    insertMember(editor, labels, { key: HASH_LABEL, flow: quoteText(hash) });
    context.changed.add(labels);
  }
  for (const pair of stale) {
    const value = resolveAlias(pair.value);
    const isEqual = value.kind === 'scalar' && value.value === hash && readScalar(value, 'go-v3').type === 'string';
    if (isEqual && value.style !== 'plain') continue;
    replaceValue(editor, pair, quoteText(hash), labels.flow);
    context.changed.add(labels);
    if (pair.value.kind !== 'alias') context.changed.add(pair.value);
  }
}

function followMerge(context: PinContext, value: YamlNode): void {
  if (value.kind === 'alias') context.following.add(value);
  if (value.kind === 'seq') for (const item of value.items) if (item.kind === 'alias') context.following.add(item);
}

function editList(context: PinContext, labels: YamlSeq, hash: string): void {
  const { editor } = context;
  const text = `${HASH_LABEL}=${hash}`;
  const stale = labels.items.find(isHashItem);
  if (stale !== undefined) {
    const value = resolveAlias(stale);
    if (value.kind === 'scalar' && value.value === text) return;
    replaceNode(editor, stale, text);
    if (stale.kind !== 'alias') context.changed.add(stale);
  } else if (labels.flow) {
    const at = labels.start + 1 + (/^[ \t]*/.exec(editor.text.slice(labels.start + 1))?.[0].length ?? 0);
    editor.edits.push({ start: at, end: at, text: labels.items.length === 0 ? text : `${text}, ` });
  } else {
    const column = labels.start - (editor.text.lastIndexOf('\n', labels.start - 1) + 1);
    editor.edits.push({
      start: labels.start,
      end: labels.start,
      text: `- ${text}${editor.eol}${' '.repeat(column)}`,
    });
  }
  context.changed.add(labels);
}

function hasSeveral(labels: YamlSeq): boolean {
  return labels.items.filter(isHashItem).length > 1;
}

function isHashItem(item: YamlNode): boolean {
  const value = resolveAlias(item);
  return value.kind === 'scalar' && value.value.split('=')[0] === HASH_LABEL;
}
