import { resolve } from 'node:path';
import { Option } from 'commander';
import { parseValue } from '../../config.ts';
import { RebundleError } from '../../errors.ts';
import { encodeJson } from '../../lib/escape-text.ts';
import { type Place, parsePlace } from '../../lib/place.ts';
import { formatReference, parseReference, repositoryOf } from '../../lib/reference.ts';
import type { Reference } from '../../model/oci.ts';
import { type CopiedReference, type CopyOutcome, copyReference } from '../../pipeline/copy.ts';
import type { RepositoryName } from '../../registry/registry.ts';
import { countOf, formatBytes } from '../../report/wording.ts';
import { type CommandDefinition, type CommandResult, type Invocation, PROGRESS } from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { withPlaces } from '../places.ts';
import { withReporter } from '../session.ts';
import { prepareSetup } from '../setup.ts';

export const COPY: CommandDefinition = {
  name: 'copy',
  summary: 'copy a bundle, with its file index and by option its images, between registries and OCI layouts',
  operands: [
    { name: 'src', description: 'reference of the bundle, with a tag or digest' },
    { name: 'dst', description: 'where to: a reference, oci-layout:DIR or a host' },
  ],
  options: ['config', 'to', 'registry', 'platform', 'json', ...PROGRESS],
  own: [
    () => new Option('--from <place>', 'where SRC is read: oci-layout:DIR or a host').argParser(placeFlag('--from')),
    () => new Option('--images', 'copy the images of its services, too'),
    () => new Option('--force', 'move the tag where it names something else'),
  ],
  example: 'rebundle copy hub.example/factory/app@sha256:... oci-layout:stick --images',
  statuses: [0, 1, 4, 130],
  run: copy,
};

function placeFlag(flag: string) {
  return (text: string): unknown => parseValue('place', text, flag);
}

async function copy(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const { flags, own, operands } = invocation;
  const withImages = own.images === true;
  if (flags.platforms.length > 0 && !withImages) {
    throw new RebundleError('USAGE', '--platform chooses among images', { hint: 'Add --images.' });
  }
  const source = readSource(operands[0] ?? '');
  const absolute = (place: Place): Place =>
    place.kind === 'oci-layout' ? { ...place, directory: resolve(environment.cwd, place.directory) } : place;
  const target = readTarget(operands[1] ?? '', source, flags.to);
  const to = absolute(target.place);
  const setup = await prepareSetup(invocation, environment);
  const { config } = setup;
  const named = own.from as Place | undefined;
  const placeOf = (host: string): Place => config.registries.get(host) ?? { kind: 'registry', host };
  const given = named === undefined ? undefined : absolute(named);
  const from = given ?? placeOf(source.registry);
  // A place that is named holds the images, too, unless one is named for them.
  const imagePlaceOf = (host: string): Place => (flags.registries.has(host) ? placeOf(host) : (given ?? placeOf(host)));
  return withReporter(invocation, environment, { ...setup, sources: [] }, (emit) =>
    withPlaces({ config, environment, emit }, async (places) => {
      const outcome = await copyReference({
        source,
        from: places.open(from, 'pull'),
        destination: target.nameOf(repositoryOf(source)),
        ...(target.tag === undefined ? {} : { tag: target.tag }),
        to: places.open(to, 'push'),
        force: own.force === true,
        sameHost: from.kind === 'registry' && to.kind === 'registry' && from.host === to.host,
        ...(withImages
          ? {
              images: {
                from: (host) => places.open(imagePlaceOf(host), 'pull'),
                nameOf: target.imageNameOf,
                platforms: flags.platforms,
              },
            }
          : {}),
        emit,
        concurrency: config.publish.concurrency,
        signal: environment.signal,
      });
      const stdout = flags.json ? `${encodeJson(describeOutcome(outcome), 2)}\n` : formatRows(outcome);
      return { status: 0, stdout, results: [], bytesSent: outcome.bytesSent, summary: summarize(outcome) };
    }),
  );
}

function readSource(text: string): Reference {
  const source = parseOperand(text, 'SRC');
  if (source.tag !== undefined || source.digest !== undefined) return source;
  throw new RebundleError('USAGE', `SRC ${formatReference(source)} has neither a tag nor a digest`, {
    hint: 'Add @sha256:... as targets write it, or a tag.',
  });
}

interface Target {
  readonly place: Place;
  readonly tag?: string;
  /** The name of the bundle at the destination. */
  readonly nameOf: (name: RepositoryName) => RepositoryName;
  readonly imageNameOf: (name: RepositoryName) => RepositoryName;
}

/** A layout keeps full names; a host has the same repositories under its own; a reference says the name of the bundle itself. */
function readTarget(text: string, source: Reference, to: Place | undefined): Target {
  const place = parsePlace(text);
  if (place?.kind === 'memory') throw new RebundleError('USAGE', 'DST memory: keeps nothing');
  if (place !== undefined) {
    if (to !== undefined) throw new RebundleError('USAGE', '--to goes with a DST that is a reference');
    const nameOf = ({ registry, repository }: RepositoryName): RepositoryName => ({
      registry: place.kind === 'registry' ? place.host : registry,
      repository,
    });
    return { place, nameOf, imageNameOf: nameOf };
  }
  const { registry, repository, tag, digest } = parseOperand(text, 'DST');
  if (digest !== undefined && digest !== source.digest) {
    throw new RebundleError('USAGE', 'DST has another digest than SRC', {
      hint: 'Leave it out: a copy keeps its digest.',
    });
  }
  return {
    place: to ?? { kind: 'registry', host: registry },
    ...(tag === undefined ? {} : { tag }),
    nameOf: () => ({ registry, repository }),
    imageNameOf: (name) => ({ registry, repository: name.repository }),
  };
}

function parseOperand(text: string, operand: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!(error instanceof RebundleError)) throw error;
    throw new RebundleError(
      'USAGE',
      `${operand}: ${error.message}`,
      error.hint === undefined ? {} : { hint: error.hint },
    );
  }
}

/** The bundle first: what it is called there, then its images. */
function formatRows({ images, ...bundle }: CopyOutcome): string {
  return [bundle, ...images]
    .map(({ source, destination }) => `${formatReference(source)}\t${formatReference(destination)}\n`)
    .join('');
}

function describeOutcome({ images, ...outcome }: CopyOutcome): unknown {
  const describe = ({ source, destination, tag }: CopiedReference) => ({
    source: formatReference(source),
    destination: formatReference(destination),
    tag,
  });
  const { blobsSent, blobsMounted, manifestsSent, bytesSent, isBundle } = outcome;
  return {
    ...describe(outcome),
    bundle: isBundle,
    images: images.map(describe),
    sent: { blobs: blobsSent, mounted: blobsMounted, manifests: manifestsSent, bytes: bytesSent },
  };
}

function summarize({ isBundle, images, blobsSent, blobsMounted, manifestsSent, bytesSent }: CopyOutcome): string {
  const what = `${isBundle ? 'bundle' : 'image'}${images.length === 0 ? '' : ` and ${countOf(images.length, 'image')}`}`;
  if (manifestsSent + blobsSent + blobsMounted === 0) return `Nothing to send, the destination has the ${what}.`;
  const mounted = blobsMounted === 0 ? '' : `; ${countOf(blobsMounted, 'blob')} taken over from another repository`;
  const sent = `${countOf(manifestsSent, 'manifest')} and ${countOf(blobsSent, 'blob')}, ${formatBytes(bytesSent)}`;
  return `Copied the ${what}: sent ${sent}${mounted}.`;
}
