import type { TargetsFile } from '../targets/targets-file.ts';
import type { DeviceGroup } from './app-content.ts';
import type { Contents } from './client-entries.ts';
import type { Client } from './clients.ts';
import type { ContentChange } from './compare-contents.ts';
import type { Pair } from './simulate-moves.ts';
import type { Fact, Move } from './simulation-rows.ts';

export interface SimulationInput {
  readonly file: TargetsFile;
  /** A copy from before, in which targets that are out already are as devices know them. */
  readonly older?: TargetsFile;
  readonly pairs: readonly Pair[];
  readonly clients: readonly Client[];
  readonly contents: Contents;
  /** Devices with values of their own. */
  readonly groups?: readonly DeviceGroup[];
  /** True for names of images (host and repository) that the tag rule is for. */
  readonly isCovered: (name: string) => boolean;
  /** Leaves out the ways back and the switches of type. */
  readonly isForwardOnly?: boolean;
}

/** One way of a device. */
export interface Step extends Pair {
  readonly move: Move;
}

type StepFact = Omit<Fact, 'move' | 'from' | 'to' | 'hardwareId' | 'tag' | 'client'>;

/**
 * A fact about a step. On a way back nothing counts as a loss: the older target is out and as it is, and what it lacks was not there when devices ran
 * it. Whether it is a good place to go to is asked by naming the two targets.
 */
export function factOf(step: Step, client: Client | undefined, rest: StepFact): Fact {
  const { move, from, to, hardwareId, tag } = step;
  return {
    move,
    from: from?.name ?? '',
    to: to.name,
    hardwareId,
    tag,
    ...(client === undefined ? {} : { client: client.id }),
    ...rest,
    loss: rest.loss && move !== 'back',
  };
}

/** The step of a device that stays on a target. */
export function stayOn({ from: _, ...pair }: Pair, move: Move): Step {
  return { ...pair, move };
}

export function changeFacts(step: Step, client: Client, app: string, changes: readonly ContentChange[]): Fact[] {
  return changes.map((change) => factOf(step, client, { app, ...change }));
}

/** Devices whose `.env` file an app has. */
export function groupsWithEnv({ groups = [] }: SimulationInput, app: string): string[] {
  return groups.filter(({ environments }) => (environments.get(app)?.size ?? 0) > 0).map(({ name }) => name);
}
