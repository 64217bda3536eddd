import { applyEdits } from '../lib/text-edit.ts';
import { effectivePairs, memberOf, parseYaml, resolveAlias, type YamlScalar } from '../lib/yaml.ts';
import type { AppPackage, TextEdit } from '../model/app.ts';

/**
 * The `.dockerapp` file that devices of the old style fetch: the committed bytes with the images of the given services replaced in place. A folder
 * package becomes what docker-app's `merge` writes: its three documents joined by `\n---\n`.
 */
export function buildPublishedPackage(app: AppPackage, images: ReadonlyMap<string, string>): Uint8Array {
  const edits = imageEdits(app, images);
  if (app.bytes === undefined) {
    return Buffer.from([app.metadata.text, applyEdits(app.compose.text, edits), app.parameters.text].join('\n---\n'));
  }
  const text = Buffer.from(app.bytes).toString('utf8');
  const shifted = edits.map((edit) => ({
    ...edit,
    start: edit.start + app.compose.offset,
    end: edit.end + app.compose.offset,
  }));
  return Buffer.from(applyEdits(text, shifted));
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
