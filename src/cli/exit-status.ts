/** What a process ends with. A greater rank is worse: the worst thing that happened decides. README.md lists this table. */
export const EXIT_STATUSES = [
  { status: 0, meaning: 'done, or nothing to do' },
  { status: 2, meaning: 'changes are pending (plan)' },
  { status: 3, meaning: 'a finding reached a lowered --error-on, or simulate found a loss' },
  { status: 1, meaning: 'an app failed, or a target was held back' },
  { status: 5, meaning: 'nothing could be started' },
  { status: 4, meaning: 'the command line or the configuration is wrong' },
  { status: 130, meaning: 'interrupted' },
] as const;

export type ExitStatus = (typeof EXIT_STATUSES)[number]['status'];

/** The worst of several statuses; 0 for none. */
export function combineStatus(...statuses: readonly ExitStatus[]): ExitStatus {
  const rank = (status: ExitStatus): number => EXIT_STATUSES.findIndex((entry) => entry.status === status);
  return statuses.reduce<ExitStatus>((worst, status) => (rank(status) > rank(worst) ? status : worst), 0);
}
