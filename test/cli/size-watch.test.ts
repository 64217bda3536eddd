import { describe, expect, it } from 'vitest';
import type { CliEnvironment, HeapControl } from '../../src/cli/environment.ts';
import { createSizeWatch } from '../../src/cli/size-watch.ts';
import type { PackageLocation } from '../../src/model/app.ts';

const MIB = 1024 * 1024;

/** A heap whose room for new objects doubles with every event that it is let, up to 64 MiB. */
function watch(repositories: number, packages: number) {
  let room = 2 * MIB;
  let isHeld = false;
  let growth: number | undefined;
  const heap: HeapControl = {
    limitGrowth: (percent) => {
      growth = percent;
    },
    newBytes: () => room,
    holdNew: (held) => {
      isHeld = held;
    },
  };
  const emit = createSizeWatch({ heap } as CliEnvironment);
  const step = (event: Parameters<typeof emit>[0]): void => {
    if (!isHeld) room = Math.min(2 * room, 64 * MIB);
    emit(event);
  };
  const held = isHeld;
  const location = { name: 'app', path: 'app.dockerapp', kind: 'single-file', selected: true } as const;
  const all: PackageLocation[] = Array.from({ length: packages }, () => location);
  for (let i = 0; i < repositories; i += 1) step({ type: 'source:scanned', repository: `r${i}`, packages: all });
  const scanned = room;
  const origin = { repository: 'r', path: 'app.dockerapp' };
  for (let i = 0; i < 200; i += 1) step({ type: 'app:stage', app: 'app', origin, stage: 'split' });
  return { held, scanned, room, growth };
}

describe('the room for new objects', () => {
  it('is small until it is known how many apps there are, and then usual', () => {
    expect(watch(20, 1)).toEqual({ held: true, scanned: 8 * MIB, room: 64 * MIB, growth: undefined });
  });

  it('stays small for a huge factory, whose heap grows in small steps', () => {
    expect(watch(500, 20)).toEqual({ held: true, scanned: 8 * MIB, room: 8 * MIB, growth: 5 });
    expect(watch(1, 10_000)).toMatchObject({ room: 8 * MIB, growth: 5 });
  });

  it('is usual for many apps, whose heap grows in steps', () => {
    expect(watch(100, 20)).toMatchObject({ room: 64 * MIB, growth: 20 });
  });

  it('is left alone where nothing can be said to the heap', () => {
    expect(() =>
      createSizeWatch({} as CliEnvironment)({ type: 'run:start', command: 'run', repositories: 1 }),
    ).not.toThrow();
  });
});
