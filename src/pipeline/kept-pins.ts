import { readPinComments } from '../compose/pin-comments.ts';
import { RebundleError } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import { formatReference } from '../lib/reference.ts';
import type { Diagnostic } from '../model/app.ts';
import type { Reference } from '../model/oci.ts';
import type { MigrationPlan, PlannedApp } from '../model/plan.ts';
import type { FormerApps } from './former-apps.ts';
import type { ImageLock } from './migration.ts';

/** What the references of one app stay pinned to. */
export interface AppPins {
  /** `plan`: fixed by the plan that is carried out, all of them; `published`: those of the published bundle outside the tag rule. */
  readonly from: 'plan' | 'published';
  /** `registry/repository@sha256:...` by reference. */
  readonly pins: Pick<ReadonlyMap<string, string>, 'get'>;
  /** What a plan says of a reference that has no other pin and is not resolved. */
  readonly locked?: (reference: Reference) => string | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export type ReadPins = (app: string) => Promise<AppPins>;

/** The pins that a plan fixed. */
export function readPinsOfPlan({ apps }: MigrationPlan): ReadPins {
  const byApp = new Map(apps.map((row) => [row.app, row]));
  return async (app) => ({ from: 'plan', pins: pinsOf(byApp.get(app)), diagnostics: [] });
}

function pinsOf(row: PlannedApp | undefined): ReadonlyMap<string, string> {
  return new Map((row?.details.read().images ?? []).map(({ reference, pinned }) => [reference, pinned]));
}

/** The pins of a lock, and what else gives pins where the lock is not the whole of it. */
export function readLockedPins(lock: ImageLock, others: ReadPins): ReadPins {
  const find = createPinSearch(lock);
  if (lock.isWhole) return async (app) => ({ from: 'plan', pins: { get: (text) => find(app, text) }, diagnostics: [] });
  return async (app) => ({
    ...(await others(app)),
    locked: (reference) => (lock.covers(reference.registry) ? find(app, formatReference(reference)) : undefined),
  });
}

/** The pin of a reference as its app has it, else as the others have it. Throws IMAGE_UNRESOLVED where those do not agree. */
function createPinSearch({ plan, name }: ImageLock): (app: string, reference: string) => string | undefined {
  const rows = new Map((plan?.apps ?? []).map((row) => [row.app, row]));
  let all: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  return (app, reference) => {
    const own = pinsOf(rows.get(app)).get(reference);
    if (own !== undefined) return own;
    all ??= collectPins([...rows.values()]);
    const [pinned, other] = [...(all.get(reference) ?? [])];
    if (other === undefined) return pinned;
    const message = `${reference} has more than one digest in ${name}, and none for ${app}`;
    throw new RebundleError('IMAGE_UNRESOLVED', message, {
      hint: 'Write the digest into the package, or make a plan that has the app.',
    });
  };
}

function collectPins(rows: readonly PlannedApp[]): ReadonlyMap<string, ReadonlySet<string>> {
  const all = new Map<string, Set<string>>();
  for (const row of rows)
    for (const [reference, pinned] of pinsOf(row)) all.set(reference, (all.get(reference) ?? new Set()).add(pinned));
  return all;
}

/**
 * The pins of published bundles: of the one that the newest target names, from its compose file in the registry, or from an earlier plan that
 * records that very reference as published. So a machine without state pins as the one that published did.
 */
export function readPublishedPins(input: {
  /** Of the bundles that the newest targets name, by app. */
  readonly uris: ReadonlyMap<string, string>;
  readonly earlier: MigrationPlan | undefined;
  readonly former: Pick<FormerApps, 'readBundle'>;
}): ReadPins {
  const { uris, earlier, former } = input;
  const known = new Map(earlier?.state === 'done' ? earlier.apps.map((row) => [row.reference ?? '', row]) : []);
  return async (app) => {
    const uri = uris.get(app);
    const planned = uri === undefined ? undefined : known.get(uri);
    if (uri === undefined) return NO_PINS;
    if (planned !== undefined) {
      return { from: 'published', pins: pinsOf(planned), diagnostics: [] };
    }
    const bundle = await former.readBundle(uri);
    if (bundle !== undefined) return { from: 'published', pins: readPinComments(bundle.compose), diagnostics: [] };
    const message = `the published bundle ${uri} cannot be read: images are resolved as if it were not there`;
    return { ...NO_PINS, diagnostics: [finding('image.pins-unreadable', message)] };
  };
}

const NO_PINS: AppPins = { from: 'published', pins: new Map(), diagnostics: [] };
