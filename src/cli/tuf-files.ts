import { resolve } from 'node:path';
import { type Config, isUrl } from '../config.ts';
import { RebundleError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { readSigningKey, type SigningKey } from '../targets/keys.ts';
import { readTargetsSigners, type TargetsSigners } from '../targets/root-role.ts';
import type { SigningOptions } from '../targets/sign.ts';
import { parseTargetsFile, type TargetsFile } from '../targets/targets-file.ts';
import { createFileTufRepo } from '../tufrepo/file.ts';
import { createHttpTufRepo } from '../tufrepo/http.ts';
import type { TufRepo } from '../tufrepo/tuf-repo.ts';
import { readCreatedAt } from './clock.ts';
import type { CliEnvironment } from './environment.ts';
import { readOptional } from './output.ts';
import type { Places } from './places.ts';
import type { TufFlags } from './tuf-options.ts';
import { createTufSend } from './tuf-send.ts';

type TargetsConfig = NonNullable<Config['targets']>;

const MAX_TOKEN_BYTES = 64 * 1024;

/** Opens the place of the targets: a file, or a server with its token, over the HTTP of the command. */
export async function openTufRepo(
  { repo, tokenHeader, tokenFile }: TargetsConfig,
  {
    environment,
    emit,
    http,
  }: { readonly environment: CliEnvironment; readonly emit: Emit; readonly http: Places['http'] },
): Promise<TufRepo> {
  if (!isUrl(repo)) return createFileTufRepo(resolve(environment.cwd, repo));
  const token = await readToken(tokenFile, environment);
  const credential =
    tokenHeader === undefined || tokenHeader.toLowerCase() === 'authorization'
      ? { header: 'authorization', value: `Bearer ${token}` }
      : { header: tokenHeader.toLowerCase(), value: token ?? '' };
  return createHttpTufRepo({
    url: new URL(repo),
    send: createTufSend(http().transport),
    emit,
    signal: environment.signal,
    ...(token === undefined ? {} : { credential }),
  });
}

/** The token for a TUF server: REBUNDLE_TUF_TOKEN, else the first line of a file. */
async function readToken(file: string | undefined, { env, cwd }: CliEnvironment): Promise<string | undefined> {
  let token = env.REBUNDLE_TUF_TOKEN;
  const name = token === undefined || token === '' ? 'targets.tokenFile' : 'REBUNDLE_TUF_TOKEN';
  if (token === undefined || token === '') {
    if (file === undefined) return undefined;
    const bytes = await readOptional(resolve(cwd, file));
    if (bytes === undefined) throw new RebundleError('CONFIG_INVALID', `targets.tokenFile: no such file, ${file}`);
    token = bytes.subarray(0, MAX_TOKEN_BYTES).toString('utf8').split('\n')[0]?.trim() ?? '';
  }
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new RebundleError(
    'CONFIG_INVALID',
    `${name} holds no token: expected one line of printable ASCII without blanks`,
  );
}

/** What a run signs with, by flags over the configuration; undefined where it does not sign. */
export async function loadRunSigning(
  { signing }: TargetsConfig,
  flags: TufFlags,
  environment: CliEnvironment,
): Promise<SigningOptions | undefined> {
  const keys = [...(signing?.keys ?? []), ...flags.signKeys];
  const expires = flags.expires ?? signing?.expires;
  if (keys.length === 0) {
    if (signing === undefined && flags.expires === undefined) return undefined;
    throw new RebundleError('CONFIG_INVALID', 'targets are to be signed but no key is given', {
      hint: 'Name key files in targets.signing.keys or with --sign-key.',
    });
  }
  return loadSigning(
    {
      signKeys: keys,
      ...(expires === undefined ? {} : { expires }),
      ...(signing === undefined ? {} : { form: signing.form }),
      ...(signing?.keyId === undefined ? {} : { keyIdRule: signing.keyId }),
      ...(signing?.root === undefined ? {} : { root: signing.root }),
    },
    environment,
  );
}

/** Reads keys and root role, and the clock. */
export async function loadSigning(flags: TufFlags, environment: CliEnvironment): Promise<SigningOptions> {
  const keys: SigningKey[] = [];
  for (const path of flags.signKeys) {
    const key = readSigningKey((await readGiven(path, environment)).toString('utf8'), path);
    if (keys.some(({ spki }) => spki === key.spki)) throw new RebundleError('USAGE', `the key ${path} is given twice`);
    keys.push(key);
  }
  const signers = flags.root === undefined ? undefined : await loadSigners(flags.root, environment);
  return {
    keys,
    form: flags.form ?? 'device',
    now: readCreatedAt(environment.env, environment.now),
    ...(flags.expires === undefined ? {} : { expires: flags.expires }),
    ...(flags.roleVersion === undefined ? {} : { version: flags.roleVersion }),
    ...(flags.keyIdRule === undefined ? {} : { keyIdRule: flags.keyIdRule }),
    ...(signers === undefined ? {} : { signers }),
  };
}

export async function loadSigners(path: string, environment: CliEnvironment): Promise<TargetsSigners> {
  return readTargetsSigners(await readGiven(path, environment), path);
}

export async function loadTargets(path: string, environment: CliEnvironment): Promise<TargetsFile> {
  return parseTargetsFile(await readGiven(path, environment), path);
}

/** A file that was named, or standard input for `-`. Throws USAGE where it is not there. */
export async function readGiven(path: string, environment: CliEnvironment): Promise<Buffer> {
  if (path === '-') {
    if (environment.readInput !== undefined) return environment.readInput();
    throw new RebundleError('USAGE', 'standard input cannot be read here');
  }
  const bytes = await readOptional(resolve(environment.cwd, path));
  if (bytes === undefined) throw new RebundleError('USAGE', `${path}: no such file`);
  return bytes;
}
