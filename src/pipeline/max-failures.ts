import type { Diagnostic } from '../model/app.ts';
import { hasErrors, type MigrationRequest } from './migration.ts';

type Judged = { readonly diagnostics: readonly Diagnostic[] };

/** True where so many apps failed that a run begins nothing more: it tries no further app, publishes none and writes no targets. */
export function isStopped(apps: readonly Judged[], { maxFailures }: Pick<MigrationRequest, 'maxFailures'>): boolean {
  return maxFailures !== undefined && countFailed(apps) >= maxFailures;
}

/** Apps that were tried and failed. */
export function countFailed(apps: readonly Judged[]): number {
  return apps.filter(({ diagnostics }) => hasErrors(diagnostics) && !isNotTried(diagnostics)).length;
}

/** Why a run stopped, in words that begin with what became of an app. */
export function describeStop(what: string, maxFailures: number): string {
  return `${what}: the run stops once ${maxFailures === 1 ? 'an app' : `${maxFailures} apps`} failed`;
}

/** What is told of an app that a stopped run did not come to. Its severity keeps the app from being taken for done. */
export function notTriedFinding(maxFailures: number): Diagnostic {
  return { code: 'CANCELLED', severity: 'error', message: describeStop('not tried', maxFailures) };
}

export function isNotTried(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ code }) => code === 'CANCELLED');
}
