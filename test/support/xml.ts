import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An element of a strictly read document, without namespaces, entities of its own, comments and processing instructions. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text))
    throw new Error('a character that XML does not have');
  const found = text.replace(/&([a-z]+);/g, (_all, name: string) => {
    const value = ENTITIES[name];
    if (value === undefined) throw new Error(`unknown entity ${name}`);
    return value;
  });
  if (/&(?![a-z]+;)/.test(text) || text.includes('<')) throw new Error('an open & or <');
  return found;
}

/** Reads a document; throws where it is not well formed. */
export function readXml(source: string): XmlElement {
  const body = source.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/, '').replace(/^<!--[\s\S]*?-->\s*/, '');
  const tag = /<(\/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>/y;
  type Open = { name: string; attributes: Map<string, string>; children: XmlElement[]; text: string };
  const stack: Open[] = [{ name: '', attributes: new Map(), children: [], text: '' }];
  let at = 0;
  while (at < body.length) {
    const next = body.indexOf('<', at);
    const text = body.slice(at, next < 0 ? body.length : next);
    const top = stack.at(-1)!;
    top.text += decode(text);
    if (next < 0) break;
    tag.lastIndex = next;
    const match = tag.exec(body);
    if (match === null) throw new Error(`no tag: ${body.slice(next, next + 80)}`);
    const [whole, close, name = '', attributes = '', empty] = match;
    at = next + whole.length;
    if (close === '/') {
      if (stack.pop()?.name !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    const members = new Map<string, string>();
    for (const [, key = '', value = ''] of attributes.matchAll(/\s([\w:.-]+)="([^"]*)"/g)) {
      if (members.has(key)) throw new Error(`${key} is there twice`);
      members.set(key, decode(value));
    }
    const element: Open = { name, attributes: members, children: [], text: '' };
    top.children.push(element);
    if (empty !== '/') stack.push(element);
  }
  const [root] = stack;
  if (stack.length !== 1 || root?.children.length !== 1 || root.text.trim() !== '')
    throw new Error('not one closed root');
  return root.children[0]!;
}

interface Rule {
  /** Names in their order; an element may come as often as it likes between its bounds. */
  readonly sequence: readonly { readonly names: readonly string[]; readonly min: number; readonly max: number }[];
  readonly attributes: ReadonlyMap<string, { readonly type: string; readonly required: boolean }>;
  readonly hasText: boolean;
}

const TYPES: Readonly<Record<string, RegExp>> = {
  'xs:string': /^[\s\S]*$/,
  'xs:nonNegativeInteger': /^\d+$/,
  'xs:decimal': /^-?\d+(?:\.\d+)?$/,
  'xs:dateTime': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})?$/,
};

function readRules(path: string): ReadonlyMap<string, Rule> {
  const schema = readXml(readFileSync(path, 'utf8'));
  const named = new Map(
    schema.children.filter(({ name }) => name === 'xs:complexType').map((each) => [each.attributes.get('name'), each]),
  );
  const bound = (element: XmlElement, key: string): number => {
    const value = element.attributes.get(key) ?? '1';
    return value === 'unbounded' ? Number.POSITIVE_INFINITY : Number(value);
  };
  return new Map(
    schema.children
      .filter(({ name }) => name === 'xs:element')
      .map((element): [string, Rule] => {
        const typeName = element.attributes.get('type');
        const type = named.get(typeName) ?? element.children.find(({ name }) => name === 'xs:complexType');
        const parts = type?.children.find(({ name }) => name === 'xs:sequence')?.children ?? [];
        return [
          element.attributes.get('name') ?? '',
          {
            sequence: parts.map((part) => ({
              names: (part.name === 'xs:choice' ? part.children : [part]).map(
                (each) => each.attributes.get('ref') ?? '',
              ),
              min: bound(part, 'minOccurs'),
              max: bound(part, 'maxOccurs'),
            })),
            attributes: new Map(
              (type?.children ?? [])
                .filter(({ name }) => name === 'xs:attribute')
                .map(({ attributes }) => [
                  attributes.get('name') ?? '',
                  { type: attributes.get('type') ?? '', required: attributes.get('use') === 'required' },
                ]),
            ),
            hasText: typeName === 'xs:string' || type?.attributes.get('mixed') === 'true',
          },
        ];
      }),
  );
}

/** Checks a document against `test/fixtures/report/junit.xsd`, in the part of XML Schema that it uses. Gives what is wrong. */
export function checkJunit(source: string): string[] {
  const rules = readRules(join(import.meta.dirname, '../fixtures/report/junit.xsd'));
  const problems: string[] = [];
  const visit = (element: XmlElement): void => {
    const rule = rules.get(element.name);
    if (rule === undefined) {
      problems.push(`<${element.name}> is not in the schema`);
      return;
    }
    for (const [name, value] of element.attributes) {
      const attribute = rule.attributes.get(name);
      if (attribute === undefined) problems.push(`<${element.name}> has no attribute ${name}`);
      else if (TYPES[attribute.type]?.test(value) !== true) problems.push(`${name}="${value}" is no ${attribute.type}`);
    }
    for (const [name, { required }] of rule.attributes)
      if (required && !element.attributes.has(name)) problems.push(`<${element.name}> lacks ${name}`);
    if (!rule.hasText && element.text.trim() !== '') problems.push(`<${element.name}> holds text`);
    let at = 0;
    for (const { names, min, max } of rule.sequence) {
      let count = 0;
      for (; at < element.children.length && count < max && names.includes(element.children[at]!.name); at++)
        count += 1;
      if (count < min) problems.push(`<${element.name}> lacks <${names.join('|')}>`);
    }
    if (at < element.children.length)
      problems.push(`<${element.children[at]!.name}> is out of place in <${element.name}>`);
    element.children.forEach(visit);
  };
  visit(readXml(source));
  return problems;
}
