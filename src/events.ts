import type { AppResult, Diagnostic, PackageLocation, SourceOrigin } from './model/app.ts';
import type { Digest } from './model/oci.ts';

export type Stage = 'split' | 'rewrite' | 'pin' | 'bundle' | 'publish';

/** What happens during a run, as plain records. The terminal, logs, metrics and reports only listen. */
export type PipelineEvent =
  | { readonly type: 'run:start'; readonly command: string; readonly repositories: number }
  | { readonly type: 'source:scanned'; readonly repository: string; readonly packages: readonly PackageLocation[] }
  | { readonly type: 'source:failed'; readonly repository: string; readonly message: string }
  | { readonly type: 'app:stage'; readonly app: string; readonly origin: SourceOrigin; readonly stage: Stage }
  | { readonly type: 'image:resolved'; readonly reference: string; readonly digest: Digest }
  | {
      readonly type: 'blob:sent';
      readonly app: string;
      readonly digest: Digest;
      readonly size: number;
      /** False where the registry already had it. */
      readonly sent: boolean;
    }
  | {
      readonly type: 'request:retry';
      readonly url: string;
      readonly attempt: number;
      readonly delayMs: number;
      readonly reason: string;
    }
  /** Comes where the number changed. */
  | ({ readonly type: 'registry:quota' } & RegistryQuota)
  | {
      readonly type: 'diagnostic';
      readonly app?: string;
      readonly origin?: SourceOrigin;
      readonly diagnostic: Diagnostic;
    }
  | { readonly type: 'app:result'; readonly result: AppResult }
  | {
      readonly type: 'targets:written';
      readonly path: string;
      readonly targets: readonly string[];
      readonly bytes: number;
    }
  | { readonly type: 'run:end'; readonly status: number; readonly counts: RunCounts };

/** What a registry says is left of its limit of requests. */
export interface RegistryQuota {
  readonly host: string;
  readonly remaining: number;
  readonly limit?: number;
  readonly windowSeconds?: number;
}

export type RunCounts = Readonly<Record<'migrated' | 'unchanged' | 'skipped' | 'held' | 'failed', number>> & {
  readonly bundles: number;
  /** Bytes sent to the destination. */
  readonly bytesSent: number;
};

export type Emit = (event: PipelineEvent) => void;

/** Listens to a run. `close` is called once, after the last event. */
export interface Reporter {
  onEvent(event: PipelineEvent): void;
  close?(): Promise<void> | void;
}
