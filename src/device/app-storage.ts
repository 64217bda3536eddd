import type { ModelMap, ModelValue } from '../compose/model-value.ts';
import { compareText } from '../lib/bytes.ts';
import { type AppContent, membersOf, mountKey } from './app-content.ts';

/** A volume or path that a service has. */
export interface Mount {
  readonly service: string;
  readonly target: string;
  /** The full name of a volume, the path on the host, the path in the folder of the app, or in the bundle. */
  readonly source: string;
  readonly kind: 'volume' | 'host path' | 'app folder' | 'bundle file';
  readonly isShort: boolean;
}

/** Named volumes and paths by service and target, as a device has them: the compose project is the key of the app. */
export function listMounts(app: string, content: AppContent): ReadonlyMap<string, Mount> {
  const found = new Map<string, Mount>();
  for (const [service, value] of membersOf(content.model, 'services')) {
    const volumes = value instanceof Map ? value.get('volumes') : undefined;
    for (const [target, mount] of volumes instanceof Map ? (volumes as ReadonlyMap<string, ModelValue>) : []) {
      const read = mount instanceof Map ? readMount(mount as ModelMap, app, content) : undefined;
      const key = mountKey(service, target);
      if (read !== undefined) found.set(key, { service, target, ...read, isShort: content.shortMounts.has(key) });
    }
  }
  return found;
}

function readMount(mount: ModelMap, app: string, content: AppContent): Pick<Mount, 'source' | 'kind'> | undefined {
  const [type, source] = [mount.get('type'), mount.get('source')];
  if (typeof source !== 'string' || source === '') return undefined;
  if (type === 'volume') return { kind: 'volume', source: fullName(app, content.model, 'volumes', source) };
  if (type !== 'bind') return undefined;
  if (source.startsWith('/') || source.startsWith('~')) return { kind: 'host path', source };
  const path = source.replace(/^(?:\.\/+)+/, '');
  const isOwn = content.files.some((file) => file === path || file.startsWith(`${path}/`));
  if (isOwn) return { kind: 'bundle file', source: path };
  const root = content.style === 'compose' ? 'compose_apps_root' : 'docker_apps_root';
  return { kind: 'app folder', source: `${root}/${app}/${path}` };
}

/** Full names of the networks that services are in, sorted. */
export function listNetworks(app: string, { model }: AppContent): string[] {
  const names = membersOf(model, 'services').flatMap(([, service]) => {
    if (!(service instanceof Map)) return [];
    const networks: unknown = service.get('networks');
    if (networks instanceof Map && networks.size > 0) return [...networks.keys()].map(String);
    return service.has('network_mode') ? [] : ['default'];
  });
  return [...new Set(names.map((name) => fullName(app, model, 'networks', name)))].sort(compareText);
}

/** What a volume or network of the compose file is called on a device. */
function fullName(app: string, model: ModelMap, section: 'volumes' | 'networks', name: string): string {
  const declared = membersOf(model, section).find(([member]) => member === name)?.[1];
  const own = declared instanceof Map ? declared.get('name') : undefined;
  if (typeof own === 'string') return own;
  const external: unknown = declared instanceof Map ? declared.get('external') : undefined;
  const outer: unknown = external instanceof Map ? external.get('name') : undefined;
  if (typeof outer === 'string') return outer;
  if (external === true || external instanceof Map) return name;
  return `${app.toLowerCase().replace(/[^-_a-z0-9]/g, '')}_${name}`;
}
