import { Option } from 'commander';
import { parseValue } from '../config.ts';
import { RebundleError } from '../errors.ts';
import type { KeyIdRule } from '../targets/keys.ts';
import type { SigningForm } from '../targets/sign.ts';
import type { Invocation } from './command.ts';

const listOf =
  (flag: string) =>
  (text: string, before: readonly string[] = []): readonly string[] => [
    ...before,
    String(parseValue('text', text, flag)),
  ];

/** Private keys and the new date, for every command that signs. */
export const SIGNING_OPTIONS: readonly (() => Option)[] = [
  () =>
    new Option('--sign-key <file>', 'sign targets with this key; - is standard input (repeatable)').argParser(
      listOf('--sign-key'),
    ),
  () =>
    new Option('--expires <date>', 'new expires of signed targets, as 2031-01-31T00:00:00Z').argParser((text) =>
      parseValue('expires', text, '--expires'),
    ),
];

export const FORM_OPTION = (): Option =>
  new Option('--form <form>', 'device: as devices of the factory read it; tuf: as TUF 1.0 has it')
    .choices(['device', 'tuf'])
    .default('device');

export const KEY_ID_OPTION = (): Option =>
  new Option('--key-id <rule>', 'sha256 of what a key is named by: its DER form, or its canonical JSON').choices([
    'der',
    'tuf',
  ]);

export const ROOT_OPTION = (): Option =>
  new Option('--root <file>', 'root.json: names the keys and how many have to sign').argParser((text) =>
    parseValue('path', text, '--root'),
  );

export const OUTPUT_OPTION = (): Option =>
  new Option('-o, --output <file>', 'where the result is written (default: standard output)').argParser((text) =>
    parseValue('path', text, '--output'),
  );

export const ROLE_VERSION_OPTION = (): Option =>
  new Option('--role-version <n>', 'version of the role (default: one above that of the file)').argParser((text) =>
    Number(parseValue('targetVersion', text, '--role-version')),
  );

/** The options above as a command got them; absent is what was not given. */
export interface TufFlags {
  readonly signKeys: readonly string[];
  readonly expires?: string;
  readonly form?: SigningForm;
  readonly keyIdRule?: KeyIdRule;
  readonly root?: string;
  readonly output?: string;
  readonly roleVersion?: number;
}

export function readTufFlags({ own }: Invocation): TufFlags {
  const text = (name: string): string | undefined => {
    const value = own[name];
    return typeof value === 'string' ? value : undefined;
  };
  const [expires, root, output, form, rule] = ['expires', 'root', 'output', 'form', 'keyId'].map(text);
  const roleVersion = own.roleVersion;
  return {
    signKeys: readList(own.signKey),
    ...(expires === undefined ? {} : { expires }),
    ...(root === undefined ? {} : { root }),
    ...(output === undefined ? {} : { output }),
    ...(form === undefined ? {} : { form: form === 'tuf' ? 'tuf' : 'device' }),
    ...(rule === undefined ? {} : { keyIdRule: rule === 'tuf' ? 'tuf' : 'der' }),
    ...(typeof roleVersion === 'number' ? { roleVersion } : {}),
  };
}

/** The texts of a repeatable option. */
export function readList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** An option of one command that may be given several times. */
export function listOption(flags: string, description: string): () => Option {
  const [name = ''] = flags.split(' ');
  return () => new Option(flags, description).argParser(listOf(name));
}

/** Throws USAGE where an option that a command cannot do without is missing. */
export function requireOption(value: unknown, flag: string, what: string): void {
  if (Array.isArray(value) ? value.length > 0 : value !== undefined) return;
  throw new RebundleError('USAGE', `${flag} is missing: ${what}`);
}
