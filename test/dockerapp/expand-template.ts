import mustache from 'mustache';
import { decodeGo } from '../../src/dockerapp/decode-go.ts';
import type { RenderedMap, RenderedValue } from '../../src/dockerapp/rendered-value.ts';
import { parseYaml } from '../../src/lib/yaml.ts';

/** What the engine of experimental builds had: the parameters of a package, of further files and of single settings, with their types. */
export interface TemplateParameters {
  readonly files: readonly string[];
  readonly set: Readonly<Record<string, string>>;
}

/**
 * A compose part as docker-app's mustache pass left it. That engine and this one follow one specification; they differ in how they escape some
 * characters for HTML, so a value that holds such a character is refused here.
 */
export function expandMustache(text: string, { files, set }: TemplateParameters): string {
  const given = Object.entries(set).map(([name, value]) => {
    const path = name.split('.');
    return path.reduceRight<unknown>((below, key) => ({ [key]: below }), toPlain(decode(value)));
  });
  const view = [...files.map((file) => toPlain(decode(file))), ...given].reduce(merge, {});
  if (/[&<>"'`=/]/.test(JSON.stringify(view).replaceAll('"', ''))) throw new Error('a value would be escaped');
  return mustache.render(text, view);
}

function decode(text: string): RenderedValue {
  const { root, locate } = parseYaml({ text, path: 'parameters', line: 1 });
  return root === undefined ? new Map() : decodeGo(root, locate);
}

function toPlain(value: RenderedValue): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...(value as RenderedMap)].map(([name, member]) => [name, toPlain(member)]));
  }
  return Array.isArray(value) ? value.map(toPlain) : value;
}

function merge(base: unknown, over: unknown): unknown {
  if (!isRecord(base) || !isRecord(over)) return over;
  const merged = Object.entries(over).map(([name, value]) => [name, merge(base[name], value)] as const);
  return { ...base, ...Object.fromEntries(merged) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
