import type { ComposeFile } from '../compose/compose-file.ts';
import { interpolateCompose } from '../compose/interpolation.ts';
import { finding } from '../lib/finding.ts';
import { resolveAlias } from '../lib/yaml.ts';
import type { Diagnostic } from '../model/app.ts';

const ADDRESSED_PORT = /^(\[[^\]]*\]|[0-9.]+):([^:]*:[^:]+)$/;

/** Ports that docker-app opened on every address of a device although the text names one. The text stays: a closed port is what the author wrote. */
export function findPortAddresses(file: ComposeFile): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const { name, members } of file.services) {
    const pair = members.get('ports');
    const ports = pair === undefined ? undefined : resolveAlias(pair.value);
    if (ports?.kind !== 'seq') continue;
    for (const [i, item] of ports.items.entries()) {
      const port = resolveAlias(item);
      if (port.kind !== 'scalar') continue;
      const text = interpolateCompose(port.value, () => undefined, 'v2');
      const match = ADDRESSED_PORT.exec(text);
      if (match === null) continue;
      const message = `services.${name}.ports.${i}: docker-app published ${match[2]} on every address; from now on it is ${text}, as written`;
      diagnostics.push(finding('render.port-address', message, { location: file.document.locate(item.start) }));
    }
  }
  return diagnostics;
}
