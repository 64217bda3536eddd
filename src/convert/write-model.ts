import type { ModelMap, ModelValue } from '../compose/model-value.ts';
import { compareText } from '../lib/bytes.ts';
import { printPython, readPlain } from '../lib/yaml-scalars.ts';
import { quoteDouble } from './edit-scalar.ts';

/** How a text of docker-app's render has to be written so that compose has the same text: `$` doubled where compose reads it for the first time. */
export type EscapeText = (text: string) => string;

const READERS = ['go-v2', 'python', 'go-v3'] as const;
const PLAIN = /^[a-zA-Z][\w./-]*$/;

/** A model as a YAML value on one line that every release of compose reads alike. */
export function writeFlow(value: ModelValue, encode: EscapeText): string {
  if (value instanceof Map) {
    return `{${[...(value as ModelMap)].map(([name, member]) => `${writeText(name)}: ${writeFlow(member, encode)}`).join(', ')}}`;
  }
  if (Array.isArray(value)) return `[${value.map((item: ModelValue) => writeFlow(item, encode)).join(', ')}]`;
  if (typeof value === 'string') return quoteDouble(encode(value));
  if (typeof value === 'number') return printPython({ type: 'float', value });
  return String(value);
}

/** A model as a YAML document in blocks, members sorted but for `version` first. Lines end with `\n`. */
export function writeDocument(model: ModelMap, encode: EscapeText): string {
  const lines: string[] = [];
  const write = (value: ModelValue, indent: string, head: string): void => {
    if (value instanceof Map && value.size > 0) {
      lines.push(head);
      for (const name of sortedNames(value, indent))
        write(value.get(name) as ModelValue, `${indent}  `, `${indent}${writeText(name)}:`);
    } else if (Array.isArray(value) && value.length > 0) {
      lines.push(head);
      for (const item of value as readonly ModelValue[]) lines.push(`${indent}- ${writeItem(item, encode)}`);
    } else lines.push(`${head} ${writeItem(value, encode)}`);
  };
  for (const name of sortedNames(model, '')) {
    // Read before anything is interpolated.
    const own = name === 'version' ? (text: string): string => text : encode;
    if (own !== encode) lines.push(`version: ${writeFlow(model.get(name) ?? null, own)}`);
    else write(model.get(name) ?? null, '  ', `${writeText(name)}:`);
  }
  return `${lines.join('\n')}\n`;
}

function sortedNames(map: ModelMap, indent: string): string[] {
  const first = (name: string): number => (indent === '' && name === 'version' ? 0 : 1);
  return [...map.keys()].sort((a, b) => first(a) - first(b) || compareText(a, b));
}

function writeItem(value: ModelValue, encode: EscapeText): string {
  return typeof value === 'string' && !value.includes('$') ? writeText(value) : writeFlow(value, encode);
}

/** Plain where that is one text to every reader. */
function writeText(text: string): string {
  return PLAIN.test(text) && READERS.every((reader) => readPlain(text, reader).type === 'string')
    ? text
    : quoteDouble(text);
}
