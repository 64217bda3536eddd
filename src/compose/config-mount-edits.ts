import { contentEnd, resolveAlias, type YamlNode, type YamlSeq } from '../lib/yaml.ts';
import { removeItems, removePairs } from '../lib/yaml-edit.ts';
import type { TextEdit } from '../model/app.ts';
import type { ConfigMount, ServiceConfigs } from './config-mounts.ts';
import { quoteText, writeFlowMap } from './flow-text.ts';
import { createTextEditor, insertMember, replaceValue, type TextEditor } from './text-editor.ts';

/** What YAML reads as one text without quotes, in a list of any style. */
const PLAIN = /^[./~][\w./@+~-]*(?::[\w./@+~-]+)+$/;

/** The edits that put mounts in place of configs. The declarations of the configs stay: nothing refers to them any more, and all releases take that. */
export function editConfigMounts(text: string, services: readonly ServiceConfigs[]): TextEdit[] {
  const editor = createTextEditor(text);
  for (const found of services) editService(editor, found);
  return editor.edits;
}

function editService(editor: TextEditor, { service, list, uses }: ServiceConfigs): void {
  const mounted = uses.flatMap(({ item, outcome }) => ('kept' in outcome ? [] : [{ item, text: spell(outcome) }]));
  const configs = service.members.get('configs');
  if (mounted.length === 0 || configs === undefined) return;
  const { map } = service;
  const volumes = service.members.get('volumes');
  const isAll = mounted.length === uses.length;
  if (volumes === undefined && isAll) {
    editor.edits.push({ start: configs.key.start, end: configs.key.end, text: 'volumes' });
    for (const { item, text } of mounted) replaceItem(editor, item, text);
    return;
  }
  const whole = isAll ? removePairs(editor.text, map, new Set([configs])) : undefined;
  const items = isAll ? undefined : removeItems(editor.text, list, new Set(mounted.map(({ item }) => item)));
  const removals = whole ?? items;
  if (removals === undefined) replaceValue(editor, configs, '[]', map.flow);
  else editor.edits.push(...removals);
  const texts = mounted.map(({ text }) => text);
  const value = volumes === undefined ? undefined : resolveAlias(volumes.value);
  if (volumes === undefined) {
    const lines = texts.map((item) => `  - ${item}`);
    const image = map.pairs.findLast(({ name }) => name === 'image');
    insertMember(editor, map, { key: 'volumes', flow: `[${texts.join(', ')}]`, lines }, image);
  } else if (value?.kind === 'seq' && value.items.length > 0) appendItems(editor, value, texts);
  else replaceValue(editor, volumes, `[${texts.join(', ')}]`, map.flow);
}

function appendItems(editor: TextEditor, list: YamlSeq, texts: readonly string[]): void {
  const { text, eol } = editor;
  const end = contentEnd(list.items.at(-1)!);
  if (list.flow) {
    editor.edits.push({ start: end, end, text: texts.map((item) => `, ${item}`).join('') });
    return;
  }
  const feed = text.indexOf('\n', end);
  const at = text[end - 1] === '\n' ? end : feed < 0 ? text.length : feed + 1;
  const indent = ' '.repeat(list.start - (text.lastIndexOf('\n', list.start - 1) + 1));
  const lines = texts.map((item) => `${indent}- ${item}`).join(eol);
  editor.edits.push({ start: at, end: at, text: text[at - 1] === '\n' ? lines + eol : eol + lines });
}

function replaceItem({ edits, text }: TextEditor, item: YamlNode, replacement: string): void {
  const end = Math.max(item.start, contentEnd(item));
  edits.push({ start: item.start, end, text: replacement + (/\r?\n$/.exec(text.slice(item.start, end))?.[0] ?? '') });
}

/** The short form, but where a variable may bring in a colon. */
function spell({ source, target }: ConfigMount): string {
  const line = `${source}:${target}:ro`;
  if (!line.includes('$')) return PLAIN.test(line) ? line : quoteText(line);
  return writeFlowMap([
    ['type', 'bind'],
    ['source', quoteText(source)],
    ['target', quoteText(target)],
    ['read_only', 'true'],
  ]);
}
