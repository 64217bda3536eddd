import type { PlainMap, PlainValue } from '../lib/plain-value.ts';

/** A value of docker-app's render, as it printed it. Members of a map come in the order in which docker-app printed them. */
export type RenderedValue = PlainValue;
export type RenderedMap = PlainMap;
