import { RebundleError } from '../errors.ts';
import type { AppReference, Digest, Reference } from '../model/oci.ts';
import { isDigest } from './digest.ts';

const HOST_LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const MAX_NAME = 255;
const DOCKER_HUB = 'docker.io';

/**
 * Parses `[host[:port]/]path[:tag][@sha256:...]` by the grammar of the distribution project's reference package and normalises it
 * as Docker does: no host means Docker Hub, one name there is `library/name`. No tag stays no tag. Throws IMAGE_REFERENCE saying what is wrong.
 */
export function parseReference(text: string): Reference {
  const invalid = (why: string, hint?: string): RebundleError =>
    new RebundleError(
      'IMAGE_REFERENCE',
      `'${text}' is not an image reference: ${why}`,
      hint === undefined ? {} : { hint },
    );
  if (/[<>]/.test(text)) {
    throw invalid(
      'it still holds a placeholder',
      'Replace the text in <...> by the real name, for example that of your factory.',
    );
  }
  if (/\s/.test(text) || text === '') throw invalid(text === '' ? 'it is empty' : 'it holds a blank');
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest))
    throw invalid('its digest is not sha256: and 64 lower-case hex digits');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const tag = colon > named.lastIndexOf('/') ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) throw invalid(`'${tag}' is not a tag`);
  const name = tag === undefined ? named : named.slice(0, colon);
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  let registry = hasHost ? first : DOCKER_HUB;
  let repository = hasHost ? name.slice(slash + 1) : name;
  if (registry === 'index.docker.io') registry = DOCKER_HUB;
  if (registry === DOCKER_HUB && !repository.includes('/')) repository = `library/${repository}`;
  if (!HOST.test(registry)) throw invalid(`'${registry}' is not a registry host`);
  if (repository !== repository.toLowerCase()) throw invalid('its repository name must be lower case');
  if (!REPOSITORY.test(repository)) throw invalid('its repository name is not valid');
  if (registry.length + 1 + repository.length > MAX_NAME)
    throw invalid(`its name is longer than ${MAX_NAME} characters`);
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: digest as Digest }),
  };
}

/** `registry/repository[:tag][@digest]`; `parseReference` of it gives the reference back. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** The reference as devices take it: name and digest, no tag. */
export function pinReference(reference: Reference, digest: Digest): AppReference {
  return { registry: reference.registry, repository: reference.repository, digest };
}

/** True where a name can be one part of a repository path: what an app key must be. */
export function isRepositoryComponent(name: string): boolean {
  return REPOSITORY.test(name) && !name.includes('/') && name.length <= 128;
}

/** True for `host[:port]`. */
export function isRegistryHost(text: string): boolean {
  return HOST.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** The name of the repository that a reference is in. */
export function repositoryOf({ registry, repository }: Reference): {
  readonly registry: string;
  readonly repository: string;
} {
  return { registry, repository };
}
