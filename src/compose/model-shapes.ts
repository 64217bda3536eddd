import { compareText } from '../lib/bytes.ts';
import { splitGoWords, splitPythonWords } from '../lib/shell-words.ts';
import {
  at,
  type Canon,
  canonAt,
  exactText,
  listOf,
  type ModelContext,
  mapOf,
  printScalar,
  refuse,
  text,
} from './model-scalars.ts';
import type { ModelMap, ModelValue } from './model-value.ts';

/** Anything that has no form of its own: empty values go, scalars become text. */
export const generic: Canon = (value, context) => {
  if (value instanceof Map) return dropEmpty(mapMembers(value, context, () => generic));
  if (Array.isArray(value)) return value.length === 0 ? undefined : items(value, context, generic);
  return value === false ? undefined : text(value as ModelValue, context);
};

/** A mapping whose members have forms of their own; extensions mean nothing to compose. */
export function record(fields: Readonly<Record<string, Canon>>): Canon {
  const known = new Map(Object.entries(fields));
  return (value, context) =>
    value === null
      ? undefined
      : dropEmpty(
          mapMembers(mapOf(value, context), context, (name) =>
            name.startsWith('x-') ? undefined : (known.get(name) ?? generic),
          ),
        );
}

/** A mapping of names to things of one form; a thing without attributes is there all the same. */
export function named(canon: Canon): Canon {
  return (value, context) => {
    if (value === null) return undefined;
    const members = new Map<string, ModelValue>();
    for (const [name, member] of mapOf(value, context)) {
      if (name.startsWith('x-')) continue;
      members.set(name, canonAt(context, name, canon, member) ?? new Map());
    }
    return dropEmpty(members);
  };
}

function mapMembers(map: ModelMap, context: ModelContext, canonOf: (name: string) => Canon | undefined): ModelMap {
  const members = new Map<string, ModelValue>();
  for (const [name, member] of map) {
    const canon = canonOf(name);
    const value = canon === undefined ? undefined : canonAt(context, name, canon, member);
    if (value !== undefined) members.set(name, value);
  }
  return members;
}

function dropEmpty(map: ModelMap): ModelMap | undefined {
  return map.size === 0 ? undefined : map;
}

function items(values: readonly ModelValue[], context: ModelContext, canon: Canon): ModelValue[] {
  return values.map((item, i) => at(context, String(i), () => canon(item, context)) ?? '');
}

function list(canon: Canon): Canon {
  return (value, context) => {
    if (value === null) return undefined;
    const found = items(listOf(value, context), context, canon);
    return found.length === 0 ? undefined : found;
  };
}

export const texts: Canon = list(exactText);

/** A list in which order says nothing. */
export const textSet: Canon = (value, context) => {
  const found = texts(value, context) as readonly string[] | undefined;
  return found === undefined ? undefined : [...new Set(found)].sort(compareText);
};

export const textOrTexts: Canon = (value, context) =>
  Array.isArray(value) || value === null
    ? texts(value, context)
    : value === ''
      ? undefined
      : [printScalar(value, context)];

/** A command. An empty one is kept: it is not the same as none. */
export const words: Canon = (value, context) => {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map((word: ModelValue) => printScalar(word, context));
  const line = printScalar(value, context);
  const split = context.generation === '1.29' ? splitPythonWords(line) : splitGoWords(line);
  return split ?? refuse(context, value, 'command');
};

/** The test of a healthcheck: a text is run by the shell. */
export const healthTest: Canon = (value, context) => {
  if (value === null) return undefined;
  return Array.isArray(value) ? texts(value, context) : ['CMD-SHELL', printScalar(value, context)];
};

/** `NAME=value` lines or a mapping. Without a value a name is null where compose passes it on, else empty. */
export function pairs(options: { readonly separator: string; readonly absent: null | '' }): Canon {
  const { separator, absent } = options;
  return (value, context) => {
    if (value === null) return undefined;
    const members = new Map<string, ModelValue>();
    if (Array.isArray(value)) {
      for (const item of value) {
        const line = printScalar(item as ModelValue, context);
        const split = line.indexOf(separator);
        if (split < 0) members.set(line, absent);
        else members.set(line.slice(0, split), line.slice(split + separator.length));
      }
    } else {
      for (const [name, member] of mapOf(value, context)) {
        members.set(name, member === null ? absent : at(context, name, () => printScalar(member, context)));
      }
    }
    return dropEmpty(members);
  };
}

/** `host:address` lines or a mapping; one host may have several addresses. */
export const hosts: Canon = (value, context) => {
  if (value === null) return undefined;
  const lines = Array.isArray(value)
    ? value.map((item: ModelValue) => printScalar(item, context).replace(/^([^:=]*)=/, '$1:'))
    : [...mapOf(value, context)].map(([name, member]) => `${name}:${printScalar(member, context)}`);
  return lines.length === 0 ? undefined : [...new Set(lines)].sort(compareText);
};

/** A list of names, or a mapping of names to attributes. */
export function names(canon: Canon): Canon {
  return (value, context) => {
    if (!Array.isArray(value)) return named(canon)(value, context);
    return dropEmpty(new Map(value.map((item: ModelValue) => [printScalar(item, context), new Map()])));
  };
}

/** A text, or a mapping in which the text is one member. */
export function shorthand(member: string, canon: Canon): Canon {
  return (value, context) =>
    value === null || value instanceof Map ? canon(value, context) : canon(new Map([[member, value]]), context);
}

/** What is not declared here but made by others: `external: true`, or with the name below it. */
export function externalOr(canon: Canon): Canon {
  return (value, context) => {
    if (!(value instanceof Map)) return canon(value, context);
    const external = value.get('external') as ModelValue | undefined;
    if (external === undefined || external === null || external === false) return canon(value, context);
    // docker-compose 1.29 asks whether there is anything in it.
    if (external instanceof Map && external.size === 0 && context.generation === '1.29') return canon(value, context);
    const inner = external instanceof Map ? external.get('name') : undefined;
    if (!(external instanceof Map) && external !== true && canonBool(external) !== true) return canon(value, context);
    const name = value.get('name') ?? inner ?? context.path.at(-1) ?? '';
    return new Map<string, ModelValue>([
      ['external', true],
      ['name', printScalar(name as ModelValue, context)],
    ]);
  };
}

function canonBool(value: ModelValue): boolean {
  return typeof value === 'string' && ['y', 'yes', 'true', 'on'].includes(value.toLowerCase());
}
