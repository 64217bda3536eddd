import { isTextMap } from '../compose/fields.ts';
import { printGo, printPython, readScalar, type ScalarValue } from '../lib/yaml-scalars.ts';
import type { TextEdit } from '../model/app.ts';
import { quoteDouble } from './edit-scalar.ts';
import type { ScalarSite } from './scalar-sites.ts';

/**
 * A plain scalar that docker-app, docker-compose 1.x and Docker Compose v2 do not read as one value is fixed to docker-app's: text is quoted, a bool
 * or number gets its usual spelling. Undefined where all agree.
 */
export function fixPlainScalar(site: ScalarSite): TextEdit | undefined {
  const { node } = site;
  if (node.style !== 'plain' || node.tag !== undefined || node.start === node.end) return undefined;
  const go = readScalar(node, 'go-v2');
  const others = [readScalar(node, 'python'), readScalar(node, 'go-v3')] as const;
  const asText =
    site.paths.some(isTextMap) || site.paths.some((path) => path[0] === 'services' && path[2] === 'environment');
  const agree = others.every((other) => sameValue(go, other));
  if (agree && !(asText && printPython(others[0]) !== printGo(go) && go.type === 'float')) return undefined;
  const text =
    go.type === 'string' || (asText && go.type !== 'bool' && go.type !== 'null')
      ? quoteDouble(printGo(go))
      : nativeText(go);
  return { start: node.start, end: node.end, text };
}

function sameValue(a: ScalarValue, b: ScalarValue): boolean {
  if (a.type !== b.type) return false;
  if (a.type === 'null' || b.type === 'null') return true;
  return Object.is(a.value, b.value);
}

/** A spelling that all three read alike. */
function nativeText(value: ScalarValue): string {
  if (value.type === 'float')
    return Number.isInteger(value.value) && Math.abs(value.value) < 1e15 ? String(value.value) : printPython(value);
  return value.type === 'null' ? 'null' : String(value.value);
}
