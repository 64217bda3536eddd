import type { PipelineEvent, Reporter, Stage } from '../../src/events.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { finding } from '../../src/lib/finding.ts';
import type { AppResult, SourceOrigin } from '../../src/model/app.ts';

export function originOf(app: string): SourceOrigin {
  return { repository: 'repositories/gateway', path: `${app}.dockerapp` };
}

export function stageEvent(app: string, stage: Stage): PipelineEvent {
  return { type: 'app:stage', app, origin: originOf(app), stage };
}

export function resultEvent(app: string, status: AppResult['status'], rest: Partial<AppResult> = {}): PipelineEvent {
  return { type: 'app:result', result: { app, origin: originOf(app), status, diagnostics: [], ...rest } };
}

export const UNRESOLVED = finding('IMAGE_UNRESOLVED', 'hub.example.com/acme/kiosk:1 is not in the registry', {
  hint: 'Push it.',
  location: { path: 'kiosk.dockerapp', line: 12, column: 5 },
});

const COUNTS = { migrated: 1, unchanged: 1, skipped: 1, held: 1, failed: 1, bundles: 3, bytesSent: 4_311 };

/** A run with one event of each type and each ending. */
export const RUN: readonly PipelineEvent[] = [
  { type: 'run:start', command: 'run', repositories: 2 },
  {
    type: 'source:scanned',
    repository: 'repositories/gateway',
    packages: ['shop', 'kiosk', 'ui', 'relay', 'printer', 'old'].map((name) => ({
      name,
      path: `${name}.dockerapp`,
      kind: 'single-file',
      selected: name !== 'old',
    })),
  },
  { type: 'source:failed', repository: 'https://me:hunter2@git.example.com/lost', message: 'permission denied' },
  stageEvent('shop', 'split'),
  { type: 'image:resolved', reference: 'hub.example.com/acme/shop:1', digest: digestOf('shop') },
  { type: 'diagnostic', app: 'kiosk', origin: originOf('kiosk'), diagnostic: UNRESOLVED },
  {
    type: 'diagnostic',
    app: 'shop',
    origin: originOf('shop'),
    diagnostic: finding('param.unused', 'log.level is not used'),
  },
  {
    type: 'diagnostic',
    app: 'shop',
    origin: originOf('shop'),
    diagnostic: finding('yaml.duplicate-key', 'image is written twice'),
  },
  { type: 'request:retry', url: 'https://hub.example.com/v2/', attempt: 2, delayMs: 1_500, reason: '503' },
  { type: 'blob:sent', app: 'shop', digest: digestOf('bundle'), size: 4_311, sent: true },
  { type: 'blob:sent', app: 'relay', digest: digestOf('relay'), size: 12, sent: false },
  resultEvent('shop', 'migrated', { reference: 'hub.example.com/acme/shop@sha256:0' }),
  resultEvent('kiosk', 'failed', { diagnostics: [UNRESOLVED] }),
  resultEvent('ui', 'held', { reason: 'its targets wait for kiosk' }),
  resultEvent('relay', 'unchanged', { reference: 'hub.example.com/acme/relay@sha256:1' }),
  resultEvent('printer', 'skipped', { reason: 'excluded by apps.exclude' }),
  { type: 'targets:written', path: 'out/targets.json', targets: ['a-43', 'b-43'], bytes: 20_480 },
  { type: 'run:end', status: 1, counts: COUNTS },
];

/** Feeds the events and gives back what was written. */
export function play(create: (write: (text: string) => void) => Reporter, events: readonly PipelineEvent[]): string {
  let output = '';
  const reporter = create((text) => {
    output += text;
  });
  for (const event of events) reporter.onEvent(event);
  void reporter.close?.();
  return output;
}
