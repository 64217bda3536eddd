import * as fc from 'fast-check';
import { expect } from 'vitest';
import { proveConversion } from '../../src/convert/prove.ts';
import { prepareRendering } from '../../src/convert/rendering.ts';
import { applyEdits } from '../../src/lib/text-edit.ts';
import { effectivePairs, parseYaml, resolveAlias, type YamlNode, type YamlScalar } from '../../src/lib/yaml.ts';
import { type Converted, convertFiles, splitFiles } from '../convert/convert-package.ts';
import { type GeneratedPackage, generatedPackage } from './package-arbitrary.ts';

function filesOf({ files }: GeneratedPackage): Map<string, Buffer> {
  return new Map([...files].map(([path, text]) => [path, Buffer.from(text)]));
}

/** What converts is proved equal; the same package gives the same text again. */
export const conversionIsProved = fc.asyncProperty(generatedPackage, async (generated) => {
  const { interpolation } = generated;
  const converted = await convertFiles(filesOf(generated), { interpolation });
  expect(converted.diagnostics.filter(({ code }) => code === 'PROOF_UNEQUAL')).toEqual([]);
  if (converted.failed) return;
  expect(converted.proof?.differences).toEqual([]);
  expect(converted.proof?.fields).toBeGreaterThan(0);
  const again = await convertFiles(filesOf(generated), { interpolation });
  expect(again.app?.composeText).toBe(converted.app?.composeText);
  expect(applyEdits(converted.app?.source.text ?? '', converted.app?.edits ?? [])).toBe(converted.app?.composeText);
});

/** A wrong edit: the value of one scalar that compose reads is another one. */
export const proofFindsWrongEdits = fc.asyncProperty(generatedPackage, fc.nat(), async (generated, pick) => {
  const { interpolation } = generated;
  const converted = await convertFiles(filesOf(generated), { interpolation });
  if (converted.failed || converted.app === undefined) return;
  const wrong = changeOneValue(converted, pick);
  if (wrong === undefined) return;
  const pkg = await splitFiles(filesOf(generated));
  const render = prepareRendering(pkg, { parameterFiles: [], settings: [] });
  const proof = proveConversion({ render, interpolation, app: { ...converted.app, composeText: wrong } });
  expect({ wrong, found: proof.differences.length > 0 }).toEqual({ wrong, found: true });
  expect(proof.diagnostics[0]?.code).toBe('PROOF_UNEQUAL');
});

/** Changes the end of a quoted value, the default of a variable, the name of one, or takes a member away. */
function changeOneValue({ app }: Converted, pick: number): string | undefined {
  const text = app?.composeText ?? '';
  const { root } = parseYaml({ text, path: '', line: 1 });
  const services = text.indexOf('services:');
  const variables = [...text.matchAll(/\$\{(\w+)-/g)].filter(
    ({ index }) => index > services && !inComment(text, index),
  );
  const variable = variables[pick % Math.max(variables.length, 1)];
  const kind = pick % 4;
  if (kind === 0 && variable !== undefined) {
    const at = variable.index + variable[0].length;
    return applyEdits(text, [{ start: at, end: at, text: 'Wq7' }]);
  }
  if (kind === 1 && variable !== undefined) {
    const at = variable.index + 2;
    return applyEdits(text, [{ start: at, end: at, text: 'Wq7' }]);
  }
  if (kind === 2 && /^ +K0: (?![&|>]).*\n(?= +K1: )/m.test(text) && !text.includes('*n0')) {
    return text.replace(/^ +K0: .*\n(?= +K1: )/m, '');
  }
  const scalars = listServiceScalars(root).filter(({ style, tag }) => style === 'double' && tag === undefined);
  const chosen = scalars[pick % Math.max(scalars.length, 1)];
  if (chosen === undefined) return undefined;
  return applyEdits(text, [{ start: chosen.end - 1, end: chosen.end - 1, text: 'Wq7' }]);
}

function inComment(text: string, index: number): boolean {
  return /(?:^|\s)#/.test(text.slice(text.lastIndexOf('\n', index) + 1, index));
}

function listServiceScalars(root: YamlNode | undefined): YamlScalar[] {
  const found = new Set<YamlScalar>();
  const visit = (node: YamlNode): void => {
    const value = resolveAlias(node);
    if (value.kind === 'scalar') found.add(value);
    else if (value.kind === 'seq') value.items.forEach(visit);
    else for (const pair of effectivePairs(value).values()) visit(pair.value);
  };
  const top = root?.kind === 'map' ? effectivePairs(root).get('services') : undefined;
  if (top !== undefined) visit(top.value);
  return [...found];
}
