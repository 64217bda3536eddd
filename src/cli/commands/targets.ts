import { resolve } from 'node:path';
import { RebundleError } from '../../errors.ts';
import { finding } from '../../lib/finding.ts';
import type { Diagnostic } from '../../model/app.ts';
import { judgeExpiry } from '../../targets/expiry.ts';
import { readPublicKey } from '../../targets/keys.ts';
import type { TargetsSigners } from '../../targets/root-role.ts';
import {
  attachSignature,
  exportRole,
  findValidSigners,
  readRole,
  readSignature,
  signTargets,
} from '../../targets/sign.ts';
import { parseTargetsFile } from '../../targets/targets-file.ts';
import { readCreatedAt } from '../clock.ts';
import type { CommandDefinition, CommandResult, Invocation } from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { formatFinding } from '../finding-lines.ts';
import { writeOutput } from '../output.ts';
import { loadSigners, loadSigning, loadTargets, readGiven } from '../tuf-files.ts';
import {
  FORM_OPTION,
  KEY_ID_OPTION,
  listOption,
  OUTPUT_OPTION,
  ROLE_VERSION_OPTION,
  ROOT_OPTION,
  readList,
  readTufFlags,
  requireOption,
  SIGNING_OPTIONS,
} from '../tuf-options.ts';

const FILE = { name: 'file', description: 'the targets file; - is standard input' } as const;
const STATUSES = [0, 1, 4, 130] as const;

export const TARGETS_EXPORT: CommandDefinition = {
  name: 'targets export',
  summary: 'write the exact bytes of a targets file that are to be signed',
  operands: [FILE],
  options: [],
  own: [...SIGNING_OPTIONS.slice(1), ROLE_VERSION_OPTION, FORM_OPTION, OUTPUT_OPTION],
  example: 'rebundle targets export out/targets.json --expires 2031-01-31T00:00:00Z -o unsigned.json',
  statuses: STATUSES,
  run: async (invocation, environment) => {
    const [path = ''] = invocation.operands;
    const flags = readTufFlags(invocation);
    const file = await loadTargets(path, environment);
    const role = exportRole(file, {
      form: flags.form ?? 'device',
      now: readCreatedAt(environment.env, environment.now),
      ...(flags.expires === undefined ? {} : { expires: flags.expires }),
      ...(flags.roleVersion === undefined ? {} : { version: flags.roleVersion }),
    });
    return finish(new TextEncoder().encode(role), { output: flags.output, environment });
  },
};

export const TARGETS_ATTACH: CommandDefinition = {
  name: 'targets attach',
  summary: 'put signatures to what targets export wrote, or to a file that has some already',
  operands: [FILE],
  options: [],
  own: [
    listOption('--signature <file>', 'a signature in hex, base64 or bytes (repeatable)'),
    listOption('--keyid <id>', 'id of the key of the signature, in the same order (repeatable)'),
    listOption('--public-key <file>', 'key that verifies the signature, in the same order (repeatable)'),
    ROOT_OPTION,
    FORM_OPTION,
    OUTPUT_OPTION,
  ],
  example:
    'rebundle targets attach unsigned.json --signature role.sig --keyid 5a1f... --root root.json -o targets.json',
  statuses: STATUSES,
  run: attach,
};

export const TARGETS_SIGN: CommandDefinition = {
  name: 'targets sign',
  summary: 'raise the version of a targets file and sign it',
  operands: [FILE],
  options: [],
  own: [...SIGNING_OPTIONS, ROLE_VERSION_OPTION, KEY_ID_OPTION, ROOT_OPTION, FORM_OPTION, OUTPUT_OPTION],
  example: 'rebundle targets sign targets.json --sign-key targets.pem --expires 2031-01-31T00:00:00Z -o targets.json',
  statuses: STATUSES,
  run: async (invocation, environment) => {
    const [path = ''] = invocation.operands;
    const flags = readTufFlags(invocation);
    requireOption(flags.signKeys, '--sign-key', 'name the file of a private key');
    const file = await loadTargets(path, environment);
    const signing = await loadSigning(flags, environment);
    return finish(signTargets(file, signing), { output: flags.output, environment, signers: signing.signers });
  },
};

async function attach(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const [path = ''] = invocation.operands;
  const flags = readTufFlags(invocation);
  const [signatures, ids, keys] = [invocation.own.signature, invocation.own.keyid, invocation.own.publicKey].map(
    readList,
  );
  requireOption(signatures, '--signature', 'name the file of a signature');
  if (signatures?.length !== ids?.length) {
    throw new RebundleError('USAGE', 'each --signature needs its --keyid, and each --keyid its --signature');
  }
  const signers = flags.root === undefined ? undefined : await loadSigners(flags.root, environment);
  let bytes: Uint8Array = await readGiven(path, environment);
  for (const [index, name] of (signatures ?? []).entries()) {
    const keyid = ids?.[index] ?? '';
    const named = keys?.[index];
    const publicKey =
      named === undefined
        ? signers?.keys.get(keyid)
        : readPublicKey((await readGiven(named, environment)).toString('utf8'), named);
    if (signers !== undefined && publicKey === undefined) {
      throw new RebundleError('TARGETS_SIGNATURE', `the root role does not name the key ${keyid} for targets`);
    }
    bytes = attachSignature(parseTargetsFile(bytes, path), {
      keyid,
      signature: readSignature(await readGiven(name, environment), name),
      form: flags.form ?? 'device',
      ...(publicKey === undefined ? {} : { publicKey }),
    });
  }
  return finish(bytes, { output: flags.output, environment, signers });
}

interface Ending {
  readonly output: string | undefined;
  readonly environment: CliEnvironment;
  readonly signers?: TargetsSigners | undefined;
}

/** Writes the result, and tells of what will be missing soon. */
async function finish(bytes: Uint8Array, { output, environment, signers }: Ending): Promise<CommandResult> {
  for (const diagnostic of judgeResult(bytes, environment, signers)) {
    environment.writeError(formatFinding(diagnostic));
  }
  if (output === undefined) return { status: 0, stdout: bytes };
  await writeOutput(resolve(environment.cwd, output), bytes);
  return { status: 0 };
}

function judgeResult(
  bytes: Uint8Array,
  environment: CliEnvironment,
  signers: TargetsSigners | undefined,
): Diagnostic[] {
  const file = parseTargetsFile(bytes, 'the result');
  const { expires } = readRole(file);
  const found: Diagnostic[] = [];
  if (judgeExpiry(String(expires), readCreatedAt(environment.env, environment.now)) === 'soon') {
    found.push(finding('targets.expires-soon', `the targets expire at ${String(expires)}`));
  }
  if (signers === undefined) return found;
  const valid = findValidSigners(file, signers).length;
  if (valid < signers.threshold) {
    const message = `${valid} of ${signers.threshold} signatures that the root role asks for are there`;
    found.push(finding('targets.threshold', message));
  }
  return found;
}
