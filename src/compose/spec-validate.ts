import { finding } from '../lib/finding.ts';
import { effectivePairs, resolveAlias, type YamlNode } from '../lib/yaml.ts';
import type { Diagnostic } from '../model/app.ts';
import type { ComposeFile } from './compose-file.ts';
import { findSpecConflicts } from './spec-conflicts.ts';
import { type SchemaError, selectSpecErrors } from './spec-errors.ts';
import { readSpecValue } from './spec-value.ts';

/** More findings about one file help nobody. */
const MAX_FINDINGS = 100;

interface Validate {
  (value: unknown): boolean;
  /** Of the last call. */
  errors?: readonly SchemaError[] | null;
}

/** Loaded only where something is to be validated. */
async function loadValidator(): Promise<Validate> {
  const { validate } = await import('./spec-validator.ts');
  return validate;
}

/**
 * What the Docker Compose of today (compose-go 2.10) refuses in a file that devices of 2020 may take: findings `spec.*` with their places, in the
 * order of the text, at most 100. The severity is the caller's: a bundle has to run on every device, a converted file may be meant for some.
 * Values are those after interpolation with an empty environment and casts. Throws YAML_LIMIT where aliases make the file too large.
 */
export async function validateSpec(file: ComposeFile, severity: 'error' | 'warning'): Promise<Diagnostic[]> {
  const { locate } = file.document;
  const found = new Map<string, { readonly at: number; readonly diagnostic: Diagnostic }>();
  const add = (code: `spec.${SpecKind}`, problem: string, at: number): void => {
    const message = `Docker Compose of today refuses ${problem}`;
    const key = `${at} ${message}`;
    if (found.size < MAX_FINDINGS && !found.has(key))
      found.set(key, { at, diagnostic: { ...finding(code, message, { location: locate(at) }), severity } });
  };
  const value = readSpecValue(file, (kind, message, at) => add(`spec.${kind}`, message, at));
  const validate = await loadValidator();
  if (!validate(value)) {
    for (const { kind, path, key, problem } of selectSpecErrors(validate.errors ?? [])) {
      if (found.size >= MAX_FINDINGS) break;
      const place = key === undefined ? path : [...path, key];
      add(`spec.${kind}`, `${place.join('.') || 'the file'}: ${problem}`, findOffset(file, place, key !== undefined));
    }
  }
  for (const { path, problem } of findSpecConflicts(value))
    add('spec.conflict', `${path.join('.')}: ${problem}`, findOffset(file, path, false));
  return [...found.values()].sort((a, b) => a.at - b.at).map(({ diagnostic }) => diagnostic);
}

type SpecKind = 'interpolation' | 'cast' | 'key' | 'unknown-key' | 'missing-key' | 'type' | 'value' | 'conflict';

/** Where the value at a path stands, or its key; as near as the path leads. */
function findOffset(file: ComposeFile, path: readonly string[], atKey: boolean): number {
  let node: YamlNode = file.root;
  let at = file.root.start;
  for (const [i, part] of path.entries()) {
    const value = resolveAlias(node);
    if (value.kind === 'map') {
      const pair = effectivePairs(value).get(part);
      if (pair === undefined) return at;
      at = atKey && i === path.length - 1 ? pair.start : pair.value.start;
      node = pair.value;
    } else if (value.kind === 'seq') {
      const item = value.items[Number(part)];
      if (item === undefined) return at;
      at = item.start;
      node = item;
    }
  }
  return at;
}
