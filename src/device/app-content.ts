import { type ComposeFile, readComposeFile } from '../compose/compose-file.ts';
import { readComposeValue } from '../compose/compose-value.ts';
import { canonicalModel } from '../compose/model.ts';
import { interpolateModel, type ModelMap, type ModelValue, readModel } from '../compose/model-value.ts';
import { readShortVolume } from '../compose/mounts.ts';
import { entriesOf, itemsOf, memberOf, textOf } from '../compose/value-access.ts';
import { prepareRender, type RenderOptions } from '../dockerapp/render.ts';
import { splitPackage } from '../dockerapp/split.ts';
import { RebundleError } from '../errors.ts';
import type { DocumentPart } from '../model/app.ts';
import type { AppStyle } from './clients.ts';

/** Devices that have values of their own: the `docker_app_params` file, and per app the `.env` file in its folder. */
export interface DeviceGroup {
  readonly name: string;
  readonly parameters: DocumentPart;
  /** Variables by app. */
  readonly environments: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** An app as a device runs it: the model that compose sees there, in its one form. */
export interface AppContent {
  readonly style: AppStyle;
  readonly model: ModelMap;
  /** What it is for groups of devices that set values. */
  readonly groups: ReadonlyMap<string, ModelMap>;
  /** `service target` of mounts of the short form, whose host path docker makes where it is missing. */
  readonly shortMounts: ReadonlySet<string>;
  /** Paths in the bundle besides its compose file; none of a package. */
  readonly files: readonly string[];
}

/** The key of a mount. */
export function mountKey(service: string, target: string): string {
  return `${service} ${target}`;
}

/**
 * A `.dockerapp` as a device of the old style runs it: split and rendered by docker-app 0.4 to 0.8, read again by docker-compose 1.29. Throws what
 * either of them refuses.
 */
export async function readPackageContent(
  app: string,
  bytes: Uint8Array,
  groups: readonly DeviceGroup[],
): Promise<AppContent> {
  const path = `${app}.dockerapp`;
  const pkg = await splitPackage({
    location: { name: app, path, kind: 'single-file', selected: true },
    origin: { repository: 'targets', path },
    files: [],
    read: async () => Buffer.from(bytes),
  });
  const render = prepareRender(pkg);
  const modelOf = (options: RenderOptions): ModelMap => {
    const result = render(options);
    if (result.ok) return readCanonical(result.value, () => undefined);
    const [first] = result.diagnostics;
    throw new RebundleError('COMPOSE_INVALID', first?.message ?? 'docker-app refuses the package');
  };
  return {
    style: 'docker-app',
    model: modelOf({}),
    groups: readGroups(groups, ({ parameters }) => modelOf({ files: [parameters] })),
    shortMounts: new Set(),
    files: [],
  };
}

/** A bundle as docker-compose 1.29 runs it. Throws what it refuses. */
export function readBundleContent(
  app: string,
  { text, files }: { readonly text: string; readonly files: readonly string[] },
  groups: readonly DeviceGroup[],
): AppContent {
  const file = readComposeFile({ text, path: 'docker-compose.yml', line: 1 }, { origin: 'compose' });
  const written = readModel(file.root, '1.29');
  const modelOf = (environment: ReadonlyMap<string, string> | undefined): ModelMap =>
    readCanonical(written, (name) => environment?.get(name));
  return {
    style: 'compose',
    model: modelOf(undefined),
    groups: readGroups(groups, ({ environments }) => modelOf(environments.get(app))),
    shortMounts: listShortMounts(file),
    files,
  };
}

/** A group whose values the app refuses never ran it. */
function readGroups(
  groups: readonly DeviceGroup[],
  read: (group: DeviceGroup) => ModelMap,
): ReadonlyMap<string, ModelMap> {
  const models = new Map<string, ModelMap>();
  for (const group of groups) {
    try {
      models.set(group.name, read(group));
    } catch (thrown) {
      if (!(thrown instanceof RebundleError)) throw thrown;
    }
  }
  return models;
}

function readCanonical(model: ModelValue, environment: (name: string) => string | undefined): ModelMap {
  return canonicalModel(interpolateModel(model, { generation: '1.29', environment }), '1.29');
}

function listShortMounts(file: ComposeFile): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [service, value] of entriesOf(memberOf(readComposeValue(file), 'services'))) {
    for (const item of itemsOf(memberOf(value, 'volumes'))) {
      const short = item.kind === 'scalar' ? readShortVolume(textOf(item)) : undefined;
      if (short !== undefined) found.add(mountKey(service, short.target));
    }
  }
  return found;
}

/** The image of each service. */
export function imagesOf({ model }: Pick<AppContent, 'model'>): ReadonlyMap<string, string> {
  return new Map(
    membersOf(model, 'services').map(([service, value]) => {
      const image = value instanceof Map ? value.get('image') : undefined;
      return [service, typeof image === 'string' ? image : ''];
    }),
  );
}

/** The members of a section of a model. */
export function membersOf(model: ModelMap, section: string): readonly (readonly [string, ModelValue])[] {
  const value = model.get(section);
  return value instanceof Map ? [...(value as ModelMap)] : [];
}
