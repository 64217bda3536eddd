import { interpolateCompose } from '../compose/interpolation.ts';
import { type Parameter, type ParameterSetting, readParameters } from '../dockerapp/parameters.ts';
import { formatLocation, RebundleError } from '../errors.ts';
import { compareText } from '../lib/bytes.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import { createMask } from '../lib/redact.ts';
import type { AppPackage, ComposeApp, Diagnostic, DocumentPart, EnvFile, Interpolation } from '../model/app.ts';
import { proveConversion } from './prove.ts';
import { prepareRendering } from './rendering.ts';

/** The `docker_app_params` file of a group of devices. */
export interface FleetFile {
  readonly group: string;
  readonly document: DocumentPart;
}

export interface RescueInput {
  readonly pkg: AppPackage;
  readonly app: ComposeApp;
  readonly interpolation: Interpolation;
  /** As they were given to the conversion. */
  readonly parameterFiles: readonly DocumentPart[];
  readonly settings: readonly ParameterSetting[];
}

/** Letters of a value, without blanks. */
const WORD = String.raw`[^\s"'\\$\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060\ufeff]+`;

/**
 * What a file says, read alike unquoted by docker-compose 1.2x (which splits lines itself, or by python-dotenv) and by compose-go's dotenv: no
 * quotes, backslash, `$`, line end or `#` after a blank, no blank at an end.
 */
const SAFE = new RegExp(`^${WORD}(?: +(?!#)${WORD})*$`);

/**
 * Says the overrides of a fleet as environment files: for each group the variables of the converted text that its file sets, with the value that
 * compose saw after both passes. Each file is proved: docker-app's render with the group's parameters is compared with the converted text under
 * the environment. A group that sets nothing of this app has no file.
 */
export function rescueOverrides(
  input: RescueInput,
  fleet: readonly FleetFile[],
): { readonly files: EnvFile[]; readonly diagnostics: Diagnostic[] } {
  const files: EnvFile[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const file of fleet) {
    const rescued = rescueGroup(input, file);
    diagnostics.push(...rescued.diagnostics);
    if (rescued.text !== undefined) files.push({ group: file.group, text: rescued.text });
  }
  return { files, diagnostics };
}

function rescueGroup(
  input: RescueInput,
  { group, document }: FleetFile,
): { readonly text?: string; readonly diagnostics: Diagnostic[] } {
  const { pkg, app } = input;
  const metadata = { text: '', path: '', line: 1 };
  const set = readParameters({ own: document, files: [], metadata, settings: [] }).parameters;
  const settings = input.settings.filter(({ name }) => !set.has(name));
  const parameterFiles = [...input.parameterFiles, document];
  let merged: ReadonlyMap<string, Parameter>;
  try {
    merged = readParameters({
      own: pkg.parameters,
      files: parameterFiles,
      metadata: pkg.metadata,
      settings,
    }).parameters;
  } catch (thrown) {
    if (!(thrown instanceof RebundleError)) throw thrown;
    return { diagnostics: [neverRan(group, document, errorFinding(thrown))] };
  }
  const own = readParameters({ own: pkg.parameters, files: [], metadata: pkg.metadata, settings: [] }).parameters;
  const diagnostics: Diagnostic[] = [];
  const add = (code: 'FLEET_FIXED' | 'fleet.value-refused', given: Parameter, problem: string): void => {
    const message = `'${given.name}' has another value for the devices of ${group} (${formatLocation(given.location)}), ${problem}`;
    const location = own.get(given.name)?.location;
    const details = code === 'FLEET_FIXED' ? {} : { hint: HINT };
    diagnostics.push(finding(code, message, { ...details, ...(location === undefined ? {} : { location }) }));
  };
  const environment = new Map<string, string>();
  const leftOut = new Map<string, string>();
  for (const { parameter: name, variable, value, uses, fixed } of app.variables) {
    const given = set.get(name);
    // Where docker-app let the value of the package stand, nothing is overridden.
    if (uses === 0 || given?.value === undefined || merged.get(name)?.value !== given.value) continue;
    if (fixed !== undefined && given.value !== value)
      add('FLEET_FIXED', given, `and cannot be overridden in the result: ${fixed}`);
    if (variable === undefined) continue;
    const spelled = spellValue(given.value, input.interpolation);
    if ('value' in spelled) environment.set(variable, spelled.value);
    else if (given.value !== value) {
      leftOut.set(name, value);
      add('fleet.value-refused', given, `which no environment file can say: ${spelled.fault}`);
    }
  }
  if (environment.size === 0) return { diagnostics };
  if (diagnostics.every(({ severity }) => severity !== 'error')) {
    const withGroup = prepareRendering(pkg, { parameterFiles, settings });
    // What is left out is told already: the rest is proved with the values of the result there.
    const render: typeof withGroup = (override) => withGroup(new Map([...leftOut, ...override]));
    const proof = proveConversion({ render, app, interpolation: input.interpolation, environment });
    // What the proof tells may hold values of the group, which may be secrets.
    const mask = createMask(app.variables.map((each) => ({ ...each, value: merged.get(each.parameter)?.value ?? '' })));
    const told = proof.diagnostics.map((found) => ({ ...found, message: mask(found.message) }));
    if (proof.rendered === undefined) return { diagnostics: [...diagnostics, neverRan(group, document, told[0])] };
    const unequal = told.map((found) => ({ ...found, message: `for the devices of ${group}: ${found.message}` }));
    if (unequal.length > 0) return { diagnostics: [...diagnostics, ...unequal] };
  }
  const lines = [...environment].sort(([a], [b]) => compareText(a, b)).map(([name, value]) => `${name}=${value}\n`);
  return { text: lines.join(''), diagnostics };
}

const HINT =
  'Set the variable in the environment of the program that starts compose on these devices, or choose another value.';

/** A place in the file of the group is named in the message: the place of a finding is one of the repository. */
function neverRan(group: string, document: DocumentPart, problem: Diagnostic | undefined): Diagnostic {
  const { message: why = '', location } = problem ?? {};
  const isOurs = location?.path === document.path;
  const place = isOurs ? `${formatLocation(location)}: ` : '';
  const message = `docker-app refuses the package with the parameters of ${group}: ${place}${why}`;
  return finding('fleet.never-ran', message, location === undefined || isOurs ? {} : { location });
}

/** What compose saw of a parameter's value, if a line of an environment file can say it. */
function spellValue(
  value: string,
  interpolation: Interpolation,
): { readonly value: string } | { readonly fault: string } {
  const seen = interpolation === 'device' && value.includes('$') ? readTwice(value) : { value };
  if ('fault' in seen) return seen;
  if (seen.value === '' || SAFE.test(seen.value)) return seen;
  return { fault: `${nameTrouble(seen.value)}, which releases of compose read differently there` };
}

function readTwice(value: string): { readonly value: string } | { readonly fault: string } {
  const names = new Set<string>();
  const results = new Set<string>();
  try {
    for (const generation of ['1.29', 'v2'] as const) {
      results.add(interpolateCompose(value, (name) => void names.add(name), generation));
    }
  } catch (thrown) {
    if (thrown instanceof RebundleError) return { fault: 'compose could not read its $' };
    throw thrown;
  }
  const [first = ''] = results;
  if (names.size > 0) return { fault: `it reads ${[...names].sort().join(', ')} from the environment of the device` };
  return results.size === 1 ? { value: first } : { fault: 'releases of compose read its $ differently' };
}

function nameTrouble(value: string): string {
  const [, character] = /([$"'`\\\n\r])/.exec(value) ?? [];
  if (character === '\n' || character === '\r') return 'it has a line end';
  if (character !== undefined) return `it has ${character}`;
  if (value !== value.trim()) return 'it has a blank at an end';
  return /(?:^|\s)#/.test(value) ? 'it has a #' : 'it has a character that is not printed';
}
