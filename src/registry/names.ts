import { RebundleError } from '../errors.ts';
import { isDigest } from '../lib/digest.ts';
import { formatReference, isTag, parseReference } from '../lib/reference.ts';
import type { Digest } from '../model/oci.ts';
import type { RepositoryName } from './registry.ts';

/** `registry/repository`, after a check that both are in normal form. Throws IMAGE_REFERENCE. */
export function formatName(name: RepositoryName): string {
  const text = formatReference(name);
  const parsed = parseReference(text);
  if (parsed.registry !== name.registry || parsed.repository !== name.repository || parsed.tag !== undefined) {
    throw new RebundleError('IMAGE_REFERENCE', `'${text}' is not the full name of a repository`);
  }
  return text;
}

/** `registry/repository:tag`. Throws IMAGE_REFERENCE. */
export function formatTagged(name: RepositoryName, tag: string): string {
  const text = formatName(name);
  if (!isTag(tag))
    throw new RebundleError('IMAGE_REFERENCE', `'${tag}' is neither a tag nor a sha256 digest of ${text}`);
  return `${text}:${tag}`;
}

/** `registry/repository@digest`; only after this check may a digest become part of a path. Throws IMAGE_REFERENCE. */
export function formatPinned(name: RepositoryName, digest: Digest): string {
  const text = formatName(name);
  if (!isDigest(digest))
    throw new RebundleError('IMAGE_REFERENCE', `'${String(digest)}' is not a sha256 digest, asked of ${text}`);
  return `${text}@${digest}`;
}
