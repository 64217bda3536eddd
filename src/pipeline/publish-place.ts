import { hexOf } from '../lib/digest.ts';
import { repositoryOf } from '../lib/reference.ts';
import type { AppBundle } from '../model/app.ts';
import { callOptions, type MigrationContext } from './migration.ts';

/** Under which tag a bundle is, or can be, published. */
export interface PublishPlace {
  readonly tag: string;
  /** The destination has the bundle under that tag. */
  readonly published: boolean;
  /** The wanted tag names another bundle, which stays so: this one got digits of its digest. */
  readonly isSubstitute: boolean;
}

/** Looks for a bundle under the wanted tag: one request where that names nothing else. */
export async function findPlace(
  { reference }: Pick<AppBundle, 'reference'>,
  wanted: string,
  context: MigrationContext,
): Promise<PublishPlace> {
  const options = callOptions(context);
  const { digest } = reference;
  const substitute = `${wanted}-${hexOf(digest).slice(0, 12)}`;
  for (const tag of [wanted, substitute]) {
    const name = repositoryOf(reference);
    const found = await context.destination.headManifest(name, tag, options);
    if (found === undefined || found.digest === digest)
      return { tag, published: found !== undefined, isSubstitute: tag !== wanted };
    // Nobody has hashed that: before the tag counts as taken, its manifest has to be another one in truth.
    const held = await context.destination.getManifest(name, tag, options);
    if (held === undefined || held.descriptor.digest === digest)
      return { tag, published: held !== undefined, isSubstitute: tag !== wanted };
  }
  return { tag: substitute, published: false, isSubstitute: true };
}
