import { compareText } from '../lib/bytes.ts';
import type { TagRule } from './tag-rules.ts';
import { isOstree, isRecord, readTexts, readVersion } from './target-fields.ts';
import type { TargetsFile } from './targets-file.ts';

/**
 * The `uri` of each app in the newest target that names it in `docker_compose_apps`: of those with a tag that targets are made for, else with a
 * tag that they are built upon. Of two with one version the first by name counts.
 */
export function findPublishedUris(file: TargetsFile, tagRules: readonly TagRule[]): ReadonlyMap<string, string> {
  const own = new Set(tagRules.map(({ tag }) => tag));
  const parents = new Set(tagRules.map(({ parent }) => parent));
  const rows = [...file.targets].flatMap(([name, target]) => {
    const tags = readTexts(target.custom?.tags);
    const rank = tags.some((tag) => own.has(tag)) ? 1 : tags.some((tag) => parents.has(tag)) ? 0 : undefined;
    const version = readVersion(target.custom?.version);
    return isOstree(target) && rank !== undefined && version !== undefined ? [{ name, target, rank, version }] : [];
  });
  rows.sort((a, b) => b.rank - a.rank || b.version - a.version || compareText(a.name, b.name));
  const uris = new Map<string, string>();
  for (const { target } of rows) {
    const apps: unknown = target.custom?.docker_compose_apps;
    for (const [app, entry] of Object.entries(isRecord(apps) ? apps : {})) {
      if (!uris.has(app) && isRecord(entry) && typeof entry.uri === 'string') uris.set(app, entry.uri);
    }
  }
  return uris;
}
