import { RebundleError } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import { parseReference } from '../lib/reference.ts';
import type { Diagnostic, ServiceImage } from '../model/app.ts';
import type { Reference } from '../model/oci.ts';

export interface TagRuleOptions {
  readonly registry: string;
  readonly factory: string;
  /** TAG: the release that images of the factory belong to; undefined where it is not known. */
  readonly tag: string | undefined;
  /** Names (with host, without tag) of factory images that may have other tags. */
  readonly exempt: readonly string[];
}

/** What the image of a service is asked for as; `covered` where it is an image of the factory's release. */
export interface RuledImage {
  readonly service: string;
  /** After parameters, as the converted file has it. */
  readonly written: string;
  readonly reference: Reference;
  readonly covered: boolean;
  /** True where the published package has to name the digest: it is covered, or names a variable that docker-app does not have. */
  readonly released: boolean;
}

/**
 * Applies the tag rule to the image of one service: an image below `registry/factory/` with no tag, `latest`, `${TAG}` or the release tag means the
 * release tag, any other tag is an error; other images stay. A digest always wins.
 */
export function applyTagRule(image: ServiceImage, options: TagRuleOptions): RuledImage | Diagnostic {
  const { service, location } = image;
  if (image.image === undefined) {
    const built = image.build ? 'is only built, and devices do not build' : 'has no image';
    return finding('IMAGE_MISSING', `service '${service}' ${built}`, { location });
  }
  const written = image.image;
  const named = written.replaceAll(/\$\{FACTORY\}|\$FACTORY\b/g, options.factory);
  const text = named.replaceAll(/\$\{TAG\}|\$TAG\b/g, () => options.tag ?? '$TAG');
  if (/\$TAG\b/.test(text)) return tagUnknown(service, written, location);
  if (text.includes('$')) {
    const message = `services.${service}.image: '${written}' would be read from the environment of the device, an image has to be fixed`;
    return finding('IMAGE_REFERENCE', message, { location });
  }
  let reference: Reference;
  try {
    reference = parseReference(text);
  } catch (thrown) {
    if (!(thrown instanceof RebundleError)) throw thrown;
    return finding(thrown.code, `services.${service}.image: ${thrown.message}`, {
      location,
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
    });
  }
  const name = `${reference.registry}/${reference.repository}`;
  const ours = name.startsWith(`${options.registry}/${options.factory}/`) && !options.exempt.includes(name);
  if (!ours || reference.digest !== undefined)
    return { service, written, reference, covered: ours, released: ours || text !== written };
  if (reference.tag !== undefined && reference.tag !== 'latest' && reference.tag !== options.tag) {
    const message = `services.${service}.image: '${written}' has the tag '${reference.tag}', the release is ${options.tag === undefined ? 'not known' : `'${options.tag}'`}`;
    return finding('IMAGE_TAG_FOREIGN', message, { location });
  }
  if (options.tag === undefined) return tagUnknown(service, written, location);
  return { service, written, reference: { ...reference, tag: options.tag }, covered: true, released: true };
}

function tagUnknown(service: string, written: string, location: ServiceImage['location']): Diagnostic {
  return finding(
    'IMAGE_TAG_UNKNOWN',
    `services.${service}.image: '${written}' needs the release tag, which is not known`,
    { location },
  );
}
