import type { PlannedTarget } from '../model/plan.ts';
import type { Target, TargetCustom } from '../model/target.ts';
import { type AppMaps, compareApps, NO_APPS, readAppMaps } from './app-maps.ts';
import type { ParentSelection, VersionedTarget } from './select-parents.ts';
import type { TagRule } from './tag-rules.ts';
import { readTexts } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

interface SuccessorInput {
  readonly file: TargetsFile;
  readonly tagRules: readonly TagRule[];
  readonly selection: ParentSelection;
  readonly after: AppMaps;
  readonly version: string;
  readonly createdAt: string;
  readonly containersSha?: string;
  readonly uri?: string;
}

/**
 * The target that follows a parent: all its members, in their order, but for those that say which build this is and what its apps
 * are. An app map without entries is left out. `origUri` keeps the uri of the operating system build when a uri is set.
 */
export function planSuccessor(input: SuccessorInput): PlannedTarget {
  const { file, selection, after, version } = input;
  const { parent, rule, hardwareIds } = selection;
  const custom = parent.target.custom ?? {};
  const keepsUri = input.uri !== undefined && custom.uri !== undefined && custom.origUri === undefined;
  const changes: TargetCustom = {
    targetFormat: 'OSTREE',
    version,
    tags: [rule.tag],
    createdAt: input.createdAt,
    updatedAt: input.createdAt,
    ...(keepsUri ? { origUri: custom.uri } : {}),
    ...(input.uri === undefined ? {} : { uri: input.uri }),
    ...(input.containersSha === undefined ? {} : { 'containers-sha': input.containersSha }),
  };
  const members = new Map<string, unknown>([...Object.entries(custom), ...Object.entries(changes)]);
  for (const [key, map] of [
    ['docker_apps', after.dockerApps],
    ['docker_compose_apps', after.composeApps],
  ] as const) {
    if (map.size === 0) members.delete(key);
    else members.set(key, Object.fromEntries(map));
  }
  const target: Target = { ...parent.target, custom: Object.fromEntries(members) };
  const suffix = input.tagRules.length > 1 ? `-${rule.tag}` : '';
  const hardwareId = hardwareIds[0];
  return {
    name: `${baseName(parent)}-${version}${suffix}`,
    kind: 'ostree',
    parent: parent.name,
    tag: rule.tag,
    ...(hardwareId === undefined ? {} : { hardwareId }),
    target,
    apps: compareApps(readAppMaps(file, parent) ?? NO_APPS, after),
  };
}

/** `custom.name`; where that is missing, the parent's own name without the `-<version>` or `-<version>-<tag>` at its end. */
function baseName(parent: VersionedTarget): string {
  const name: unknown = parent.target.custom?.name;
  if (typeof name === 'string' && name !== '') return name;
  const endings = ['', ...readTexts(parent.target.custom?.tags).map((tag) => `-${tag}`)];
  const ending = endings.map((end) => `-${parent.version}${end}`).find((end) => parent.name.endsWith(end));
  return ending === undefined ? parent.name : parent.name.slice(0, -ending.length);
}
