import { toRebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { mapLimit } from '../lib/limit.ts';
import {
  type DeviceUpdate,
  type MovedImage,
  UPDATE_CAUSES,
  type UpdateCause,
  type UpdateGroup,
} from '../model/plan.ts';
import type { DeviceStep, EntryChange } from '../targets/device-steps.ts';
import type { TargetsPlan } from '../targets/plan-targets.ts';
import type { TargetsFile } from '../targets/targets-file.ts';
import type { BuiltApp } from './build-app.ts';
import { type Explanation, settleCauses, UNKNOWN } from './causes.ts';
import { type ExplainInput, explainBundle, explainDockerApp, readRecorded } from './explain-entry.ts';
import { createFormerApps } from './former-apps.ts';
import type { MigrationContext, MigrationRequest } from './migration.ts';

/**
 * What devices see of the planned targets and why: by tag, style and cause. What is published is compared with what will be, so a machine without state
 * tells the same; a plan of an earlier run tells more where the two cannot. What cannot be read is unclear, and nothing here fails a run.
 */
export async function explainUpdates(steps: readonly DeviceStep[], input: ExplainInput): Promise<DeviceUpdate[]> {
  const changes = new Map(steps.flatMap((step) => step.changes.map((change) => [keyOf(change), change])));
  const explained = new Map<string, Explanation>();
  await mapLimit([...changes], input.context.limit, async ([key, change]) => {
    explained.set(key, await explainEntry(change, input));
  });
  const updates = new Map<string, DeviceUpdate>();
  for (const { tag, hardwareIds, changesSystem, changes: all } of steps) {
    const rows = all.map((change) => ({ change, explanation: explained.get(keyOf(change)) ?? UNKNOWN }));
    const groups = groupByCause(rows);
    // Every hardware id of a tag gets a target where one is due; those that have all of it already see nothing.
    if (groups.length === 0 && !changesSystem) continue;
    const key = JSON.stringify([tag, changesSystem, groups]);
    const alike = updates.get(key)?.hardwareIds ?? [];
    updates.set(key, {
      tag,
      hardwareIds: [...new Set([...alike, ...hardwareIds])].sort(compareText),
      changesSystem,
      groups,
    });
  }
  return [...updates.values()].sort(
    (a, b) => compareText(a.tag, b.tag) || compareText(a.hardwareIds.join(), b.hardwareIds.join()),
  );
}

/** The same for targets that were planned once more, for another targets file or without apps that failed. */
export function explainAgain(
  { steps }: TargetsPlan,
  apps: readonly BuiltApp[],
  run: {
    readonly file: TargetsFile | undefined;
    readonly request: MigrationRequest;
    readonly context: MigrationContext;
  },
): Promise<DeviceUpdate[]> {
  const { file, context, request } = run;
  const former = createFormerApps({ file, context, host: request.config.registry });
  return explainUpdates(steps, { ...run, former, apps: indexApps(apps), recorded: readRecorded(undefined, request) });
}

export function indexApps(apps: readonly BuiltApp[]): ReadonlyMap<string, BuiltApp> {
  return new Map(apps.map((app) => [app.name, app]));
}

function keyOf(change: EntryChange): string {
  return JSON.stringify(change);
}

async function explainEntry(change: EntryChange, input: ExplainInput): Promise<Explanation> {
  const { before, after, behind } = change;
  if (after === undefined) return settleCauses([['removed']]);
  const own =
    before === undefined
      ? settleCauses([['new']])
      : before === after
        ? settleCauses([['targets']])
        : await compareEntry({ ...change, before, after }, input);
  if (behind === 'no') return own;
  if (behind === 'yes')
    return { ...own, causes: UPDATE_CAUSES.filter((cause) => cause === 'targets' || own.causes.includes(cause)) };
  const all = new Set<UpdateCause>([...own.causes, ...own.unclear, 'targets']);
  return { causes: [], unclear: UPDATE_CAUSES.filter((cause) => all.has(cause)), images: [] };
}

async function compareEntry(
  change: EntryChange & { readonly before: string; readonly after: string },
  input: ExplainInput,
): Promise<Explanation> {
  try {
    return await (change.style === 'bundle' ? explainBundle(change, input) : explainDockerApp(change, input));
  } catch (thrown) {
    if (toRebundleError(thrown).code === 'CANCELLED') throw thrown;
    return UNKNOWN;
  }
}

interface ExplainedChange {
  readonly change: EntryChange;
  readonly explanation: Explanation;
}

interface Collected {
  readonly first: ExplainedChange;
  readonly apps: string[];
  readonly images: Map<string, MovedImage>;
}

function groupByCause(rows: readonly ExplainedChange[]): UpdateGroup[] {
  const groups = new Map<
    string,
    { readonly first: ExplainedChange; apps: string[]; images: Map<string, MovedImage> }
  >();
  for (const row of rows) {
    const { change, explanation } = row;
    const key = JSON.stringify([change.style, explanation.causes, explanation.unclear]);
    const group: Collected = groups.get(key) ?? { first: row, apps: [], images: new Map() };
    groups.set(key, group);
    group.apps.push(change.app);
    for (const image of explanation.images) group.images.set(JSON.stringify(image), image);
  }
  return [...groups.values()]
    .map(({ first: { change, explanation }, apps, images }) => ({
      style: change.style,
      causes: explanation.causes,
      unclear: explanation.unclear,
      apps: apps.sort(compareText),
      images: [...images.values()].sort(
        (a, b) => compareText(a.reference, b.reference) || compareText(a.before, b.before),
      ),
    }))
    .sort((a, b) => rankOf(a) - rankOf(b) || compareText(JSON.stringify(a.unclear), JSON.stringify(b.unclear)));
}

/** `docker-app` first, then by the first cause, fewer causes first; what is unclear comes last. */
function rankOf({ style, causes, unclear }: UpdateGroup): number {
  const digits = causes.map((cause) => UPDATE_CAUSES.indexOf(cause) + 1);
  const order = digits.reduce((sum, digit, i) => sum + digit * 10 ** (UPDATE_CAUSES.length - i), 0);
  return (style === 'bundle' ? 1e12 : 0) + (causes.length === 0 ? 1e11 : order) + unclear.length;
}
