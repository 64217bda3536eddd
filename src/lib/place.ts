/** Where images are read from or bundles are written to; written `oci-layout:DIR`, `memory:` or `host[:port]`. */
export type Place =
  | { readonly kind: 'oci-layout'; readonly directory: string }
  | { readonly kind: 'memory' }
  | { readonly kind: 'registry'; readonly host: string };

const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';

/** Source of a pattern for a registry host. One without dot and port would be a repository of Docker Hub in references. */
export const HOST_PATTERN = `(?:localhost|(?:${LABEL}\\.)+${LABEL}|${LABEL}(?=:)|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?`;

/** Texts that are places. */
export const PLACE = new RegExp(`^(?:oci-layout:[^\\u0000-\\u001f\\u007f]+|memory:|${HOST_PATTERN})$`);

/** Parses a place; undefined for other text. The folder stays as written. */
export function parsePlace(text: string): Place | undefined {
  if (!PLACE.test(text)) return undefined;
  if (text === 'memory:') return { kind: 'memory' };
  return text.startsWith('oci-layout:')
    ? { kind: 'oci-layout', directory: text.slice('oci-layout:'.length) }
    : { kind: 'registry', host: text };
}

/** The text of a place, as it is parsed. */
export function formatPlace(place: Place): string {
  if (place.kind === 'memory') return 'memory:';
  return place.kind === 'registry' ? place.host : `oci-layout:${place.directory}`;
}
