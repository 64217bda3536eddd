import type { Config } from '../config.ts';
import { RebundleError } from '../errors.ts';
import { encodeJson, escapeTerminal } from '../lib/escape-text.ts';
import { parseReference } from '../lib/reference.ts';
import type { Severity } from '../model/findings.ts';
import type { Reference } from '../model/oci.ts';
import { type BundleVerdict, verifyBundles } from '../pipeline/verify.ts';
import type { Registry } from '../registry/registry.ts';
import { countOf } from '../report/wording.ts';
import type { CommandResult, Invocation } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { combineStatus } from './exit-status.ts';
import { formatFinding } from './finding-lines.ts';
import { type Places, withPlaces } from './places.ts';
import { resultStatus } from './session.ts';
import { prepareSetup } from './setup.ts';

/** Parses an operand that has to name a bundle. Throws USAGE. */
export function readBundleReference(text: string): Reference {
  let reference: Reference;
  try {
    reference = parseReference(text);
  } catch (error) {
    if (!(error instanceof RebundleError)) throw error;
    throw new RebundleError('USAGE', error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  throw new RebundleError('USAGE', `${escapeTerminal(text)} has neither a tag nor a digest`, {
    hint: 'Add @sha256:... as targets write it, or a tag.',
  });
}

/** Where bundles of a host are: where they are published to, or copied to from there; a host that a flag gives a place is there alone. */
export function bundlePlaces(
  config: Pick<Config, 'publish' | 'registry'>,
  flags: Pick<Invocation['flags'], 'registries'>,
  { open, imageRegistry }: Pick<Places, 'open' | 'imageRegistry'>,
): (host: string) => readonly [Registry, ...Registry[]] {
  const { to } = config.publish;
  return (host) => {
    const isOwn = config.registry === undefined || config.registry === host;
    const isPublished = to !== undefined && isOwn && !flags.registries.has(host);
    return isPublished ? [open(to, 'pull'), imageRegistry(host)] : [imageRegistry(host)];
  };
}

/** Checks published bundles: a block for each on standard output, what they come to on standard error. */
export async function verifyReferences(
  texts: readonly string[],
  invocation: Invocation,
  environment: CliEnvironment,
): Promise<CommandResult> {
  const references = texts.map(readBundleReference);
  const { config } = await prepareSetup({ ...invocation, paths: [] }, environment);
  const { flags } = invocation;
  const verdicts = await withPlaces({ config, environment, emit: () => {} }, (places) =>
    verifyBundles({
      references,
      registriesOf: bundlePlaces(config, flags, places),
      imageRegistry: places.imageRegistry,
      platforms: flags.platforms,
      concurrency: config.publish.concurrency,
      signal: environment.signal,
    }),
  );
  const findings = verdicts.flatMap((verdict) => verdict.findings);
  const failed = findings.some(({ severity }) => severity === 'error');
  if (flags.verbosity !== 'quiet') {
    const good = verdicts.filter((verdict) => countErrors(verdict) === 0).length;
    environment.writeError(`${good} of ${countOf(verdicts.length, 'bundle')} can be installed\n`);
  }
  return {
    status: combineStatus(failed ? 1 : 0, resultStatus([], flags.errorOn, findings)),
    stdout: flags.json ? `${encodeJson(verdicts, 2)}\n` : verdicts.map(formatVerdict).join(''),
  };
}

function countErrors({ findings }: BundleVerdict): number {
  return findings.filter(({ severity }) => severity === 'error').length;
}

function formatVerdict(verdict: BundleVerdict): string {
  const { reference, pinned, files, images, platforms, findings } = verdict;
  const count = (severity: Severity): number => findings.filter((found) => found.severity === severity).length;
  const errors = count('error');
  const counts = [countOf(errors, 'error'), countOf(count('warning'), 'warning'), countOf(count('note'), 'note')];
  const facts = [
    countOf(files, 'file'),
    countOf(images.length, 'image'),
    ...(platforms.length === 0 ? [] : [platforms.join(' ')]),
  ];
  return [
    `${escapeTerminal(reference)}: ${errors === 0 ? 'good' : 'not good'} (${counts.join(', ')})\n`,
    ...(pinned === undefined || pinned === reference ? [] : [`  is ${escapeTerminal(pinned)}\n`]),
    ...(pinned === undefined ? [] : [`  ${escapeTerminal(facts.join(', '))}\n`]),
    ...findings.map((found) => formatFinding(found).replace(/^/gm, '  ').replace(/ +$/, '')),
  ].join('');
}
