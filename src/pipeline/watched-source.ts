import { createHash } from 'node:crypto';
import { digestOf } from '../lib/digest.ts';
import type { Digest } from '../model/oci.ts';
import type { Source } from '../source/source.ts';

/** A source that remembers what was read of it: the content of each file, undefined where one was not read whole, or not to be read. */
export interface WatchedSource {
  readonly source: Source;
  readonly reads: ReadonlyMap<string, Digest | undefined>;
}

export function watchSource(source: Source): WatchedSource {
  const reads = new Map<string, Digest | undefined>();
  return {
    reads,
    source: {
      origin: source.origin,
      list: () => source.list(),
      async read(path, limit) {
        if (!reads.has(path)) reads.set(path, undefined);
        const bytes = await source.read(path, limit);
        reads.set(path, digestOf(bytes));
        return bytes;
      },
      async *open(path) {
        if (!reads.has(path)) reads.set(path, undefined);
        const hash = createHash('sha256');
        for await (const chunk of source.open(path)) {
          hash.update(chunk);
          yield chunk;
        }
        reads.set(path, `sha256:${hash.digest('hex')}`);
      },
    },
  };
}
