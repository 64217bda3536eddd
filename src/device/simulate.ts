import { compareText } from '../lib/bytes.ts';
import { readSha256 } from '../targets/target-fields.ts';
import { type Entry, readEntries } from './client-entries.ts';
import type { Client } from './clients.ts';
import { compareContents, findLeftFiles, hasOtherImages } from './compare-contents.ts';
import { findEdited } from './simulate-edited.ts';
import type { NamedTarget } from './simulate-moves.ts';
import { compareStyles, playSwitches } from './simulate-styles.ts';
import { type Fact, type GroupedFact, gatherFacts, joinRows, type SimulationRow } from './simulation-rows.ts';
import { changeFacts, factOf, groupsWithEnv, type SimulationInput, type Step } from './simulation-step.ts';

/** What becomes of an app on a way. */
interface AppMove {
  readonly app: string;
  readonly outcome: 'installed' | 'replaced' | 'untouched' | 'removed' | 'skipped';
  readonly old: Entry | undefined;
  readonly next: Entry | undefined;
}

/**
 * Plays device clients: each way from one target to another and back, switches of the type of package manager, what goes wrong on a boot. Clients do
 * what was seen when the real ones ran. Contents that are not given are not judged. Rows with equal outcomes are one.
 */
export function simulateTargets(input: SimulationInput): SimulationRow[] {
  const { pairs, clients, isForwardOnly = false } = input;
  const grouped: GroupedFact[] = [];
  // A file may have thousands of ways: only rows are held, not all facts.
  const add = (facts: readonly Fact[]): void => void grouped.push(...gatherFacts(facts, clients));
  for (const pair of pairs) {
    const { from, to } = pair;
    add(clients.flatMap((client) => playMove(input, client, { ...pair, move: 'to' })));
    if (from === undefined || isForwardOnly) continue;
    add(clients.flatMap((client) => playMove(input, client, { ...pair, from: to, to: from, move: 'back' })));
  }
  const stays = new Map(pairs.map((pair) => [JSON.stringify([pair.to.name, pair.hardwareId, pair.tag]), pair]));
  for (const pair of stays.values()) {
    add(compareStyles(input, pair));
    if (!isForwardOnly) add(playSwitches(input, pair));
  }
  add(findEdited(input));
  return joinRows(grouped);
}

/** One client on its way between two targets. */
function playMove(input: SimulationInput, client: Client, step: Step): Fact[] {
  const { file, contents } = input;
  const { from, to } = step;
  if (!client.starts) {
    const detail = 'the client ends at its start: it does not know the type ostree+docker-app';
    return [factOf(step, client, { outcome: 'fails', loss: true, detail })];
  }
  const before = from === undefined ? new Map<string, Entry>() : readEntries(file, from.target, { client, contents });
  const after = readEntries(file, to.target, { client, contents });
  const refused = [...after].flatMap(([app, entry]) => (entry.state === 'refused' ? [{ app, why: entry.why }] : []));
  if (refused.length > 0) {
    const rest = after.size > refused.length ? '; files of its other apps may be the new ones already' : '';
    return refused.map(({ app, why }) => {
      const detail = `the update fails and the device stays: ${why}${rest}`;
      return factOf(step, client, { app, outcome: 'fails', loss: true, detail });
    });
  }
  const moves = [...new Set([...before.keys(), ...after.keys()])].sort(compareText).flatMap((app): AppMove[] => {
    const [old, next] = [before.get(app), after.get(app)];
    const outcome = outcomeOf(old, next);
    return outcome === undefined ? [] : [{ app, outcome, old, next }];
  });
  return [
    ...moves.flatMap((move) => playApp(input, { client, step, move })),
    ...findCommitTrouble(client, step, moves),
    ...findFirstLoop(client, step, moves),
  ];
}

function outcomeOf(old: Entry | undefined, next: Entry | undefined): AppMove['outcome'] | undefined {
  const ran = old !== undefined && old.state !== 'skipped';
  if (next === undefined) return ran ? 'removed' : undefined;
  if (next.state !== 'app') return 'skipped';
  if (!ran) return 'installed';
  return old.state === 'app' && old.id === next.id ? 'untouched' : 'replaced';
}

interface Play {
  readonly client: Client;
  readonly step: Step;
  readonly move: AppMove;
}

function playApp(input: SimulationInput, { client, step, move }: Play): Fact[] {
  const { app, outcome, next } = move;
  if (outcome === 'removed') return removeApp(input, { client, step, move });
  if (outcome === 'skipped') {
    const why = next === undefined || next.state === 'app' ? '' : next.why;
    const detail = `the device passes over it and reports success: ${why}`;
    return [factOf(step, client, { app, outcome, loss: true, detail })];
  }
  const own = factOf(step, client, { app, outcome, loss: false });
  return outcome === 'replaced' ? [own, ...replaceApp(input, { client, step, move })] : [own];
}

function removeApp(input: SimulationInput, { client, step, move: { app } }: Play): Fact[] {
  const gone = 'the running app is brought down, its folder is deleted, and the device reports success';
  const why = step.move === 'back' ? `the target does not have it in the style of the client: ${gone}` : gone;
  const named = client.style === 'compose' ? groupsWithEnv(input, app) : [];
  const env = `devices of ${named.join(', ')}: the .env file goes with the folder of the app`;
  return [
    factOf(step, client, { app, outcome: 'removed', loss: true, detail: why }),
    ...(named.length === 0 ? [] : [factOf(step, client, { app, outcome: 'env-lost', loss: true, detail: env })]),
  ];
}

function replaceApp(input: SimulationInput, { client, step, move: { app, old, next } }: Play): Fact[] {
  const facts: Fact[] = [];
  const unpacksOver = client.style === 'compose' && client.is2020;
  const named = unpacksOver ? groupsWithEnv(input, app) : [];
  if (named.length > 0) {
    const detail = `devices of ${named.join(', ')}: the .env file in the folder of the app stays`;
    facts.push(factOf(step, client, { app, outcome: 'env-kept', loss: false, detail }));
  }
  if (old?.state !== 'app' || next?.state !== 'app') return facts;
  if (old.content === undefined || next.content === undefined) return facts;
  facts.push(...changeFacts(step, client, app, compareContents(app, old.content, next.content)));
  if (unpacksOver) facts.push(...changeFacts(step, client, app, findLeftFiles(old.content, next.content)));
  if (step.move === 'back' && hasOtherImages(next.content, old.content)) {
    const detail = 'docker_prune has removed images of this target: they are downloaded again';
    facts.push(factOf(step, client, { app, outcome: 'pulled-again', loss: false, detail }));
  }
  return facts;
}

function isSameCommit(a: NamedTarget, b: NamedTarget): boolean {
  return readSha256(a.target) === readSha256(b.target);
}

/** What a boot into another commit can bring: one that fails, or one that a daemon does not go to. */
function findCommitTrouble(client: Client, step: Step, moves: readonly AppMove[]): Fact[] {
  const { from, to, move, before } = step;
  if (from === undefined || !client.is2020 || isSameCommit(from, to)) return [];
  if (move === 'back' || before.some((one) => one.version < from.version && isSameCommit(one, to))) {
    const detail = 'a daemon does not go to a commit that the device had before; the command update does';
    return [factOf(step, client, { outcome: 'not-taken', loss: false, detail })];
  }
  const detail =
    'where the boot fails, the old system runs this app as the new target has it, and the target is skipped for good';
  return moves
    .filter(({ outcome }) => outcome !== 'untouched')
    .map(({ app }) => factOf(step, client, { app, outcome: 'failed-boot', loss: false, detail }));
}

function findFirstLoop(client: Client, step: Step, moves: readonly AppMove[]): Fact[] {
  if (!client.hasFirstLoopDefect || step.move !== 'to') return [];
  const detail =
    'where the target is there before the daemon starts, it counts as installed: the app waits for its next change';
  return moves
    .filter(({ outcome }) => outcome === 'installed' || outcome === 'replaced')
    .map(({ app }) => factOf(step, client, { app, outcome: 'first-loop', loss: false, detail }));
}
