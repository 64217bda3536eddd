import type { ComposeFile } from '../compose/compose-file.ts';
import { interpolateCompose } from '../compose/interpolation.ts';
import { readShortVolume } from '../compose/mounts.ts';
import { finding } from '../lib/finding.ts';
import { resolveAlias, type YamlNode } from '../lib/yaml.ts';
import type { Diagnostic } from '../model/app.ts';
import type { FindingCode } from '../model/findings.ts';

const ADDRESSED_PORT = /^(\[[^\]]*\]|\d+\.[0-9.]+):([^:]*:[^:]+)$/;

/**
 * What docker-app's render changed on its way to the device and the converted text says as its author wrote it. This list is closed: the proof
 * accepts these differences and no others.
 */
export function findRenderChanges(file: ComposeFile): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const { name, members } of file.services) {
    const add = (code: FindingCode, key: string, change: string, node: YamlNode): void => {
      const location = file.document.locate(node.start);
      diagnostics.push(finding(code, `services.${name}.${key}: ${change}`, { location }));
    };
    for (const key of ['entrypoint', 'command']) {
      const value = members.get(key)?.value;
      const list = value === undefined ? undefined : resolveAlias(value);
      if (value === undefined || list?.kind !== 'seq' || list.items.length > 0) continue;
      add('render.empty-command', key, `docker-app left [] out; from now on it is [], as written`, value);
    }
    for (const [i, { item, text }] of shortItems(members.get('ports')?.value)) {
      const rest = ADDRESSED_PORT.exec(text)?.[2];
      if (rest === undefined) continue;
      const change = `docker-app published ${rest} on every address; from now on it is ${text}, as written`;
      add('render.port-address', `ports.${i}`, change, item);
    }
    for (const [i, { item, text }] of shortItems(members.get('volumes')?.value)) {
      const { source = '', target = '', mode = '' } = readShortVolume(text) ?? {};
      const place = `volumes.${i}`;
      if (/^[./~]/.test(source)) {
        const long = `type: bind, source: ${relative(source)}, target: ${target}`;
        add('render.long-volume', place, `docker-app wrote {${long}}; from now on it is ${text}, as written`, item);
      }
      if (source.startsWith('./')) {
        const change = `docker-app wrote the source ${relative(source)}; from now on it is ${source}, as written`;
        add('render.relative-path', place, change, item);
      }
      const label = mode.split(',').find((option) => option === 'z' || option === 'Z');
      if (label !== undefined) {
        add('render.volume-label', place, `docker-app left ${label} out; from now on it is ${mode}, as written`, item);
      }
    }
  }
  return diagnostics;
}

/** The texts of a list with the values that compose puts in by default. */
function shortItems(value: YamlNode | undefined): [number, { item: YamlNode; text: string }][] {
  const list = value === undefined ? undefined : resolveAlias(value);
  if (list?.kind !== 'seq') return [];
  return list.items.flatMap((item, i) => {
    const scalar = resolveAlias(item);
    if (scalar.kind !== 'scalar') return [];
    return [[i, { item, text: interpolateCompose(scalar.value, () => undefined, 'v2') }] as const];
  }) as [number, { item: YamlNode; text: string }][];
}

function relative(source: string): string {
  return source.replace(/^(?:\.\/+)+/, '');
}
