import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const ROOT = join(import.meta.dirname, '../..');

/** The text of a file of the project. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The documents of a YAML file; throws at errors, warnings and keys that are there twice. */
export function readYaml(path: string): unknown[] {
  return parseAllDocuments(readText(path)).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw new Error(`${path}: ${problem.message}`);
    return document.toJS();
  });
}

/** `section.key` of a systemd unit with its values, in order; a line that is neither section, setting nor comment throws. */
export function readUnit(path: string): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>();
  let section = '';
  for (const line of readText(path)
    .replace(/\\\n\s*/g, '')
    .split('\n')) {
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, key, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) section = name;
    else if (key !== undefined)
      settings.set(`${section}.${key}`, [...(settings.get(`${section}.${key}`) ?? []), value]);
    else if (line !== '' && !line.startsWith('#')) throw new Error(`${path}: not a line of a unit: ${line}`);
  }
  return settings;
}

interface CronTable {
  readonly variables: Readonly<Record<string, string>>;
  readonly jobs: readonly { readonly schedule: readonly string[]; readonly user: string; readonly command: string }[];
}

/** A file of `/etc/cron.d`, as cron reads it. */
export function readCronTable(path: string): CronTable {
  const text = readText(path);
  if (!text.endsWith('\n')) throw new Error(`${path}: cron leaves out a last line without an end`);
  const variables: Record<string, string> = {};
  const jobs: CronTable['jobs'][number][] = [];
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    const [, times = '', user = '', command = ''] = /^((?:\S+ ){5})(\S+) (.+)$/.exec(line) ?? [];
    if (name !== undefined) variables[name] = value;
    else if (command !== '') jobs.push({ schedule: times.trimEnd().split(' '), user, command });
    else throw new Error(`${path}: not a line of a cron table: ${line}`);
  }
  return { variables, jobs };
}

/** The calls of rebundle in a script, each as its words after the name, without redirections and comments. */
export function findCalls(script: string): string[][] {
  return script
    .replace(/\\\n/g, ' ')
    .split(/\n|&&|\|\||[;|]/)
    .map((part) => part.trim().replace(/(?:^|\s)(?:#|\d?>).*$/, ''))
    .filter((part) => part.startsWith('rebundle '))
    .map((part) => splitWords(part).slice(1));
}

/** Words of a simple command; quotes are taken away, nothing is expanded. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"']+)+/g)].map(([word]) => word.replace(/["']/g, ''));
}

/** The text of the code blocks of a Markdown file. */
export function readBlocks(path: string): string[] {
  return [...readText(path).matchAll(/^```(?:sh)?\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}
