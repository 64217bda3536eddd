import { compareText } from '../lib/bytes.ts';
import { maskUrlCredentials } from '../lib/redact.ts';
import type { Severity } from '../model/findings.ts';
import type { MigrationPlan } from '../model/plan.ts';
import type { ReportFinding } from './report-apps.ts';

const SEVERITY_RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

/** Errors first, then by code and place. */
export function compareFindings(a: ReportFinding, b: ReportFinding): number {
  return (
    SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity] ||
    compareText(a.code, b.code) ||
    compareText(a.repository, b.repository) ||
    compareText(a.path, b.path) ||
    (a.line ?? 0) - (b.line ?? 0) ||
    (a.column ?? 0) - (b.column ?? 0) ||
    compareText(a.app ?? '', b.app ?? '') ||
    compareText(a.message, b.message)
  );
}

/** A repository that cannot be read is an error finding too, so that no list of errors misses it. */
export function sourceFindings(
  sources: readonly { readonly repository: string; readonly error?: string }[],
): ReportFinding[] {
  return sources.flatMap(({ repository, error }) =>
    error === undefined
      ? []
      : [
          {
            code: 'SOURCE_UNREADABLE',
            severity: 'error',
            message: maskUrlCredentials(error),
            repository: maskUrlCredentials(repository),
            path: '',
          },
        ],
  );
}

/** Findings about the targets and the configuration as a whole. */
export function planFindings({ diagnostics }: MigrationPlan): ReportFinding[] {
  return diagnostics.map(({ code, severity, message, hint, location }) => ({
    code,
    severity,
    message: maskUrlCredentials(message),
    ...(hint === undefined ? {} : { hint }),
    repository: /^(?:fleet|ignore)\./.test(code) ? 'configuration' : 'targets',
    path: location?.path ?? '',
    ...(location === undefined ? {} : { line: location.line, column: location.column }),
  }));
}
