import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PipelineEvent } from '../../src/events.ts';
import { terminalWidth } from '../../src/lib/escape-text.ts';
import { finding } from '../../src/lib/finding.ts';
import { createFrameState, type FrameState, reduceFrame, renderFrame } from '../../src/reporters/frame.ts';
import { hostileText } from '../report/hostile.ts';
import { originOf, resultEvent, stageEvent } from './events.ts';

function reduceAll(events: readonly (readonly [now: number, event: PipelineEvent])[]): FrameState {
  return events.reduce((state, [now, event]) => reduceFrame(state, event, now), createFrameState(0));
}

function scanned(names: readonly string[]): PipelineEvent {
  const packages = names.map((name) => ({
    name,
    path: name,
    kind: 'single-file' as const,
    selected: !name.startsWith('old'),
  }));
  return { type: 'source:scanned', repository: 'gateway', packages };
}

const NAMES = Array.from({ length: 20 }, (_, i) => `app-${i}`);

/** Twelve seconds into a run of 20 apps: 8 ended, 5 at work. */
function busyState(): FrameState {
  const ended = ['migrated', 'migrated', 'migrated', 'migrated', 'unchanged', 'unchanged', 'held', 'failed'] as const;
  const state = reduceAll([
    [1_000, { type: 'run:start', command: 'run', repositories: 1 }],
    [1_500, scanned([...NAMES, 'old-1'])],
    [4_000, stageEvent('app-8', 'split')],
    [5_000, stageEvent('app-8', 'pin')],
    [5_100, stageEvent('app-9', 'bundle')],
    [6_000, stageEvent('app-10', 'publish')],
    [7_000, stageEvent('app-11', 'publish')],
    [12_500, stageEvent('app-12', 'rewrite')],
    ...ended.map((status, i) => [12_800, resultEvent(`app-${i}`, status)] as const),
    [12_850, { type: 'registry:quota', host: 'docker.io', remaining: 74, limit: 100 }],
    [12_860, { type: 'registry:quota', host: 'hub.example.com', remaining: 900 }],
    [12_870, { type: 'request:retry', url: 'https://docker.io/v2/', attempt: 2, delayMs: 10, reason: 'status 503' }],
    [12_900, { type: 'diagnostic', app: 'app-1', origin: originOf('app-1'), diagnostic: finding('param.fixed', 'x') }],
  ]);
  return { ...state, now: 13_000 };
}

describe('renderFrame', () => {
  it('shows bar, rate, stages, endings and slow apps in 80 columns', () => {
    expect(renderFrame(busyState(), 80, false)).toMatchInlineSnapshot(`
      "run █████████████████████░░░░░░░░░░░░░░░░░ 54%  8/20 apps  0.9 apps/s  11 s left
        split 0 > rewrite 1 > pin 1 > bundle 1 > publish 2
        1 failed, 1 held, 4 migrated, 2 unchanged, 1 warning
        slow: app-8 pin 8 s, app-10 publish 7 s, app-11 publish 6 s
        registry: docker.io 74/100 left, hub.example.com 900 left, 1 retry
      "
    `);
  });

  it('shows what fits into 40 columns', () => {
    expect(renderFrame(busyState(), 40, false)).toMatchInlineSnapshot(`
      "run █████░░░░ 54%  8/20 apps  0.9 apps/s
        rewrite 1 > pin 1 > bundle 1
        1 failed, 1 held, 4 migrated
        slow: app-8 pin 8 s
        registry: docker.io 74/100 left
      "
    `);
  });

  it('shows all in 200 columns', () => {
    expect(renderFrame(busyState(), 200, false)).toMatchInlineSnapshot(`
      "run ██████████████████████░░░░░░░░░░░░░░░░░░ 54%  8/20 apps  0.9 apps/s  11 s left
        split 0 > rewrite 1 > pin 1 > bundle 1 > publish 2
        1 failed, 1 held, 4 migrated, 2 unchanged, 1 warning
        slow: app-8 pin 8 s, app-10 publish 7 s, app-11 publish 6 s
        registry: docker.io 74/100 left, hub.example.com 900 left, 1 retry
      "
    `);
  });

  it('says what it waits for before anything ended', () => {
    const state = reduceAll([
      [0, { type: 'run:start', command: 'plan', repositories: 3 }],
      [10, scanned(['a'])],
    ]);
    expect(renderFrame(state, 80, false)).toBe('plan scanning repository 2 of 3\n');
  });

  it('is full at the end', () => {
    const state = reduceAll([
      [0, { type: 'run:start', command: 'plan', repositories: 1 }],
      [10, scanned(['a'])],
      [20, stageEvent('a', 'split')],
      [1_000, resultEvent('a', 'migrated')],
    ]);
    expect(renderFrame(state, 60, false)).toBe(`plan ${'█'.repeat(28)} 100%  1/1 apps  1.0 apps/s\n  1 migrated\n`);
  });

  it('counts a repository that cannot be read as scanned', () => {
    const state = reduceAll([
      [0, { type: 'run:start', command: 'plan', repositories: 1 }],
      [10, { type: 'source:failed', repository: 'x', message: 'no' }],
    ]);
    expect(renderFrame(state, 60, false)).not.toContain('scanning');
  });

  it('never is wider than asked for, and colours change no text', () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 1, max: 220 }), (text, width) => {
        const state = reduceFrame(busyState(), stageEvent(text, 'pin'), 13_000);
        const later = { ...state, command: text, now: 900_000 };
        const frame = renderFrame(later, width, false);
        expect(stripVTControlCharacters(renderFrame(later, width, true))).toBe(frame);
        expect(frame).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
        for (const line of frame.split('\n')) expect(terminalWidth(line)).toBeLessThanOrEqual(width);
        expect(frame.split('\n').length).toBeLessThanOrEqual(6);
      }),
    );
  });

  it('gives the same frame for the same state', () => {
    expect(renderFrame(busyState(), 80, true)).toBe(renderFrame(busyState(), 80, true));
  });
});
