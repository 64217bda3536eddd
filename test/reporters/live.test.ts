import { describe, expect, it } from 'vitest';
import type { PipelineEvent } from '../../src/events.ts';
import { createLiveReporter } from '../../src/reporters/live.ts';
import { originOf, RUN, resultEvent, stageEvent, UNRESOLVED } from './events.ts';

/** A terminal that knows the two sequences that the reporter uses, and a clock and a timer that the test turns. */
function createTerminal() {
  let lines: string[] = [''];
  let now = 0;
  let tick: (() => void) | undefined;
  let writes = 0;
  const write = (text: string) => {
    writes += 1;
    for (const [part, up] of text.matchAll(/\u001b\[(\d+)A\u001b\[0J|\n|[^\u001b\n]+/g)) {
      if (up !== undefined) lines = [...lines.slice(0, lines.length - 1 - Number(up)), ''];
      else if (part === '\n') lines.push('');
      else lines[lines.length - 1] += part;
    }
  };
  const reporter = createLiveReporter({
    write,
    width: () => 80,
    now: () => now,
    repeat: (callback) => {
      tick = callback;
      return () => {
        tick = undefined;
      };
    },
    color: false,
    verbose: false,
    quiet: false,
  });
  return {
    reporter,
    screen: () => lines.join('\n'),
    writes: () => writes,
    hasTimer: () => tick !== undefined,
    send: (event: PipelineEvent, at: number) => {
      now = at;
      reporter.onEvent(event);
    },
    tick: (at: number) => {
      now = at;
      tick?.();
    },
  };
}

const START: PipelineEvent = { type: 'run:start', command: 'run', repositories: 0 };

describe('createLiveReporter', () => {
  it('keeps errors above the frame, which is redrawn in place', () => {
    const terminal = createTerminal();
    terminal.send(START, 0);
    terminal.send(stageEvent('kiosk', 'split'), 150);
    terminal.send({ type: 'diagnostic', app: 'kiosk', origin: originOf('kiosk'), diagnostic: UNRESOLVED }, 160);
    terminal.send(resultEvent('kiosk', 'failed', { diagnostics: [UNRESOLVED] }), 170);
    terminal.send(stageEvent('shop', 'pin'), 400);
    expect(terminal.screen()).toMatchInlineSnapshot(`
      "error     IMAGE_UNRESOLVED kiosk repositories/gateway/kiosk.dockerapp:12:5: hub.example.com/acme/kiosk:1 is not in the registry
                fix: Push it.
      failed    kiosk repositories/gateway/kiosk.dockerapp
      run ███████████████████████████░░░░░░░░░░░░ 70%  1/2 apps  3.5 apps/s  1 s left
        split 0 > rewrite 0 > pin 1 > bundle 0 > publish 0
        1 failed
      "
    `);
  });

  it('draws at most each 100 ms, but shows an error at once', () => {
    const terminal = createTerminal();
    terminal.send(START, 0);
    const before = terminal.writes();
    for (let i = 1; i < 100; i++) terminal.send(stageEvent(`app-${i}`, 'split'), i);
    expect(terminal.writes()).toBe(before);
    terminal.send(resultEvent('app-1', 'failed'), 99);
    expect(terminal.screen()).toContain('failed    app-1');
  });

  it('goes on while nothing happens, by its timer', () => {
    const terminal = createTerminal();
    terminal.send(START, 0);
    terminal.send(stageEvent('shop', 'pin'), 200);
    terminal.tick(9_200);
    expect(terminal.screen()).toContain('slow: shop pin 9 s');
  });

  it('takes the frame away and stops its timer when closed; what was printed stays', () => {
    const terminal = createTerminal();
    for (const [i, event] of RUN.entries()) terminal.send(event, i * 200);
    expect(terminal.hasTimer()).toBe(true);
    void terminal.reporter.close?.();
    expect(terminal.hasTimer()).toBe(false);
    expect(terminal.screen()).toMatchInlineSnapshot(`
      "error     https://(masked)@git.example.com/lost: permission denied
      error     IMAGE_UNRESOLVED kiosk repositories/gateway/kiosk.dockerapp:12:5: hub.example.com/acme/kiosk:1 is not in the registry
                fix: Push it.
      warning   yaml.duplicate-key shop repositories/gateway/shop.dockerapp: image is written twice
      retry     attempt 2 in 1.5 s: https://hub.example.com/v2/: 503
      failed    kiosk repositories/gateway/kiosk.dockerapp
      held      ui repositories/gateway/ui.dockerapp: its targets wait for kiosk
      "
    `);
  });
});
