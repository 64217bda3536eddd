import { MAX_HELD_BYTES } from '../bundle/limits.ts';
import { RebundleError } from '../errors.ts';
import type { AppBundle, BundleFile } from '../model/app.ts';
import type { Digest } from '../model/oci.ts';

/** Everything of one app that is written somewhere. */
export interface AppBytes {
  readonly name: string;
  readonly bundle: AppBundle;
  /** The converted tree, images as they are written: docker-compose.yml first. */
  readonly tree: readonly Pick<BundleFile, 'path' | 'executable' | 'size' | 'open'>[];
  /** The `.dockerapp` for devices of the old style; undefined where they get none. */
  readonly dockerApp?: Uint8Array;
}

/** Gives the bytes of an app, the very same each time. Throws PLAN_STALE where its sources changed meanwhile. */
export type OpenApp = () => Promise<AppBytes>;

/** What an app takes besides its bytes. */
const OVERHEAD = 4096;

/** Holds the bytes of apps up to `limit` for all together. Those of further apps are made again when they are written. */
export function createByteStore(
  limit: number,
): (made: AppBytes, make: OpenApp) => { readonly open: OpenApp; readonly isHeld: boolean } {
  let held = 0;
  return (made, make) => {
    const size = sizeOf(made);
    if (held + size <= limit) {
      held += size;
      return { open: async () => made, isHeld: true };
    }
    return { open: openAgain(made.name, made.bundle.manifest.digest, make), isHeld: false };
  };
}

/** Makes the bytes anew each time. A function of its own, so that nothing of the bytes made first stays reachable. */
export function openAgain(name: string, digest: Digest, make: OpenApp): OpenApp {
  return async () => {
    const again = await make();
    if (again.bundle.manifest.digest === digest) return again;
    throw new RebundleError('PLAN_STALE', `the sources of ${name} changed while the run was at work`, {
      hint: 'Run again.',
    });
  };
}

function sizeOf({ bundle, tree, dockerApp }: AppBytes): number {
  const layers = bundle.composeLayers.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  const files = [bundle.archive, bundle.index, bundle.manifest, ...bundle.files, ...tree.slice(0, 1)];
  const sum = files.reduce((all, { size }) => all + Math.min(size, MAX_HELD_BYTES), 0);
  return OVERHEAD + sum + layers + (dockerApp?.byteLength ?? 0);
}
