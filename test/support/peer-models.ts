import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ComposeGeneration } from '../../src/compose/interpolation.ts';
import { canonicalModel, compareModels, printModel } from '../../src/compose/model.ts';
import { interpolateModel, type ModelMap, type ModelValue, readModel } from '../../src/compose/model-value.ts';
import { toRebundleError } from '../../src/errors.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import { findComposeV5, requireProgram } from './programs.ts';

/** A canonical model, or the text of the error. */
type PeerModel = { readonly model: ModelMap } | { readonly error: string };

interface PeerRun {
  /** Path of docker-compose 1.29 or Docker Compose v5. */
  readonly program: string;
  readonly generation: ComposeGeneration;
  readonly cwd: string;
  readonly text: string;
  readonly environment: Readonly<Record<string, string>>;
}

const HOME = '/root';

/** What a real program makes of a compose text, in our canonical form; paths are relative to `cwd` again. */
export function readWithPeer({ program, generation, cwd, text, environment }: PeerRun): Promise<PeerModel> {
  const file = join(cwd, 'docker-compose.yml');
  const args = [
    '-f',
    file,
    '-p',
    'peer',
    'config',
    ...(generation === 'v2' ? ['--no-normalize', '--no-path-resolution'] : []),
  ];
  const env = { PATH: process.env.PATH ?? '', HOME, LC_ALL: 'C.UTF-8', ...environment };
  return writeFile(file, text).then(
    () =>
      new Promise((done) => {
        execFile(program, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
          if (error !== null) done({ error: stderr.trim() });
          else done({ model: canonicalModel(decodeOutput(parseModel(stdout, generation), `${cwd}/`), generation) });
        });
      }),
  );
}

/** Our own reading of the same text. */
function readOurselves({ generation, text, environment }: Omit<PeerRun, 'program' | 'cwd'>): PeerModel {
  try {
    const model = parseModel(text, generation);
    const read = interpolateModel(model, { generation, environment: (name) => ({ HOME, ...environment })[name] });
    return { model: canonicalModel(read, generation) };
  } catch (thrown) {
    return { error: toRebundleError(thrown).message };
  }
}

function parseModel(text: string, generation: ComposeGeneration): ModelValue {
  const { root } = parseYaml({ text, path: 'model', line: 1 });
  return root === undefined ? new Map() : readModel(root, generation);
}

/** `config` prints `$$` for a `$`, so that its output can be read again. */
function decodeOutput(value: ModelValue, cwd: string): ModelValue {
  if (typeof value === 'string') {
    const plain = value.replaceAll('$$', '$');
    if (`${plain}/` === cwd) return '.';
    return plain.startsWith(cwd) ? `./${plain.slice(cwd.length)}` : plain;
  }
  if (Array.isArray(value)) return value.map((item: ModelValue) => decodeOutput(item, cwd));
  if (!(value instanceof Map)) return value;
  return new Map(
    [...(value as ReadonlyMap<string, ModelValue>)].map(([name, member]) => [
      name.replaceAll('$$', '$'),
      decodeOutput(member, cwd),
    ]),
  );
}

/** The real programs; `program` is undefined where one is not installed. */
export const PEERS = [
  {
    name: 'docker-compose 1.29',
    generation: '1.29',
    program: requireProgram('docker-compose') ? 'docker-compose' : undefined,
  },
  { name: 'Docker Compose v5', generation: 'v2', program: findComposeV5() },
] as const;

/** Places at which a program's model of a text is not ours; not `compared` where the program refuses the text. */
export async function findDifferences(
  run: PeerRun,
): Promise<{ readonly compared: boolean; readonly differences: readonly string[] }> {
  const theirs = await readWithPeer(run);
  const ours = readOurselves(run);
  if ('error' in theirs) return { compared: false, differences: 'error' in ours ? [] : [theirs.error] };
  if ('error' in ours) return { compared: true, differences: [`only we refuse it: ${ours.error}`] };
  const differences = compareModels(theirs.model, ours.model)
    .filter(({ path, before, after }) => !isKnown(run.generation, path, before, after))
    .map(({ path, before, after }) => `${path.join('.')}: ${printModel(before)} is ${printModel(after)} to us`);
  return { compared: true, differences };
}

/** What v5 itself adds or leaves out when it prints: resources that nothing uses, and where a secret is mounted. */
export function isKnown(
  generation: ComposeGeneration,
  path: readonly string[],
  printed: unknown,
  other: unknown,
): boolean {
  if (generation !== 'v2') return false;
  if (path[0] !== 'services') return printed === undefined;
  return path[2] === 'secrets' && path.at(-1) === 'target' && other === undefined;
}

/** What docker-app lost when it printed: the address of a port, and an empty command. */
export function isLostInPrint(path: readonly string[], before: unknown, after: unknown): boolean {
  return path.at(-1) === 'host_ip' || (before === undefined && Array.isArray(after) && after.length === 0);
}
