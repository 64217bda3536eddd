import { RebundleError } from '../errors.ts';

/** Target names are shorter than this, as the device client's own limit is. */
const TARGET_NAME_LIMIT = 254;

/** Throws TARGETS_NAME for a name that the device client refuses or that would lead out of the folder or path of file targets. */
export function checkTargetName(name: string): void {
  const parts = name.split('/');
  const why =
    name === ''
      ? 'it is empty'
      : name.length >= TARGET_NAME_LIMIT
        ? `it has ${name.length} characters; fewer than ${TARGET_NAME_LIMIT} are allowed`
        : !/^[\x20-\x7e]+$/.test(name)
          ? 'it has characters that are not printable ASCII'
          : name.includes('..') || parts.includes('') || parts.includes('.')
            ? "it has an empty part, '.' or '..'"
            : undefined;
  if (why === undefined) return;
  throw new RebundleError(
    'TARGETS_NAME',
    `a file target cannot be named ${JSON.stringify(name.slice(0, 300))}: ${why}`,
  );
}
