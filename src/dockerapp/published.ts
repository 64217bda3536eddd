import { compareText } from '../lib/bytes.ts';
import { applyEdits } from '../lib/text-edit.ts';
import { effectivePairs, memberOf, parseYaml, resolveAlias, type YamlNode, type YamlScalar } from '../lib/yaml.ts';
import type { AppPackage, TextEdit } from '../model/app.ts';
import { readParameters } from './parameters.ts';
import { substituteReferences, tokenizeReferences } from './references.ts';

/** What devices of the old style fetch, and the names for which it has no value: with any, docker-app refuses to render it. */
export interface PublishedPackage {
  readonly bytes: Uint8Array;
  readonly undefinedNames: readonly string[];
}

/**
 * The `.dockerapp` file that devices of the old style fetch: the committed bytes with the images of the given services replaced in place. A folder
 * package becomes what docker-app's `merge` writes: its three documents joined by `\n---\n`.
 */
export function buildPublishedPackage(app: AppPackage, images: ReadonlyMap<string, string>): PublishedPackage {
  const edits = imageEdits(app, images);
  const compose = applyEdits(app.compose.text, edits);
  const undefinedNames = findUndefined(app, compose);
  if (app.bytes === undefined) {
    return { bytes: Buffer.from([app.metadata.text, compose, app.parameters.text].join('\n---\n')), undefinedNames };
  }
  const text = Buffer.from(app.bytes).toString('utf8');
  const { offset, text: before } = app.compose;
  return { bytes: Buffer.from(text.slice(0, offset) + compose + text.slice(offset + before.length)), undefinedNames };
}

/** Names without a value when docker-app renders the package by itself, with nothing from the command line. Sorted. */
function findUndefined(app: AppPackage, compose: string): string[] {
  if (!compose.includes('$')) return [];
  const { parameters } = readParameters({ own: app.parameters, files: [], metadata: app.metadata, settings: [] });
  const names = new Set<string>();
  const visit = (node: YamlNode): void => {
    if (node.kind === 'map') for (const pair of node.pairs) visit(pair.value);
    else if (node.kind === 'seq') node.items.forEach(visit);
    else if (node.kind === 'scalar' && node.value.includes('$')) {
      const { error } = substituteReferences(tokenizeReferences(node.value), (name) => parameters.get(name)?.value);
      if (error !== undefined) names.add(error.name ?? node.value);
    }
  };
  const { root } = parseYaml({ ...app.compose, text: compose });
  if (root !== undefined) visit(root);
  return [...names].sort(compareText);
}

/** True where docker-app 0.4 to 0.8 splits the published bytes into three documents. */
export function isStrictSingleFile(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).toString('utf8').split('\n---\n').length === 3;
}

function imageEdits(app: AppPackage, images: ReadonlyMap<string, string>): TextEdit[] {
  if (images.size === 0) return [];
  const { root } = parseYaml(app.compose);
  const services = memberOf(root, 'services');
  const edits = new Map<YamlScalar, TextEdit>();
  for (const [service, image] of images) {
    const pair = services?.kind === 'map' ? effectivePairs(services).get(service) : undefined;
    const node = pair === undefined ? undefined : memberOf(resolveAlias(pair.value), 'image');
    if (node?.kind !== 'scalar') continue;
    const quote = { plain: '', single: "'", double: '"', literal: '"', folded: '"' }[node.style];
    const end = node.style === 'literal' || node.style === 'folded' ? '\n' : '';
    edits.set(node, { start: node.start, end: node.end, text: `${quote}${image}${quote}${end}` });
  }
  return [...edits.values()];
}
