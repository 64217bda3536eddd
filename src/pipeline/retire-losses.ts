import type { Config } from '../config.ts';
import { type Entry, NO_CONTENTS, readEntries } from '../device/client-entries.ts';
import { CLIENTS } from '../device/clients.ts';
import { compareText } from '../lib/bytes.ts';
import type { Target } from '../model/target.ts';
import { readBaseApps } from '../targets/app-maps.ts';
import { selectParents } from '../targets/select-parents.ts';
import { parseTagRules } from '../targets/tag-rules.ts';
import type { TargetsFile } from '../targets/targets-file.ts';

/** What one type of device client makes of a target without `docker_apps`; apps by name. */
interface ClientLoss {
  readonly client: string;
  /** False for a client that does not start at all, whatever targets hold. */
  readonly starts: boolean;
  /** Apps that it runs now and takes down. */
  readonly removes: readonly string[];
  /** Apps that it goes on with. */
  readonly keeps: readonly string[];
}

/** The devices of one tag that get the same target. */
export interface RetireLoss {
  readonly tag: string;
  readonly hardwareIds: readonly string[];
  /** The newest target of these devices; absent for a tag that has none yet. */
  readonly target?: string;
  /** Apps that no target names any more, since only `docker_apps` has them. By name. */
  readonly gone: readonly string[];
  readonly clients: readonly ClientLoss[];
}

/**
 * What devices lose when new targets have no `docker_apps`, by tag and hardware ids, for every type of client. Devices without the map lose nothing
 * and are left out. Throws TARGETS_PARENT where there is nothing to build upon.
 */
export function findRetireLosses(file: TargetsFile, targets: NonNullable<Config['targets']>): RetireLoss[] {
  const { machines, platforms } = targets;
  const { selections } = selectParents({ file, tagRules: parseTagRules(targets.tags), machines, platforms });
  return selections.flatMap((selection) => {
    const { dockerApps, composeApps } = readBaseApps(file, selection);
    if (dockerApps.size === 0) return [];
    const [newest] = selection.ownLines.flatMap((line) => line.slice(0, 1));
    const custom = {
      docker_apps: Object.fromEntries(dockerApps),
      docker_compose_apps: Object.fromEntries(composeApps),
    } as NonNullable<Target['custom']>;
    const clients = CLIENTS.map((client): ClientLoss => {
      const entries = readEntries(file, { hashes: {}, length: 0, custom }, { client, contents: NO_CONTENTS });
      const apps = client.starts ? listRunning(entries) : [];
      const isOld = client.style === 'docker-app';
      return { client: client.id, starts: client.starts, removes: isOld ? apps : [], keeps: isOld ? [] : apps };
    });
    const gone = [...dockerApps.keys()].filter((app) => !composeApps.has(app)).sort(compareText);
    const { rule, hardwareIds } = selection;
    return [{ tag: rule.tag, hardwareIds, ...(newest === undefined ? {} : { target: newest.name }), gone, clients }];
  });
}

/** What a client passes over in silence it never ran. */
function listRunning(entries: ReadonlyMap<string, Entry>): string[] {
  const running = [...entries].filter(([, { state }]) => state !== 'skipped');
  return running.map(([app]) => app).sort(compareText);
}
