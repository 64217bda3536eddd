import { MAX_HELD_BYTES } from '../bundle/limits.ts';
import { RebundleError } from '../errors.ts';
import type { AppBundle } from '../model/app.ts';
import type { Digest } from '../model/oci.ts';
import type { ConvertedApp } from './migration.ts';

/** Everything of one app that is written somewhere. */
export interface AppBytes {
  readonly converted: ConvertedApp;
  readonly bundle: AppBundle;
  /** The `.dockerapp` for devices of the old style; undefined where they get none. */
  readonly dockerApp?: Uint8Array;
}

/** Gives the bytes of an app, the very same each time. Throws PLAN_STALE where its sources changed meanwhile. */
export type OpenApp = () => Promise<AppBytes>;

/** Units of text that are held for all apps together. Those of further apps are made again when they are written. */
const MAX_HELD = 4 * 1024 * 1024;

/** Holds the bytes of the first apps, so that a factory of a usual size is converted once, and memory does not grow with a huge one. */
export function createByteStore(limit: number = MAX_HELD): (made: AppBytes, make: OpenApp) => OpenApp {
  let held = 0;
  return (made, make) => {
    const size = sizeOf(made);
    if (held + size <= limit) {
      held += size;
      return async () => made;
    }
    return makeAgain(made.converted.name, made.bundle.manifest.digest, make);
  };
}

/** A function of its own, so that nothing of the bytes made first stays reachable. */
function makeAgain(name: string, digest: Digest, make: OpenApp): OpenApp {
  return async () => {
    const again = await make();
    if (again.bundle.manifest.digest === digest) return again;
    throw new RebundleError('PLAN_STALE', `the sources of ${name} changed while the run was at work`, {
      hint: 'Run again.',
    });
  };
}

function sizeOf({ converted, bundle, dockerApp }: AppBytes): number {
  const { app, pkg } = converted;
  const texts = [app?.composeText, pkg?.metadata.text, pkg?.compose.text, pkg?.parameters.text];
  const layers = bundle.composeLayers.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  const files = [bundle.archive, ...bundle.files].reduce((sum, { size }) => sum + Math.min(size, MAX_HELD_BYTES), 0);
  return texts.reduce((sum, text = '') => sum + text.length, layers + files + (dockerApp?.byteLength ?? 0) + 2048);
}
