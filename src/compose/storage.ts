import type { StoragePath } from '../model/plan.ts';
import type { ComposeFile } from './compose-file.ts';
import { type ComposeValue, readComposeValue } from './compose-value.ts';
import { isRelativePath, isVolumeName, normalizePath, readShortVolume } from './mounts.ts';
import { entriesOf, itemsOf, memberOf, textOf } from './value-access.ts';

/** The mounts of an app that keep data on a device, with default values; those of files in its bundle (`own`) do not. By service and target. */
export function listStorage(file: ComposeFile, app: string, own: readonly string[]): StoragePath[] {
  const root = readComposeValue(file);
  const volumes = new Map(entriesOf(memberOf(root, 'volumes')));
  const isOwn = (path: string): boolean => own.some((each) => each === path || each.startsWith(`${path}/`));
  return entriesOf(memberOf(root, 'services')).flatMap(([service, value]) =>
    itemsOf(memberOf(value, 'volumes')).flatMap((item): StoragePath[] => {
      const { type, source = '', target } = readMount(item);
      if (target === undefined || source === '') return [];
      if (type === 'volume') {
        return [{ service, target, kind: 'volume', source: fullName(app, source, volumes.get(source)) }];
      }
      if (!isRelativePath(source)) return [{ service, target, kind: 'host path', source }];
      const path = normalizePath(source);
      return isOwn(path) ? [] : [{ service, target, kind: 'app folder', source: `${app}/${path}` }];
    }),
  );
}

interface Mount {
  readonly type?: string;
  readonly source?: string;
  readonly target?: string;
}

function readMount(item: ComposeValue): Mount {
  if (item.kind === 'scalar') {
    const short = readShortVolume(textOf(item));
    if (short?.source === undefined) return {};
    return { type: isVolumeName(short.source) ? 'volume' : 'bind', source: short.source, target: short.target };
  }
  const type = textOf(memberOf(item, 'type'));
  if (type !== 'bind' && type !== 'volume') return {};
  return { type, source: textOf(memberOf(item, 'source')), target: textOf(memberOf(item, 'target')) };
}

/** As the engine knows the volume: compose puts the project's name before it. */
function fullName(app: string, name: string, declared: ComposeValue | undefined): string {
  const own = textOf(memberOf(declared, 'name'));
  if (own !== '') return own;
  const external = memberOf(declared, 'external');
  if (external !== undefined && textOf(external) !== 'false') return textOf(memberOf(external, 'name')) || name;
  return `${app.toLowerCase().replace(/[^-_a-z0-9]/g, '')}_${name}`;
}
