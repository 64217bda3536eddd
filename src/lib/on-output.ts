import { RebundleError } from '../errors.ts';

/** Runs a task that writes at `path`; what the system refuses becomes OUTPUT_UNWRITABLE. */
export async function onOutput<T>(path: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (cause) {
    const isSystem =
      cause instanceof Error && !(cause instanceof RebundleError) && 'syscall' in cause && 'code' in cause;
    if (!isSystem) throw cause;
    throw new RebundleError('OUTPUT_UNWRITABLE', `${path} cannot be written: ${String(cause.code)}`, {
      hint: 'Check that the folder may be written and has space, and run the same command again.',
      cause,
    });
  }
}
