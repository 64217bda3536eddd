import { compareText } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { Target } from '../model/target.ts';
import { isOstree, isRecord } from '../targets/target-fields.ts';
import type { AppStyle } from './clients.ts';
import type { Fact } from './simulation-rows.ts';
import type { SimulationInput } from './simulation-step.ts';

const LOOP = 'the target was edited after it was out: devices that run it install it again and again, without a pause';
const UNNOTICED =
  'the target was edited after it was out: devices that run it do not notice, others get the edited apps';

/** Targets that are out and whose app maps were edited: some clients then install without end, the newest does not see it. */
export function findEdited({ file, older, clients }: SimulationInput): Fact[] {
  if (older === undefined) return [];
  return [...older.targets].flatMap(([to, before]) => {
    const now = file.targets.get(to);
    if (now === undefined || !isOstree(before)) return [];
    const edited = {
      'docker-app': findChanged(before, now, 'docker-app'),
      compose: findChanged(before, now, 'compose'),
    };
    const place = { move: 'edited', from: '', to, hardwareId: '', tag: '' } as const;
    return clients.flatMap(({ id, style, starts, compares }): Fact[] => {
      if (!starts) return [];
      const own = { ...place, client: id };
      const looped = new Set(compares.flatMap((each) => edited[each]));
      const loops = [...looped].sort(compareText).map((app): Fact => {
        return { ...own, app, outcome: 'endless-loop', loss: true, detail: LOOP };
      });
      const missed = edited[style]
        .filter((app) => !looped.has(app))
        .map((app): Fact => {
          return { ...own, app, outcome: 'not-noticed', loss: false, detail: UNNOTICED };
        });
      return [...loops, ...missed];
    });
  });
}

/** The apps whose entry is another one to a device: by file name in one map, by uri in the other. */
function findChanged(before: Target, now: Target, style: AppStyle): string[] {
  const [a, b] = [readNames(before, style), readNames(now, style)];
  const apps = [...new Set([...a.keys(), ...b.keys()])];
  return apps.filter((app) => a.get(app) !== b.get(app)).sort(compareText);
}

/** What devices compare, as text; an entry of another form by all of it. */
function readNames(target: Target, style: AppStyle): ReadonlyMap<string, string> {
  const isOld = style === 'docker-app';
  const apps: unknown = isOld ? target.custom?.docker_apps : target.custom?.docker_compose_apps;
  return new Map(
    Object.entries(isRecord(apps) ? apps : {}).map(([app, entry]) => {
      const named = isRecord(entry) ? entry[isOld ? 'filename' : 'uri'] : undefined;
      return [app, canonicalJson(typeof named === 'string' ? named : (entry ?? null))];
    }),
  );
}
