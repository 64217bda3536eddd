import { type MovedImage, UPDATE_CAUSES, type UpdateCause } from '../model/plan.ts';

/** One difference that was seen: at least one of the causes is behind it. */
export type Observation = readonly UpdateCause[];

/** Why an entry changed. */
export interface Explanation {
  /** All of them hold. */
  readonly causes: readonly UpdateCause[];
  /** At least one of them holds. */
  readonly unclear: readonly UpdateCause[];
  readonly images: readonly MovedImage[];
}

/** What can be said of an entry whose former content cannot be had. */
export const UNKNOWN: Explanation = { causes: [], unclear: ['source', 'image', 'option', 'format'], images: [] };

/**
 * What several observations come to. One that a certain cause explains says nothing more. Of those that are left, one within all others is the whole of
 * it; else at least one of all that they name holds.
 */
export function settleCauses(observations: readonly Observation[], images: readonly MovedImage[] = []): Explanation {
  const certain = new Set(observations.flatMap((causes) => (causes.length === 1 ? causes : [])));
  const open = observations.filter((causes) => causes.length > 1 && !causes.some((cause) => certain.has(cause)));
  const least = open.find((causes) => open.every((other) => causes.every((cause) => other.includes(cause))));
  const unclear = new Set(least ?? open.flat());
  return {
    causes: UPDATE_CAUSES.filter((cause) => certain.has(cause)),
    unclear: UPDATE_CAUSES.filter((cause) => unclear.has(cause)),
    images,
  };
}
