import type { ComposeGeneration } from '../compose/interpolation.ts';
import { canonicalModel, compareModels, countFields, type ModelDifference, printModel } from '../compose/model.ts';
import { interpolateModel, type ModelMap, type ModelValue, readModel } from '../compose/model-value.ts';
import { RebundleError, type SourceLocation } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import { shareParts } from '../lib/plain-value.ts';
import { effectivePairs, parseYaml, resolveAlias, type YamlNode } from '../lib/yaml.ts';
import type { ComposeApp, Diagnostic, Interpolation } from '../model/app.ts';
import { attempt } from './attempt.ts';
import { expectMounts } from './mount-configs.ts';
import { chooseOverrides, type Override } from './overrides.ts';
import { RELEASE_ENVIRONMENT, type Rendering } from './rendering.ts';
import { createSourceLocator } from './source-locator.ts';

const GENERATIONS: readonly ComposeGeneration[] = ['1.29', 'v2'];
const GENERATION_NAMES: Readonly<Record<ComposeGeneration, string>> = {
  '1.29': 'docker-compose 1.29',
  v2: 'Docker Compose v2',
};
/** Values that are compared over all overrides: a large package is proved with fewer of them. */
const MAX_COMPARED = 150_000;
const MIN_OVERRIDES = 3;
const MAX_OVERRIDES = 60;
const MAX_DIFFERENCES = 10;
const MAX_SHOWN = 200;

export interface ProofInput {
  /** docker-app's side. */
  readonly render: Rendering;
  readonly app: Pick<ComposeApp, 'name' | 'composeText' | 'source' | 'edits' | 'variables' | 'mountedConfigs'>;
  readonly interpolation: Interpolation;
  /** Variables that are set where the text runs; no other override is tried then. */
  readonly environment?: ReadonlyMap<string, string>;
}

/** A place at which the converted text means something else than docker-app's render did. */
export interface ProofDifference extends ModelDifference {
  readonly generation: ComposeGeneration;
  /** Parameters that were overridden. */
  readonly overridden: readonly string[];
}

/** What a proof compared, and what came out. */
export interface Proof {
  /** Values of the default model. */
  readonly fields: number;
  /** Overrides that docker-app took; the defaults are not counted. */
  readonly overrides: number;
  /** True where the package has more parameters than were overridden one by one. */
  readonly sampled: boolean;
  readonly differences: readonly ProofDifference[];
  /** docker-app's errors where it does not render the package, else one PROOF_UNEQUAL for each difference. */
  readonly diagnostics: readonly Diagnostic[];
  /** docker-app's render with the defaults; undefined where it refused. */
  readonly rendered?: ModelMap;
}

/**
 * Proves that a converted text means what docker-app and the compose of a device made of the package: for the defaults and for overrides, for both
 * generations of compose, value by value. Accepted are only the changes of docker-app's own render that findings `render.*` tell of, and configs that are
 * mounted by option. Takes time in proportion to the package.
 */
export function proveConversion(input: ProofInput): Proof {
  const { render } = input;
  const rendered = render(new Map());
  if ('diagnostics' in rendered) return { ...NOTHING, diagnostics: rendered.diagnostics };
  const text = prepareText(input.app.composeText);
  const device = prepareDevice();
  const free = input.app.variables.filter(({ variable, fixed }) => variable !== undefined && fixed === undefined);
  const variables = new Map(free.map(({ parameter, variable = '' }) => [parameter, variable]));
  const differences: ProofDifference[] = [];
  let fields = 0;
  let compared = 0;
  const owned = new Set(input.app.variables.map(({ variable }) => variable));
  const equal = new Map<ModelValue, ModelValue>();
  const counted = new Map<ModelValue, number>();
  const compare = (value: ModelMap, override: Override, outside: Environment): void => {
    const overriding = [...override].map(([name, other]) => [variables.get(name) ?? '', other] as const);
    const given = new Map([...(input.environment ?? []), ...overriding]);
    const environment: Environment = (name) => given.get(name) ?? (owned.has(name) ? undefined : outside(name));
    for (const generation of GENERATIONS) {
      const model = device(value, generation, input.interpolation === 'single' ? undefined : outside);
      // What a device's own compose refused never ran: the rewriter tells of it.
      if (model === undefined) continue;
      const before = expectMounts(model, input.app.mountedConfigs ?? []);
      const after = text(generation, environment);
      fields = Math.max(fields, countFields(before, counted));
      const found =
        after instanceof RebundleError
          ? [{ path: after.message.split(': ', 1)[0]!.split('.'), before: undefined, after: after.message }]
          : compareModels(before, after, equal).filter((difference) => !isAccepted(difference));
      const overridden = [...override.keys()];
      for (const difference of found) differences.push({ ...difference, generation, overridden });
    }
  };
  // What an override does not touch is the same part as with the defaults, and is neither made nor compared again.
  compare(rendered.value, new Map(), EMPTY);
  if (input.app.composeText.includes('$')) compare(rendered.value, new Map(), FULL);
  const limit = Math.min(MAX_OVERRIDES, Math.max(MIN_OVERRIDES, Math.floor(MAX_COMPARED / Math.max(fields, 1))));
  const overrides = input.environment === undefined ? chooseOverrides(free, limit) : [];
  for (const override of differences.length === 0 ? overrides : []) {
    const result = render(override);
    // A value that docker-app refuses is on no device.
    if ('diagnostics' in result) continue;
    compared += 1;
    compare(result.value, override, EMPTY);
    if (differences.length > 0) break;
  }
  return {
    fields,
    overrides: compared,
    sampled: free.length > 1 && overrides.length < free.length,
    differences,
    diagnostics: describeDifferences(input.app, differences),
    rendered: rendered.value,
  };
}

type Environment = (name: string) => string | undefined;
/** What a device has set besides: nothing, or everything, so that a text which reads the environment is seen to do so. */
const EMPTY: Environment = () => undefined;
const FULL: Environment = (name) => `zq7-${name}`;

const NOTHING: Proof = { fields: 0, overrides: 0, sampled: false, differences: [], diagnostics: [] };

/** What compose on a device makes of docker-app's render, read again where there is an environment; undefined where it refuses it. */
function prepareDevice(): (
  rendered: ModelMap,
  generation: ComposeGeneration,
  environment: Environment | undefined,
) => ModelMap | undefined {
  const canonical = prepareCanonical();
  return (rendered, generation, environment) => {
    const model = attempt(() =>
      canonical(
        environment === undefined ? rendered : interpolateModel(rendered, { generation, environment }),
        generation,
      ),
    );
    return model instanceof RebundleError ? undefined : model;
  };
}

/** The canonical form of models of one text under many environments: of parts that are equal in them it is made once. */
function prepareCanonical(): (model: ModelValue, generation: ComposeGeneration) => ModelMap {
  const firsts = new Map<ComposeGeneration, ModelValue>();
  const known = new Map(GENERATIONS.map((generation) => [generation, new Map<ModelValue, ModelValue | undefined>()]));
  return (model, generation) => {
    const first = firsts.get(generation);
    if (first === undefined) firsts.set(generation, model);
    const shared = first === undefined ? model : shareParts(first, model);
    return withoutAbsentServices(canonicalModel(shared, generation, known.get(generation)));
  };
}

/** Reads the converted text once; gives its model under an environment, or why compose refuses it. */
function prepareText(
  text: string,
): (generation: ComposeGeneration, environment: Environment) => ModelMap | RebundleError {
  const canonical = prepareCanonical();
  const models = new Map<ComposeGeneration, ModelValue | RebundleError>();
  const { root } = parseYaml({ text, path: '', line: 1 });
  for (const generation of GENERATIONS) {
    models.set(
      generation,
      attempt(() => (root === undefined ? new Map() : readModel(root, generation))),
    );
  }
  return (generation, environment) => {
    const model = models.get(generation) ?? new Map();
    if (model instanceof RebundleError) return model;
    return attempt(() => {
      const read = interpolateModel(model, {
        generation,
        environment: (name) => RELEASE_ENVIRONMENT.get(name) ?? environment(name),
      });
      return canonical(read, generation);
    });
  };
}

/** Names of services that are not there: docker-app left them in place when it dropped a service, and the conversion takes them out. */
function withoutAbsentServices(model: ModelMap): ModelMap {
  const services = model.get('services');
  if (!(services instanceof Map)) return model;
  const isThere = (name: string): boolean => services.has(name.split(':', 1)[0] ?? '');
  const kept = [...(services as ModelMap)].map(([name, service]) => {
    if (!(service instanceof Map) || (!service.has('depends_on') && !service.has('links')))
      return [name, service] as const;
    const members = new Map<string, ModelValue>(service as ModelMap);
    const depends = members.get('depends_on');
    if (depends instanceof Map)
      members.set('depends_on', new Map([...(depends as ModelMap)].filter(([other]) => isThere(other))));
    const links = members.get('links');
    if (Array.isArray(links))
      members.set(
        'links',
        links.filter((link) => isThere(String(link))),
      );
    for (const [key, value] of [
      ['depends_on', members.get('depends_on')],
      ['links', members.get('links')],
    ] as const) {
      if ((value instanceof Map && value.size === 0) || (Array.isArray(value) && value.length === 0))
        members.delete(key);
    }
    return [name, members] as const;
  });
  return new Map(model).set('services', new Map(kept));
}

/** What docker-app's render lost and the author's text still says: the address of a port, an empty command. */
function isAccepted({ path, before, after }: ModelDifference): boolean {
  if (before !== undefined || path[0] !== 'services') return false;
  if (path.length === 5 && path[2] === 'ports' && path[4] === 'host_ip') return true;
  const isCommand = path.length === 3 && (path[2] === 'command' || path[2] === 'entrypoint');
  return isCommand && Array.isArray(after) && after.length === 0;
}

function describeDifferences(app: ProofInput['app'], differences: readonly ProofDifference[]): Diagnostic[] {
  if (differences.length === 0) return [];
  const { root, locate } = parseYaml({ text: app.composeText, path: app.source.path, line: 1 });
  const toSource = createSourceLocator(app);
  const seen = new Set<string>();
  return differences.slice(0, MAX_DIFFERENCES).flatMap((difference) => {
    const { path, generation, overridden } = difference;
    const place = path.join('.');
    if (seen.has(place)) return [];
    seen.add(place);
    const names = overridden.slice(0, 3).map((name) => `'${name}'`);
    const more = overridden.length > 3 ? ` and ${overridden.length - 3} more` : '';
    const under = names.length === 0 ? '' : `, with other values of ${names.join(', ')}${more}`;
    const values = `docker-app gives ${shorten(difference.before)}, the converted file ${shorten(difference.after)}`;
    const location: SourceLocation = toSource(locate(findPlace(root, path)));
    return [finding('PROOF_UNEQUAL', `${place} (${GENERATION_NAMES[generation]}${under}): ${values}`, { location })];
  });
}

function shorten(value: ModelValue | undefined): string {
  const text = printModel(value);
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}...`;
}

/** As far as the path leads in the text: canonical names are not all written there. */
function findPlace(root: YamlNode | undefined, path: readonly string[]): number {
  let node = root;
  let start = root?.start ?? 0;
  for (const name of path) {
    const value = node === undefined ? undefined : resolveAlias(node);
    const pair = value?.kind === 'map' ? effectivePairs(value).get(name) : undefined;
    const item = value?.kind === 'seq' && /^\d+$/.test(name) ? value.items[Number(name)] : undefined;
    node = pair?.value ?? item;
    if (node === undefined) break;
    start = pair?.start ?? node.start;
  }
  return start;
}
