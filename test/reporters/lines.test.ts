import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PipelineEvent } from '../../src/events.ts';
import { createLinesReporter } from '../../src/reporters/lines.ts';
import { createNdjsonReporter } from '../../src/reporters/ndjson.ts';
import { createSilentReporter } from '../../src/reporters/silent.ts';
import { hostileText, poison } from '../report/hostile.ts';
import { play, RUN, resultEvent, UNRESOLVED } from './events.ts';

const DEFAULTS = { verbose: false, quiet: false, color: false };

function linesOf(options: Partial<typeof DEFAULTS>, events = RUN): string {
  return play((write) => createLinesReporter(write, { ...DEFAULTS, ...options }), events);
}

describe('createLinesReporter', () => {
  it('writes one line for each noteworthy event', () => {
    expect(linesOf({})).toMatchInlineSnapshot(`
      "start     run, 2 repositories
      scanned   repositories/gateway: 6 packages, 5 selected
      error     https://(masked)@git.example.com/lost: permission denied
      error     IMAGE_UNRESOLVED kiosk repositories/gateway/kiosk.dockerapp:12:5: hub.example.com/acme/kiosk:1 is not in the registry
                fix: Push it.
      warning   yaml.duplicate-key shop repositories/gateway/shop.dockerapp: image is written twice
      retry     attempt 2 in 1.5 s: https://hub.example.com/v2/: 503
      migrated  shop repositories/gateway/shop.dockerapp: hub.example.com/acme/shop@sha256:0
      failed    kiosk repositories/gateway/kiosk.dockerapp
      held      ui repositories/gateway/ui.dockerapp: its targets wait for kiosk
      skipped   printer repositories/gateway/printer.dockerapp: excluded by apps.exclude
      targets   out/targets.json: 2 targets added, 20.0 KiB
      end       exit status 1: 1 migrated, 1 unchanged, 1 skipped, 1 held, 1 failed; 3 bundles, 4.2 KiB sent
      "
    `);
  });

  it('writes every event with verbose', () => {
    expect(linesOf({ verbose: true })).toMatchInlineSnapshot(`
      "start     run, 2 repositories
      scanned   repositories/gateway: 6 packages, 5 selected
      error     https://(masked)@git.example.com/lost: permission denied
      split     shop repositories/gateway/shop.dockerapp
      resolved  hub.example.com/acme/shop:1 is sha256:8d9001d32c6a703d95921a77115050f33dd823d3f1730bd35215dcbecad6dc20
      error     IMAGE_UNRESOLVED kiosk repositories/gateway/kiosk.dockerapp:12:5: hub.example.com/acme/kiosk:1 is not in the registry
                fix: Push it.
      note      param.unused shop repositories/gateway/shop.dockerapp: log.level is not used
      warning   yaml.duplicate-key shop repositories/gateway/shop.dockerapp: image is written twice
      retry     attempt 2 in 1.5 s: https://hub.example.com/v2/: 503
      sent      shop sha256:1e6ed65d77d6364eeaed5a745ba5c4985ae2b700dd85d7cf7f027bdf294a33fc 4.2 KiB
      present   relay sha256:682fbae20f3428bcec4c117c57bea18d438c4758d972909b41dbe22884e0d6b8 12 B
      migrated  shop repositories/gateway/shop.dockerapp: hub.example.com/acme/shop@sha256:0
      failed    kiosk repositories/gateway/kiosk.dockerapp
      held      ui repositories/gateway/ui.dockerapp: its targets wait for kiosk
      unchanged relay repositories/gateway/relay.dockerapp: hub.example.com/acme/relay@sha256:1
      skipped   printer repositories/gateway/printer.dockerapp: excluded by apps.exclude
      targets   out/targets.json: 2 targets added, 20.0 KiB
      end       exit status 1: 1 migrated, 1 unchanged, 1 skipped, 1 held, 1 failed; 3 bundles, 4.2 KiB sent
      "
    `);
  });

  it('writes errors only with quiet', () => {
    expect(linesOf({ quiet: true })).toMatchInlineSnapshot(`
      "error     https://(masked)@git.example.com/lost: permission denied
      error     IMAGE_UNRESOLVED kiosk repositories/gateway/kiosk.dockerapp:12:5: hub.example.com/acme/kiosk:1 is not in the registry
                fix: Push it.
      failed    kiosk repositories/gateway/kiosk.dockerapp
      "
    `);
  });

  it('tells the findings of a result that came with no event of their own', () => {
    expect(linesOf({}, [resultEvent('kiosk', 'failed', { diagnostics: [UNRESOLVED] })])).toBe(
      [
        'error     IMAGE_UNRESOLVED kiosk repositories/gateway/kiosk.dockerapp:12:5: hub.example.com/acme/kiosk:1 is not in the registry',
        '          fix: Push it.',
        'failed    kiosk repositories/gateway/kiosk.dockerapp',
        '',
      ].join('\n'),
    );
  });

  it('colours words without changing them', () => {
    const coloured = linesOf({ color: true });
    expect(coloured).not.toBe(linesOf({}));
    expect(stripVTControlCharacters(coloured)).toBe(linesOf({}));
  });

  it('never lets foreign text act on a terminal or begin a line', () => {
    const lines = linesOf({ verbose: true }).split('\n').length;
    fc.assert(
      fc.property(hostileText, (text) => {
        const output = linesOf(
          { verbose: true },
          RUN.map((event) => poison(event, text) as PipelineEvent),
        );
        expect(output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(output.split('\n')).toHaveLength(lines);
      }),
    );
  });
});

describe('createNdjsonReporter', () => {
  const output = play(createNdjsonReporter, RUN);

  it('writes each event as one line of JSON', () => {
    const lines = output.trimEnd().split('\n');
    const masked = JSON.stringify(RUN).replace('me:hunter2@', '(masked)@');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(JSON.parse(masked));
    expect(output).not.toContain('hunter2');
  });

  it('keeps hostile text on its line', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const events = RUN.map((event) => poison(event, text) as PipelineEvent);
        const written = play(createNdjsonReporter, events);
        expect(written).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
        expect(written.trimEnd().split('\n')).toHaveLength(events.length);
      }),
    );
  });
});

describe('createSilentReporter', () => {
  it('listens to everything and has nothing to close', () => {
    const reporter = createSilentReporter();
    for (const event of RUN) expect(reporter.onEvent(event)).toBeUndefined();
    expect(reporter.close).toBeUndefined();
  });
});
