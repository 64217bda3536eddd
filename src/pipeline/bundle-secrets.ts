import picomatch from 'picomatch';
import { readComposeFile } from '../compose/compose-file.ts';
import { type ComposeValue, readComposeValue } from '../compose/compose-value.ts';
import { entriesOf, itemsOf, memberOf, textOf } from '../compose/value-access.ts';
import type { Config } from '../config.ts';
import { readAll } from '../lib/bytes.ts';
import { finding } from '../lib/finding.ts';
import { findEnvSecrets, findSecretForm, isSecret } from '../lib/secret-value.ts';
import type { BundleFile, ComposeApp, Diagnostic } from '../model/app.ts';

/** Larger support files are data, and are not searched. */
const MAX_FILE = 256 * 1024;

/** A secret that a bundle would carry. `name` is what `secrets.allow` names: the parameter, the variable, or the path of the file. */
interface FoundSecret {
  readonly name: string;
  readonly what: string;
  readonly location?: Diagnostic['location'];
}

/**
 * Looks for secrets in what a bundle holds, as everyone who may pull it reads them: values of parameters and variables whose names say so, and private
 * keys, tokens and URLs with passwords anywhere. Each one that `secrets.allow` does not name is an error; values are never told.
 */
export async function findBundleSecrets(
  app: ComposeApp,
  files: readonly BundleFile[],
  { rules, now }: { readonly rules: Config['secrets']['allow']; readonly now: string },
): Promise<Diagnostic[]> {
  const found = new Map<string, FoundSecret>();
  const add = (secret: FoundSecret): void => {
    if (!found.has(secret.name)) found.set(secret.name, secret);
  };
  for (const { parameter, variable, value, uses } of app.variables) {
    if (uses === 0 || !(isSecret(parameter, value) || isSecret(variable ?? '', value))) continue;
    add({ name: parameter, what: `the parameter '${parameter}' has a default that looks like a secret` });
  }
  const values = new Set(app.variables.filter(({ parameter }) => found.has(parameter)).map(({ value }) => value));
  for (const secret of findInCompose(app, values)) add(secret);
  for (const file of files) {
    if (file.size > MAX_FILE || file.path === 'docker-compose.yml') continue;
    for (const secret of findInFile(file.path, await readAll(file.open(), MAX_FILE, file.path))) add(secret);
  }
  return [...found.values()].flatMap((secret) => judgeSecret(app.name, secret, rules, now.slice(0, 10)));
}

/** Environment values by name, and forms in the text. A value that is that of a parameter is told once, with the parameter. */
function findInCompose(app: ComposeApp, known: ReadonlySet<string>): FoundSecret[] {
  const file = readComposeFile({ text: app.composeText, path: 'docker-compose.yml', line: 1 }, { origin: 'compose' });
  const secrets: FoundSecret[] = [];
  for (const [service, value] of entriesOf(memberOf(readComposeValue(file), 'services'))) {
    for (const [name, text] of listEnvironment(memberOf(value, 'environment'))) {
      if (!isSecret(name, text) || known.has(text)) continue;
      secrets.push({
        name,
        what: `the variable '${name}' of service '${service}' has a value that looks like a secret`,
      });
    }
  }
  const form = findSecretForm(app.composeText);
  if (form !== undefined) {
    const line = app.composeText.slice(0, form.offset).split('\n').length;
    secrets.push({ name: 'docker-compose.yml', what: `line ${line} of the converted compose file has ${form.kind}` });
  }
  return secrets;
}

/** The map form, and the list form of `NAME=value`. */
function listEnvironment(value: ComposeValue | undefined): [string, string][] {
  return [
    ...entriesOf(value).map(([name, member]): [string, string] => [name, textOf(member)]),
    ...itemsOf(value).map((item): [string, string] => {
      const text = textOf(item);
      const at = text.indexOf('=');
      return at < 0 ? ['', ''] : [text.slice(0, at), text.slice(at + 1)];
    }),
  ];
}

function findInFile(path: string, bytes: Uint8Array): FoundSecret[] {
  if (bytes.includes(0)) return [];
  const text = Buffer.from(bytes).toString('utf8');
  const form = findSecretForm(text);
  if (form !== undefined) return [{ name: path, what: `the support file ${path} has ${form.kind}` }];
  const [first] = /(?:^|[./])env$/.test(path) ? findEnvSecrets(text) : [];
  if (first === undefined) return [];
  return [{ name: path, what: `${path}:${first.line}: '${first.name}' has a value that looks like a secret` }];
}

function judgeSecret(
  app: string,
  { name, what }: FoundSecret,
  rules: Config['secrets']['allow'],
  today: string,
): Diagnostic[] {
  const fitting = rules.filter(
    (rule) => rule.name === name && (rule.app === undefined || picomatch.isMatch(app, rule.app)),
  );
  const rule = fitting.find(({ expires }) => expires === undefined || expires >= today);
  if (rule !== undefined) return [finding('secret.allowed', `${what}; it is allowed: ${rule.reason}`)];
  const [expired] = fitting;
  const past = expired === undefined ? '' : `; it was allowed until ${expired.expires}`;
  return [
    finding('SECRET_IN_BUNDLE', `${what}, and everyone who may pull the bundle can read it${past}`, {
      hint: hintFor(name),
    }),
  ];
}

function hintFor(name: string): string {
  return `Take it out, and let devices set it or mount it from the host; or list ${name} under secrets.allow with a reason.`;
}
