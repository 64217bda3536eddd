import { readPinComments } from '../compose/pin-comments.ts';
import { finding } from '../lib/finding.ts';
import type { Diagnostic } from '../model/app.ts';
import type { MigrationPlan } from '../model/plan.ts';
import type { FormerApps } from './former-apps.ts';

/** What the references of one app stay pinned to. */
export interface AppPins {
  /** `plan`: fixed by the plan that is carried out, all of them; `published`: those of the published bundle outside the tag rule. */
  readonly from: 'plan' | 'published';
  /** `registry/repository@sha256:...` by reference. */
  readonly pins: ReadonlyMap<string, string>;
  readonly diagnostics: readonly Diagnostic[];
}

export type ReadPins = (app: string) => Promise<AppPins>;

/** The pins that a plan fixed. */
export function readPinsOfPlan({ apps }: MigrationPlan): ReadPins {
  const byApp = new Map(
    apps.map(({ app, images }) => [app, new Map(images.map(({ reference, pinned }) => [reference, pinned]))]),
  );
  return async (app) => ({ from: 'plan', pins: byApp.get(app) ?? new Map(), diagnostics: [] });
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
  const known = new Map(earlier?.state === 'done' ? earlier.apps.map((row) => [row.reference ?? '', row.images]) : []);
  return async (app) => {
    const uri = uris.get(app);
    const planned = uri === undefined ? undefined : known.get(uri);
    if (uri === undefined) return NO_PINS;
    if (planned !== undefined) {
      return { from: 'published', pins: new Map(planned.map((pin) => [pin.reference, pin.pinned])), diagnostics: [] };
    }
    const bundle = await former.readBundle(uri);
    if (bundle !== undefined) return { from: 'published', pins: readPinComments(bundle.compose), diagnostics: [] };
    const message = `the published bundle ${uri} cannot be read: images are resolved as if it were not there`;
    return { ...NO_PINS, diagnostics: [finding('image.pins-unreadable', message)] };
  };
}

const NO_PINS: AppPins = { from: 'published', pins: new Map(), diagnostics: [] };
