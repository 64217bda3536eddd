import type { PipelineEvent, RegistryQuota } from '../events.ts';
import { compareText } from '../lib/bytes.ts';

/** Listens to a run and keeps what registries say is left of their limits. */
export function createQuotas(): {
  readonly onEvent: (event: PipelineEvent) => void;
  /** By host; empty where no registry said anything. */
  readonly read: () => readonly RegistryQuota[];
} {
  const last = new Map<string, RegistryQuota>();
  return {
    onEvent(event) {
      if (event.type !== 'registry:quota') return;
      const { type: _type, ...quota } = event;
      last.set(event.host, quota);
    },
    read: () => [...last.values()].sort((a, b) => compareText(a.host, b.host)),
  };
}
