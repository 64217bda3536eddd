import { MAX_APP_MANIFEST_BYTES, MAX_READ_MANIFEST_BYTES } from '../bundle/limits.ts';

/** The two ways in which a target names an app. */
export const STYLES = ['docker-app', 'compose'] as const;
export type AppStyle = (typeof STYLES)[number];

/** A generation of the device client with the type of package manager that it is configured with. What each does was seen by running it. */
export interface Client {
  readonly id: string;
  /** The map that it installs from; the other one is ignored. */
  readonly style: AppStyle;
  /** False for a client that knows no such type: it ends at its start. */
  readonly starts: boolean;
  /** The maps by which it tells whether a target is the one that it runs. None: by name alone. */
  readonly compares: readonly AppStyle[];
  /** What clients of 2020 share: apps stay as they are where a boot fails, archives are unpacked over the old folder, old commits are not taken. */
  readonly is2020: boolean;
  /** A target that is there before the daemon starts counts as installed, its apps are not updated. */
  readonly hasFirstLoopDefect: boolean;
  /** Bytes of a bundle's manifest. */
  readonly manifestLimit: number;
}

const OLD = {
  style: 'docker-app',
  starts: true,
  compares: ['docker-app', 'compose'],
  is2020: true,
  hasFirstLoopDefect: false,
} as const;
const COMPOSE_2020 = { ...OLD, style: 'compose' } as const;

/** From the oldest to the newest. The last one is what a device becomes whose configuration was not changed in time. */
export const CLIENTS: readonly Client[] = [
  { id: 'docker-app', ...OLD, manifestLimit: MAX_APP_MANIFEST_BYTES },
  { id: '2020-07-docker-app', ...OLD, manifestLimit: MAX_APP_MANIFEST_BYTES },
  { id: '2020-09-docker-app', ...OLD, manifestLimit: MAX_APP_MANIFEST_BYTES },
  { id: '2020-07-compose', ...COMPOSE_2020, manifestLimit: MAX_APP_MANIFEST_BYTES },
  { id: '2020-09-compose', ...COMPOSE_2020, hasFirstLoopDefect: true, manifestLimit: MAX_APP_MANIFEST_BYTES },
  {
    id: '2020-10',
    ...COMPOSE_2020,
    compares: ['compose'],
    hasFirstLoopDefect: true,
    manifestLimit: MAX_APP_MANIFEST_BYTES,
  },
  { id: 'newest', ...COMPOSE_2020, compares: [], is2020: false, manifestLimit: MAX_READ_MANIFEST_BYTES },
  {
    id: 'newest-docker-app',
    ...OLD,
    starts: false,
    compares: [],
    is2020: false,
    manifestLimit: MAX_READ_MANIFEST_BYTES,
  },
];

/** The clients that a fleet may have: all that start. */
export const RUNNING_CLIENTS: readonly Client[] = CLIENTS.filter(({ starts }) => starts);

/** The clients that have both types, between which a device can be switched. */
export const TRANSITIONAL = ['2020-07', '2020-09'] as const;
