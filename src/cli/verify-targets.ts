import { join, resolve } from 'node:path';
import { RebundleError } from '../errors.ts';
import { encodeJson, escapeTerminal } from '../lib/escape-text.ts';
import type { Severity } from '../model/findings.ts';
import { lintPackages } from '../pipeline/lint-packages.ts';
import { lintReachable } from '../pipeline/lint-reachable.ts';
import { lintTargets } from '../targets/lint.ts';
import type { LintFinding, LintReport } from '../targets/lint-context.ts';
import { findNameProblem } from '../targets/target-name.ts';
import type { TargetsFile } from '../targets/targets-file.ts';
import { readCreatedAt } from './clock.ts';
import type { CommandResult, Invocation } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { combineStatus, type ExitStatus } from './exit-status.ts';
import { formatFinding } from './finding-lines.ts';
import { readOptional } from './output.ts';
import { withPlaces } from './places.ts';
import { offlineContext, resultStatus } from './session.ts';
import { prepareSetup } from './setup.ts';
import { loadSigners, loadTargets } from './tuf-files.ts';
import { readList, readTufFlags } from './tuf-options.ts';

interface Verified {
  readonly file: TargetsFile;
  readonly findings: readonly LintFinding[];
}

/** Lints targets files: findings on standard output, what they come to on standard error. */
export async function verifyTargets(
  paths: readonly string[],
  invocation: Invocation,
  environment: CliEnvironment,
): Promise<CommandResult> {
  for (const name of ['older', 'files']) {
    const given = readList(invocation.own[name]);
    if (given.length > 1) throw new RebundleError('USAGE', `--${name} is given twice`);
    if (given.length > 0 && paths.length > 1) throw new RebundleError('USAGE', `--${name} is for one targets file`);
  }
  const results: Verified[] = [];
  for (const path of paths) results.push(await verifyFile(path, invocation, environment));
  const { errorOn, json, verbosity } = invocation.flags;
  if (verbosity !== 'quiet') for (const result of results) environment.writeError(summarize(result));
  const lines = results.flatMap(({ findings }) => findings.map(({ diagnostic }) => formatFinding(diagnostic)));
  return {
    status: combineStatus(...results.map(({ findings }) => statusOf(findings, errorOn))),
    stdout: json ? `${encodeJson(results.map(describeResult), 2)}\n` : lines.join(''),
  };
}

async function verifyFile(path: string, invocation: Invocation, environment: CliEnvironment): Promise<Verified> {
  const { own, flags } = invocation;
  const file = await loadTargets(path, environment);
  const [older] = readList(own.older);
  const [folder] = readList(own.files);
  const { root } = readTufFlags(invocation);
  const packages =
    folder === undefined ? undefined : await lintPackages(file, (name) => readFileTarget(folder, name, environment));
  const reached = own.reachable === true ? await reach(file, invocation, environment) : [];
  const findings = lintTargets(file, {
    now: readCreatedAt(environment.env, environment.now),
    own: new Set(readList(own.own)),
    removed: new Set(flags.removeApps),
    more: [...(packages?.reports ?? []), ...reached],
    ...(packages === undefined ? {} : { files: packages.files }),
    ...(older === undefined ? {} : { older: await loadTargets(older, environment) }),
    ...(root === undefined ? {} : { signers: await loadSigners(root, environment) }),
  });
  return { file, findings };
}

/** A name that leads out of the folder has a finding of its own; nothing is read for it. */
async function readFileTarget(
  folder: string,
  name: string,
  environment: CliEnvironment,
): Promise<Uint8Array | undefined> {
  if (findNameProblem(name) !== undefined) return undefined;
  return readOptional(join(resolve(environment.cwd, folder), name));
}

async function reach(file: TargetsFile, invocation: Invocation, environment: CliEnvironment): Promise<LintReport[]> {
  const setup = await prepareSetup({ ...invocation, paths: [] }, environment);
  const { config } = setup;
  const emit = (): void => {};
  return withPlaces({ config, environment, emit }, (places) => {
    const { imageRegistry } = places;
    const { to } = config.publish;
    const context = { ...offlineContext(setup, environment, emit), imageRegistry };
    // Bundles are where they are published to, and from there they may have been copied to where devices ask.
    return lintReachable(file, context, (host) =>
      to === undefined ? [imageRegistry(host)] : [places.open(to, 'pull'), imageRegistry(host)],
    );
  });
}

function statusOf(findings: readonly LintFinding[], errorOn: Severity): ExitStatus {
  const diagnostics = findings.map(({ diagnostic }) => diagnostic);
  const failed = diagnostics.some(({ severity }) => severity === 'error');
  return combineStatus(failed ? 1 : 0, resultStatus([], errorOn, diagnostics));
}

function countFindings({ findings }: Verified): Readonly<Record<Severity, number>> {
  const count = (severity: Severity): number =>
    findings.filter(({ diagnostic }) => diagnostic.severity === severity).length;
  return { error: count('error'), warning: count('warning'), note: count('note') };
}

function summarize(result: Verified): string {
  const { error, warning, note } = countFindings(result);
  const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
  const { path, targets } = result.file;
  return `${escapeTerminal(path)}: ${plural(targets.size, 'target')}, ${plural(error, 'error')}, ${plural(warning, 'warning')}, ${plural(note, 'note')}\n`;
}

function describeResult(result: Verified): unknown {
  return {
    path: result.file.path,
    targets: result.file.targets.size,
    counts: countFindings(result),
    findings: result.findings.map(({ diagnostic, target }) => ({
      ...(target === undefined ? {} : { target }),
      ...diagnostic,
    })),
  };
}
