import { RebundleError } from '../errors.ts';

/** The result, or the error of the package; a defect is thrown on. */
export function attempt<T>(work: () => T): T | RebundleError {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof RebundleError) return thrown;
    throw thrown;
  }
}
