import { isReservedPath } from '../bundle/bundle-path.ts';
import { compareModels, type ModelDifference } from '../compose/model.ts';
import type { ModelMap, ModelValue } from '../compose/model-value.ts';
import { RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { formatReference, parseReference } from '../lib/reference.ts';
import type { Reference } from '../model/oci.ts';
import { type AppContent, imagesOf, membersOf } from './app-content.ts';
import { listMounts, listNetworks } from './app-storage.ts';

/** What a device has after a step that it had otherwise before. `loss`: data, a setting or the very program is another one, and nobody is told. */
export interface ContentChange {
  readonly outcome:
    | 'images-differ'
    | 'tag-and-digest'
    | 'storage-changed'
    | 'service-gone'
    | 'network-changed'
    | 'host-path'
    | 'override-lost'
    | 'files-left';
  readonly loss: boolean;
  readonly detail: string;
}

/** The images of one app in both styles; `isCovered` says which names the tag rule is for. */
export function compareImages(
  dockerApp: AppContent,
  compose: AppContent,
  isCovered: (name: string) => boolean,
): ContentChange[] {
  const [before, after] = [imagesOf(dockerApp), imagesOf(compose)];
  return unionOf(before.keys(), after.keys()).flatMap((service): ContentChange[] => {
    const [a, b] = [before.get(service), after.get(service)];
    const [one, two] = [readImage(a), readImage(b)];
    const shown = `service ${service}: ${a ?? 'not there'} as docker-app, ${b ?? 'not there'} as compose app`;
    if (a !== undefined && a === b) return [];
    if (one !== undefined && two !== undefined) {
      if (formatReference(one) === formatReference(two)) return [];
      const isSameName = one.registry === two.registry && one.repository === two.repository;
      const isTagBeside = one.digest === undefined && two.digest !== undefined;
      if (isSameName && isTagBeside && !isCovered(`${one.registry}/${one.repository}`))
        return [{ outcome: 'tag-and-digest', loss: false, detail: shown }];
    }
    return [{ outcome: 'images-differ', loss: true, detail: shown }];
  });
}

function readImage(text: string | undefined): Reference | undefined {
  try {
    return text === undefined ? undefined : parseReference(text);
  } catch (thrown) {
    if (thrown instanceof RebundleError) return undefined;
    throw thrown;
  }
}

/** True where one has an image that the other does not name. */
export function hasOtherImages(a: AppContent, b: AppContent): boolean {
  const names = new Set(imagesOf(b).values());
  return [...imagesOf(a).values()].some((image) => !names.has(image));
}

/** What changes for the data and settings of an app that a device goes from one content to another with. The compose project is the app's key. */
export function compareContents(app: string, before: AppContent, after: AppContent): ContentChange[] {
  return [
    ...compareStorage(app, before, after),
    ...compareNetworks(app, before, after),
    ...[...before.groups].flatMap(([group, model]) => compareOverrides(group, model, { before, after })),
  ];
}

function compareStorage(app: string, before: AppContent, after: AppContent): ContentChange[] {
  const mounts = listMounts(app, after);
  const services = new Set(imagesOf(after).keys());
  return [...listMounts(app, before)].flatMap(([key, mount]): ContentChange[] => {
    const { service, target, source, kind } = mount;
    const next = mounts.get(key);
    const place = `service ${service}, ${target}`;
    const was = `${place}: was on ${kind} ${source}`;
    // It came with the bundle, and holds no data.
    if (kind === 'bundle file') return [];
    if (next === undefined && !services.has(service)) {
      const detail = `service ${service} is gone, its ${kind} ${source} stays on the device`;
      return [{ outcome: 'service-gone', loss: false, detail }];
    }
    if (next === undefined) return [{ outcome: 'storage-changed', loss: true, detail: `${was}, is on none` }];
    // docker-compose 1.x never found such a file beside a docker-app.
    if (kind === 'app folder' && next.kind === 'bundle file') return [];
    if (next.source !== source || next.kind !== kind) {
      return [{ outcome: 'storage-changed', loss: true, detail: `${was}, is on ${next.kind} ${next.source}` }];
    }
    if (kind !== 'host path' || next.isShort === mount.isShort) return [];
    const missing = next.isShort ? 'is made as an empty folder' : 'stops the app';
    const detail = `${place}: where ${source} is missing on the host, it ${missing} from now on`;
    return [{ outcome: 'host-path', loss: false, detail }];
  });
}

function compareNetworks(app: string, before: AppContent, after: AppContent): ContentChange[] {
  const [a, b] = [listNetworks(app, before), listNetworks(app, after)];
  const gone = a.filter((name) => !b.includes(name));
  const added = b.filter((name) => !a.includes(name));
  if (gone.length + added.length === 0) return [];
  const list = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));
  const detail = `networks that go: ${list(gone)}; that come: ${list(added)}`;
  return [{ outcome: 'network-changed', loss: false, detail }];
}

/** Values are never told: they may be secrets. */
function compareOverrides(
  group: string,
  model: ModelMap,
  { before, after }: { readonly before: AppContent; readonly after: AppContent },
): ContentChange[] {
  const next = after.groups.get(group) ?? after.model;
  const lost = compareModels(before.model, model).filter((change) => {
    const [section = '', name = ''] = change.path;
    if (!membersOf(after.model, section).some(([member]) => member === name)) return false;
    const place = [change.path];
    return differsAt(model, next, place) && !differsAt(after.model, next, place);
  });
  if (lost.length === 0) return [];
  const places = lost.map(({ path }: ModelDifference) => path.join('.')).sort(compareText);
  const more = places.length > 5 ? ` and ${places.length - 5} more` : '';
  const detail = `devices of ${group}: the value of ${places.slice(0, 5).join(', ')}${more} is the default again`;
  return [{ outcome: 'override-lost', loss: true, detail }];
}

function differsAt(a: ModelMap, b: ModelMap, [path = []]: readonly (readonly string[])[]): boolean {
  const [one, two] = [valueAt(a, path), valueAt(b, path)];
  if (one instanceof Map && two instanceof Map) return compareModels(one as ModelMap, two as ModelMap).length > 0;
  return JSON.stringify(toPlain(one)) !== JSON.stringify(toPlain(two));
}

function valueAt(model: ModelMap, path: readonly string[]): ModelValue | undefined {
  let value: ModelValue | undefined = model;
  for (const name of path) {
    if (value instanceof Map) value = value.get(name) as ModelValue | undefined;
    else value = Array.isArray(value) ? (value[Number(name)] as ModelValue | undefined) : undefined;
  }
  return value;
}

function toPlain(value: ModelValue | undefined): unknown {
  if (value instanceof Map) return [...(value as ModelMap)].map(([name, member]) => [name, toPlain(member)]);
  if (Array.isArray(value)) return value.map((item: ModelValue) => toPlain(item));
  return typeof value === 'bigint' ? String(value) : (value ?? null);
}

/** Files of the former bundle that stay where a client unpacks over it. Some names are read by compose and change what runs. */
export function findLeftFiles(before: AppContent, after: AppContent): ContentChange[] {
  const kept = new Set(after.files);
  const left = before.files.filter((path) => !kept.has(path)).toSorted(compareText);
  if (left.length === 0) return [];
  const read = left.filter((path) => path !== '.env' && isReservedPath(path));
  const more = left.length > 5 ? ` and ${left.length - 5} more` : '';
  const shown = `${left.slice(0, 5).join(', ')}${more}`;
  return [
    read.length === 0
      ? { outcome: 'files-left', loss: false, detail: `files of the former bundle stay in the folder: ${shown}` }
      : {
          outcome: 'files-left',
          loss: true,
          detail: `files that stay in the folder change what runs: ${read.join(', ')}`,
        },
  ];
}

function unionOf(a: Iterable<string>, b: Iterable<string>): string[] {
  return [...new Set([...a, ...b])].sort(compareText);
}
