import { compareText } from '../lib/bytes.ts';
import type { FileTarget } from '../model/app.ts';
import type { PlannedTarget } from '../model/plan.ts';
import type { Target } from '../model/target.ts';
import { isOstree, isRecord, readSha256, readVersion } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

/** Length and lower-case hex sha256 of a `.dockerapp`. */
export type FileContent = Pick<FileTarget, 'length' | 'sha256'>;

/** The file targets of a targets file, to be found by content. */
interface FileTargetIndex {
  readonly file: TargetsFile;
  readonly byContent: ReadonlyMap<string, readonly string[]>;
  /** Names that `docker_apps` entries of an app refer to. */
  readonly byApp: ReadonlyMap<string, ReadonlySet<string>>;
}

function contentKey({ length, sha256 }: FileContent): string {
  return `${sha256.toLowerCase()}:${length}`;
}

export function hasContent(target: Target | undefined, content: FileContent): boolean {
  return target?.length === content.length && readSha256(target) === content.sha256.toLowerCase();
}

export function indexFileTargets(file: TargetsFile): FileTargetIndex {
  const byContent = new Map<string, string[]>();
  const byApp = new Map<string, Set<string>>();
  for (const [name, target] of file.targets) {
    const apps: unknown = target.custom?.docker_apps;
    for (const [app, entry] of isRecord(apps) ? Object.entries(apps) : []) {
      if (!isRecord(entry) || typeof entry.filename !== 'string') continue;
      const names = byApp.get(app);
      if (names === undefined) byApp.set(app, new Set([entry.filename]));
      else names.add(entry.filename);
    }
    const sha256 = readSha256(target);
    if (sha256 === undefined || isOstree(target)) continue;
    const key = contentKey({ length: target.length, sha256 });
    const names = byContent.get(key);
    if (names === undefined) byContent.set(key, [name]);
    else names.push(name);
  }
  return { file, byContent, byApp };
}

/** The newest file target of an app with this content, if there is one. */
export function findFileTarget(index: FileTargetIndex, app: string, content: FileContent): string | undefined {
  const prefix = `${app}.dockerapp-`;
  const rank = (name: string): number =>
    readVersion(index.file.targets.get(name)?.custom?.version) ??
    (name.startsWith(prefix) ? readVersion(name.slice(prefix.length)) : undefined) ??
    -1;
  const names = (index.byContent.get(contentKey(content)) ?? []).filter(
    (name) =>
      name.startsWith(prefix) ||
      index.file.targets.get(name)?.custom?.name === `${app}.dockerapp` ||
      index.byApp.get(app)?.has(name) === true,
  );
  return names.toSorted((a, b) => rank(b) - rank(a) || compareText(a, b))[0];
}

/** The target of a `.dockerapp`, as devices of the old style look for it. */
export function planFileTarget(
  app: string,
  file: FileTarget,
  stamp: { readonly version: string; readonly createdAt: string },
): PlannedTarget {
  return {
    name: file.name,
    kind: 'file',
    target: {
      hashes: { sha256: file.sha256 },
      length: file.length,
      custom: {
        targetFormat: 'BINARY',
        version: stamp.version,
        name: `${app}.dockerapp`,
        hardwareIds: ['all'],
        createdAt: stamp.createdAt,
        updatedAt: stamp.createdAt,
      },
    },
    apps: [],
  };
}
