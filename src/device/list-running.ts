import { compareText } from '../lib/bytes.ts';
import { type AppContent, imagesOf } from './app-content.ts';
import { listMounts, listNetworks } from './app-storage.ts';
import { type AppStyle, STYLES } from './clients.ts';
import { readBoth } from './simulate-styles.ts';
import type { SimulationInput } from './simulation-step.ts';

/** What an app runs and keeps on devices. */
export interface RunningApp {
  readonly app: string;
  /** One style, or both where nothing of this differs. */
  readonly styles: readonly AppStyle[];
  readonly targets: readonly string[];
  readonly images: readonly { readonly service: string; readonly image: string }[];
  /** Named volumes by their full names. */
  readonly volumes: readonly string[];
  /** Paths on the host, and in the folder of the app. */
  readonly paths: readonly string[];
  readonly networks: readonly string[];
}

type Described = Pick<RunningApp, 'images' | 'volumes' | 'paths' | 'networks'>;

/** What the apps of the targets that devices go to run, in each style; apps whose contents are not known are left out. Sorted by app. */
export function listRunning(input: SimulationInput): RunningApp[] {
  const rows = new Map<
    string,
    { readonly app: string; styles: Set<AppStyle>; targets: Set<string>; what: Described }
  >();
  for (const { name, target } of new Map(input.pairs.map(({ to }) => [to.name, to])).values()) {
    const entries = readBoth(input, target);
    for (const style of STYLES) {
      for (const [app, entry] of entries[style]) {
        if (entry.state !== 'app' || entry.content === undefined) continue;
        const what = describe(app, entry.content);
        const key = JSON.stringify([app, what]);
        const row = rows.get(key) ?? { app, styles: new Set(), targets: new Set(), what };
        rows.set(key, row);
        row.styles.add(style);
        row.targets.add(name);
      }
    }
  }
  return [...rows.values()]
    .map(({ app, styles, targets, what }) => ({
      app,
      styles: STYLES.filter((style) => styles.has(style)),
      targets: [...targets].sort(compareText),
      ...what,
    }))
    .sort((a, b) => compareText(a.app, b.app) || compareText(a.styles.join(), b.styles.join()));
}

function describe(app: string, content: AppContent): Described {
  const mounts = [...listMounts(app, content).values()];
  const of = (...kinds: readonly string[]): string[] =>
    [...new Set(mounts.filter(({ kind }) => kinds.includes(kind)).map(({ source }) => source))].sort(compareText);
  return {
    images: [...imagesOf(content)]
      .map(([service, image]) => ({ service, image }))
      .sort((a, b) => compareText(a.service, b.service)),
    volumes: of('volume'),
    paths: of('host path', 'app folder'),
    networks: listNetworks(app, content),
  };
}
