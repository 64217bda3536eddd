import {
  type DeviceStyle,
  type DeviceUpdate,
  type MovedImage,
  UPDATE_CAUSES,
  type UpdateCause,
  type UpdateGroup,
} from '../model/plan.ts';
import type { RunReport } from './run-report.ts';
import { countOf } from './wording.ts';

const IMAGES_SHOWN = 3;
/** Of so many causes none is named: source, image, option and format. */
const KNOWABLE = 4;

/** A tag with its hardware ids, and a line for each cause. */
interface UpdateLines {
  /** `tag main, hardware ids amd, arm` */
  readonly devices: string;
  /** `3 apps get an update` */
  readonly what: string;
  readonly lines: readonly UpdateLine[];
}

interface UpdateLine {
  /** `image and source or option` */
  readonly why: string;
  /** `both styles` */
  readonly who: string;
  /** Empty where it is about the operating system. */
  readonly apps: string;
  /** `docker.io/library/redis:6 1b2c3d4e5f6a -> 6a5f4e3d2c1b`; empty where no image is behind it. */
  readonly images: string;
}

/** What devices will see, in one sentence; undefined where a run that ended early cannot know. */
export function updatesSentence({ updates, failure, counts }: RunReport): string | undefined {
  if (failure !== undefined) return undefined;
  const waits = counts.held > 0 && updates?.length === 0;
  return `${describeWhole(updates)}${waits ? ': the targets wait for the apps that failed' : ''}`;
}

/** The same where nothing waits. */
export function describeWhole(updates: RunReport['updates']): string {
  if (updates === undefined) return 'no targets are configured: nothing is said about devices';
  const apps = countUpdatedApps(updates);
  if (apps > 0) return `devices will see an update of ${countOf(apps, 'app')}`;
  return updates.length === 0
    ? 'no device will see an update'
    : 'devices will see another build of the operating system, and no app changes';
}

/** Each tag in words; of many apps the first `names`. */
export function describeUpdates(updates: readonly DeviceUpdate[], names: number): UpdateLines[] {
  return updates.map((update) => {
    const { tag, hardwareIds, changesSystem, groups } = update;
    const apps = countUpdatedApps([update]);
    const system = { why: 'another build of the operating system', who: BOTH, apps: '', images: '' };
    return {
      devices: `tag ${tag}, hardware id${hardwareIds.length === 1 ? '' : 's'} ${hardwareIds.join(', ')}`,
      what: apps === 0 ? 'no app changes' : `${countOf(apps, 'app')} ${apps === 1 ? 'gets' : 'get'} an update`,
      lines: [...(changesSystem ? [system] : []), ...joinStyles(groups).map((row) => lineOf(row, names))],
    };
  });
}

/** A group, and which devices it is about. */
interface StyledGroup extends UpdateGroup {
  readonly styles: readonly DeviceStyle[];
}

/** What both styles see for the same causes is one row. */
function joinStyles(groups: readonly UpdateGroup[]): StyledGroup[] {
  const rows = new Map<string, StyledGroup>();
  for (const group of groups) {
    const { style, ...rest } = group;
    const key = JSON.stringify({ ...rest, images: [] });
    const former = rows.get(key);
    const images = new Map([...(former?.images ?? []), ...group.images].map((image) => [JSON.stringify(image), image]));
    rows.set(key, { ...group, styles: [...(former?.styles ?? []), style], images: [...images.values()] });
  }
  return [...rows.values()];
}

const BOTH = 'both styles';
const STYLE_NAMES: Readonly<Record<DeviceStyle, string>> = {
  'docker-app': 'docker-app',
  bundle: 'Compose Bundles',
};

function lineOf({ causes, unclear, styles, apps, images }: StyledGroup, names: number): UpdateLine {
  return {
    why: [...causes, ...(unclear.length === 0 ? [] : [describeUnclear(unclear)])].join(' and '),
    who: styles.length > 1 ? BOTH : styles.map((style) => STYLE_NAMES[style]).join(),
    apps: listSome(apps, names),
    images: listSome(images.map(describeImage), IMAGES_SHOWN),
  };
}

function describeUnclear(causes: readonly UpdateCause[]): string {
  return causes.length < KNOWABLE ? causes.join(' or ') : 'cause not known';
}

/** `image, both styles: web (docker.io/library/redis:6 1b2c3d4e5f6a -> 6a5f4e3d2c1b)` */
export function formatUpdateLine({ why, who, apps, images }: UpdateLine): string {
  return `${why}, ${who}${apps === '' ? '' : `: ${apps}`}${images === '' ? '' : ` (${images})`}`;
}

function describeImage({ reference, before, after }: MovedImage): string {
  const short = (digest: string): string => digest.slice('sha256:'.length, 'sha256:'.length + 12);
  return `${reference} ${short(before)} -> ${short(after)}`;
}

function listSome(texts: readonly string[], shown: number): string {
  const more = texts.length - shown;
  return `${texts.slice(0, shown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

export function countUpdatedApps(updates: readonly DeviceUpdate[]): number {
  return new Set(updates.flatMap(({ groups }) => groups.flatMap(({ apps }) => apps))).size;
}

/** Apps by cause and style; an app counts for each of its causes. */
export function countCauses(updates: readonly DeviceUpdate[]): { style: DeviceStyle; cause: string; count: number }[] {
  return (['docker-app', 'bundle'] as const).flatMap((style) =>
    ([...UPDATE_CAUSES, 'unclear'] as const).map((cause) => {
      const groups = updates.flatMap((update) => update.groups).filter((group) => group.style === style);
      const has = ({ causes, unclear }: UpdateGroup): boolean =>
        cause === 'unclear' ? unclear.length > 0 : causes.includes(cause);
      return { style, cause, count: new Set(groups.filter(has).flatMap(({ apps }) => apps)).size };
    }),
  );
}
