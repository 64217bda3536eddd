/**
 * A value of docker-app's render, as it printed it: whole numbers are bigint, so that `1` and `1.0` stay two things. Members of a map come in the
 * order in which docker-app printed them.
 */
export type RenderedValue = string | bigint | number | boolean | null | readonly RenderedValue[] | RenderedMap;
export type RenderedMap = ReadonlyMap<string, RenderedValue>;
