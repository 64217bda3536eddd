import { basename, relative, resolve } from 'node:path';
import { Option } from 'commander';
import { parseValue } from '../../config.ts';
import { RebundleError } from '../../errors.ts';
import { encodeJson, escapeTerminal } from '../../lib/escape-text.ts';
import type { Place } from '../../lib/place.ts';
import { type PullOutcome, pullBundle } from '../../pipeline/pull.ts';
import { countOf, formatBytes } from '../../report/wording.ts';
import { type CommandDefinition, type CommandResult, type Invocation, PROGRESS } from '../command.ts';
import type { CliEnvironment } from '../environment.ts';
import { withPlaces } from '../places.ts';
import { withReporter } from '../session.ts';
import { prepareSetup } from '../setup.ts';
import { bundlePlaces, readBundleReference } from '../verify-bundles.ts';

export const PULL: CommandDefinition = {
  name: 'pull',
  summary: 'fetch a bundle, check it whole, and unpack it into a folder that docker compose runs',
  operands: [{ name: 'ref', description: 'reference of the bundle, with a digest or tag' }],
  options: ['config', 'registry', 'platform', 'json', ...PROGRESS],
  own: [
    () =>
      new Option(
        '-o, --output <dir>',
        'folder for the bundle, replaced as a whole (default: the name of the app)',
      ).argParser((text) => parseValue('path', text, '--output')),
    () =>
      new Option('--from <place>', 'where the bundle is read: oci-layout:DIR or a host').argParser((text) =>
        parseValue('place', text, '--from'),
      ),
    () =>
      new Option('--images <place>', 'copy the images of its services, too, into oci-layout:DIR').argParser((text) =>
        parseValue('place', text, '--images'),
      ),
  ],
  example: 'rebundle pull hub.example/factory/app@sha256:... -o app',
  statuses: [0, 1, 4, 130],
  run: pull,
};

async function pull(invocation: Invocation, environment: CliEnvironment): Promise<CommandResult> {
  const { flags, own, operands } = invocation;
  const reference = readBundleReference(operands[0] ?? '');
  const layout = readLayout(own.images as Place | undefined);
  if (flags.platforms.length > 0 && layout === undefined) {
    throw new RebundleError('USAGE', '--platform chooses among images', { hint: 'Add --images oci-layout:DIR.' });
  }
  const from = own.from as Place | undefined;
  const { cwd } = environment;
  const app = reference.repository.slice(reference.repository.lastIndexOf('/') + 1);
  const destination = resolve(cwd, typeof own.output === 'string' ? own.output : app);
  const setup = await prepareSetup(invocation, environment);
  const { config } = setup;
  return withReporter(invocation, environment, { ...setup, sources: [] }, (emit) =>
    withPlaces({ config, environment, emit }, async (places) => {
      const { imageRegistry, open } = places;
      const outcome = await pullBundle({
        reference,
        registries:
          from === undefined
            ? bundlePlaces(config, flags, places)(reference.registry)
            : [open(inFolder(from, cwd), 'pull')],
        destination,
        ...(layout === undefined
          ? {}
          : {
              images: {
                to: open(inFolder(layout, cwd), 'push'),
                // A place that is named holds the images, too, unless one is named for them.
                from: (host) =>
                  from === undefined || flags.registries.has(host)
                    ? imageRegistry(host)
                    : open(inFolder(from, cwd), 'pull'),
                nameOf: (name) => name,
                platforms: flags.platforms,
              },
            }),
        emit,
        concurrency: config.publish.concurrency,
        signal: environment.signal,
      });
      const shown = relative(cwd, destination) || '.';
      const stdout = flags.json ? `${encodeJson(outcome, 2)}\n` : `${escapeTerminal(shown)}\n`;
      return { status: 0, stdout, results: [], bytesSent: outcome.bytesSent, summary: summarize(outcome, shown) };
    }),
  );
}

/** Places of flags are relative to the current folder. */
function inFolder(place: Place, cwd: string): Place {
  return place.kind === 'oci-layout' ? { ...place, directory: resolve(cwd, place.directory) } : place;
}

function readLayout(place: Place | undefined): Extract<Place, { kind: 'oci-layout' }> | undefined {
  if (place === undefined || place.kind === 'oci-layout') return place;
  throw new RebundleError('USAGE', '--images takes oci-layout:DIR', {
    hint: 'rebundle copy --images copies to a registry.',
  });
}

/** Containers and volumes are named after the folder on devices, whose name is that of the app. */
function summarize({ app, reference, files, copied, destination }: PullOutcome, folder: string): string {
  const bytes = formatBytes(files.reduce((sum, { size }) => sum + size, 0));
  const images = copied === 0 ? '' : `, ${countOf(copied, 'image')} copied`;
  const quoted = /^[\w./-]+$/.test(folder) ? folder : `'${escapeTerminal(folder).replaceAll("'", "'\\''")}'`;
  const project = basename(destination) === app ? '' : ` -p ${app}`;
  return `${escapeTerminal(app)}: ${countOf(files.length, 'file')}, ${bytes}${images}, from ${reference}\nNext: cd ${quoted} && docker compose${project} up -d`;
}
