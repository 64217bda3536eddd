import { isInterpolated } from '../compose/fields.ts';
import { tokenizeCompose } from '../compose/interpolation.ts';
import type { Parameter } from '../dockerapp/parameters.ts';
import { substituteReferences, tokenizeReferences } from '../dockerapp/references.ts';
import type { Interpolation } from '../model/app.ts';
import type { ScalarSite } from './scalar-sites.ts';

/** How a parameter is written in the result: as a variable with a default, or, for the reason given, as its value. */
export type VariableChoice = { readonly variable: string } | { readonly fixed: string };

/** Variables that a process on a device is likely to have: docker-app never read them, compose would. */
const PROCESS_VARIABLES =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|HOSTNAME|HOST|LANG|LANGUAGE|LC_.*|TERM|PWD|OLDPWD|TMPDIR|TMP|TEMP|TZ|MAIL|EDITOR|DISPLAY|IFS|PS[0-9]|SHLVL|UID|EUID|GID|_|(?:http|https|ftp|no|all)_proxy|(?:HTTP|HTTPS|FTP|NO|ALL)_PROXY|COMPOSE_.*|DOCKER_.*|XDG_.*|SSH_.*|SUDO_.*|DBUS_.*|SYSTEMD_.*|INVOCATION_ID|JOURNAL_STREAM|NOTIFY_SOCKET|LISTEN_.*|TAG|FACTORY)$/;
/** So many parameters that would be one variable are named. */
const MAX_RIVALS = 3;
const MAX_NESTING = 50;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Decides for every parameter that the text refers to. A variable name belongs to one parameter only and means nothing else on a device. */
export function chooseVariables(
  sites: readonly ScalarSite[],
  parameters: ReadonlyMap<string, Parameter>,
  interpolation: Interpolation,
): Map<string, VariableChoice> {
  const used = new Set<string>();
  const environment = new Set<string>();
  for (const { node, paths } of sites) {
    const tokens = tokenizeReferences(node.value);
    for (const token of tokens) if (token.name !== undefined && parameters.has(token.name)) used.add(token.name);
    // What still is a name after docker-app's pass, from `$$NAME` or out of a value, is a variable of the device.
    if (tokens.length === 0 || interpolation === 'single' || !paths.some(isInterpolated)) continue;
    const rendered = substituteReferences(tokens, (name) => parameters.get(name)?.value).text;
    if (rendered.includes('$')) addNames(rendered, environment, 0);
  }
  const owners = new Map<string, string[]>();
  for (const name of used) {
    const same = owners.get(variableName(name));
    if (same === undefined) owners.set(variableName(name), [name]);
    else same.push(name);
  }
  const choices = new Map<string, VariableChoice>();
  for (const name of used) {
    const variable = variableName(name);
    const value = parameters.get(name)?.value;
    const rivals = (owners.get(variable) ?? []).slice(0, MAX_RIVALS + 1).filter((other) => other !== name);
    const fixed =
      name.startsWith('app.') || name === 'app'
        ? 'it is metadata of the package'
        : !VARIABLE.test(variable)
          ? 'its name cannot be the name of a variable'
          : rivals.length > 0
            ? `${rivals.map((rival) => `'${rival}'`).join(', ')} would be the same variable ${variable}`
            : PROCESS_VARIABLES.test(variable)
              ? `${variable} may be set on a device for another reason`
              : environment.has(variable)
                ? `the text reads ${variable} from the environment of the device too`
                : value === undefined
                  ? 'its value is null'
                  : unportableDefault(value);
    choices.set(name, fixed === undefined ? { variable } : { fixed });
  }
  return choices;
}

function addNames(text: string, into: Set<string>, depth: number): void {
  if (depth > MAX_NESTING) return;
  for (const token of tokenizeCompose(text, 'v2')) {
    if (!('name' in token)) continue;
    into.add(token.name);
    if (token.kind === 'braced' && token.operand !== undefined) addNames(token.operand, into, depth + 1);
  }
}

/** Dots and hyphens are what parameter names have and variable names have not. */
function variableName(parameter: string): string {
  return parameter.replace(/[.-]/g, '_');
}

/** Defaults that the two generations of compose read differently, or not at all. */
function unportableDefault(value: string): string | undefined {
  if (/[${}]/.test(value)) return 'its value holds $, { or }, which releases of compose read differently in a default';
  if (/[\r\n\0]/.test(value)) return 'its value holds a line break';
  if (value.includes(':-')) return 'its value holds :-, which some releases of compose misread in a default';
  return undefined;
}
