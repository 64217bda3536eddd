import { digestOf, hexOf } from '../lib/digest.ts';
import { readSha256 } from '../targets/target-fields.ts';
import type { TargetsFile } from '../targets/targets-file.ts';
import { callOptions, type MigrationContext } from './migration.ts';
import { bundleRegistry, type PublishedBundle, readPublishedBundle } from './published-bundle.ts';

/** What devices run of apps by now, as it is published. Whoever asks, it is fetched once as long as it is held. */
export interface FormerApps {
  /** Undefined where there is no such bundle. What the registry fails at is thrown. */
  readonly readBundle: (uri: string) => Promise<PublishedBundle | undefined>;
  /** The bytes of a file target; undefined where they are not there or not those that the targets name. */
  readonly readFile: (filename: string) => Promise<Buffer | undefined>;
  /** Nobody will ask for this bundle again. */
  readonly forget: (uri: string) => void;
}

/** Units of text that are held for all apps together; what is above is fetched again, so that memory does not grow with a huge factory. */
const MAX_HELD = 8 * 1024 * 1024;

export function createFormerApps(input: {
  readonly file: TargetsFile | undefined;
  readonly context: MigrationContext;
  /** Registry host of the bundles. */
  readonly host: string | undefined;
}): FormerApps {
  const { file, context, host } = input;
  const bundles = createHeld<PublishedBundle>(({ compose }) => compose.length);
  const files = createHeld<Buffer>(({ byteLength }) => byteLength);
  return {
    readBundle: (uri) =>
      bundles.get(uri, () =>
        readPublishedBundle(bundleRegistry(uri.split('/')[0] ?? '', host, context), uri, callOptions(context)),
      ),
    readFile: (filename) =>
      files.get(filename, async () => {
        const target = file?.targets.get(filename);
        const bytes = target === undefined ? undefined : await context.tufRepo?.getTarget(filename);
        const isNamed = bytes !== undefined && target !== undefined && readSha256(target) === hexOf(digestOf(bytes));
        return isNamed ? Buffer.from(bytes) : undefined;
      }),
    forget: bundles.forget,
  };
}

/** Calls shared by all who ask while the first is under way, and results that stay up to a limit. */
function createHeld<T>(sizeOf: (value: T) => number) {
  const calls = new Map<string, Promise<T | undefined>>();
  const sizes = new Map<string, number>();
  let held = 0;
  const forget = (key: string): void => {
    held -= sizes.get(key) ?? 0;
    sizes.delete(key);
    calls.delete(key);
  };
  return {
    forget,
    get: (key: string, start: () => Promise<T | undefined>): Promise<T | undefined> => {
      const open = calls.get(key);
      if (open !== undefined) return open;
      const call = start().then(
        (value) => {
          const size = value === undefined ? 0 : sizeOf(value);
          if (held + size > MAX_HELD) calls.delete(key);
          else {
            sizes.set(key, size);
            held += size;
          }
          return value;
        },
        (thrown: unknown) => {
          calls.delete(key);
          throw thrown;
        },
      );
      calls.set(key, call);
      return call;
    },
  };
}
