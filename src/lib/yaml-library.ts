import { Composer, Parser, type Node as RawNode } from 'yaml';
import type { YamlDocument } from './yaml.ts';
import { findTooDeepToken } from './yaml-depth.ts';
import { repairIndentation, unrepaired } from './yaml-repair.ts';
import { findTextFault, isTolerated } from './yaml-rules.ts';
import { invalidYaml, TreeBuilder, tooDeep } from './yaml-tree.ts';

interface ParseContext {
  readonly locate: YamlDocument['locate'];
  readonly limits: { readonly depth: number; readonly nodes: number };
}

/** Parses the first YAML document of any text by the yaml library. Throws YAML_INVALID and YAML_LIMIT. */
export function parseWithLibrary(text: string, { locate, limits }: ParseContext): Pick<YamlDocument, 'root' | 'end'> {
  const original = text.replace(/\r(?!\n)/g, '\n');
  const fault = findTextFault(original);
  if (fault !== undefined) throw invalidYaml(fault.message, locate(fault.offset));
  const { repaired, documents } = compose(original, { locate, limits });
  const [document] = documents;
  if (document === undefined) return { root: undefined, end: original.length };
  const tree = new TreeBuilder({ locate, text: original, toOriginal: repaired.toOriginal, limits });
  const converted = document.contents === null ? undefined : tree.build(document.contents as RawNode, 0).node;
  const isEmpty = converted?.kind === 'scalar' && converted.start === converted.end && converted.tag === undefined;
  const end = documents.length > 1 ? repaired.toOriginal(document.range[2]) : original.length;
  return { root: isEmpty ? undefined : converted, end };
}

/** Repairs of one text: each is another parse of it. */
const MAX_REPAIRS = 20;

/** Composes a text, what libyaml takes and the library does not being repaired. */
function compose(original: string, { locate, limits }: ParseContext) {
  let repaired = unrepaired(original);
  for (let tries = 0; ; tries++) {
    const tokens = [...new Parser().parse(repaired.text)];
    const deep = findTooDeepToken(tokens, limits.depth);
    if (deep !== undefined) throw tooDeep(limits.depth, locate(repaired.toOriginal(deep)));
    const composer = new Composer({
      schema: 'failsafe',
      uniqueKeys: false,
      keepSourceTokens: true,
      logLevel: 'silent',
    });
    const documents = [...composer.compose(tokens, false, repaired.text.length)];
    const error = documents[0]?.errors.find(({ message }) => !isTolerated(message));
    if (error === undefined) return { repaired, documents };
    const location = locate(repaired.toOriginal(error.pos[0]));
    if (error.code === 'RESOURCE_EXHAUSTION') throw tooDeep(limits.depth, location);
    const next =
      tries < MAX_REPAIRS ? repairIndentation(repaired, original, { tokens, offset: error.pos[0] }) : undefined;
    if (next === undefined) throw invalidYaml(error.message, location);
    repaired = next;
  }
}
