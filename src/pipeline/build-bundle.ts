import { assembleBundle } from '../bundle/assemble-bundle.ts';
import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { MAX_HELD_BYTES } from '../bundle/limits.ts';
import { findUnusedFiles } from '../bundle/unused-files.ts';
import { readComposeFile } from '../compose/compose-file.ts';
import { pinCompose } from '../compose/pin.ts';
import type { Config } from '../config.ts';
import { keepFirst, once } from '../lib/bytes.ts';
import { digestOf, digestStream } from '../lib/digest.ts';
import type { AppBundle, BundleFile, ComposeApp, Diagnostic } from '../model/app.ts';
import { planComposeLayers } from './compose-layer.ts';
import type { ConvertedApp } from './migration.ts';

/** A bundle, and what its making told. */
interface MadeBundle {
  readonly bundle: AppBundle;
  /** Without docker-compose.yml. */
  readonly files: readonly BundleFile[];
  /** Of the compose file. */
  readonly version: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Pins the compose text of an app to `images` by service and makes its bundle; `pins` are what the next run is to keep. */
export async function buildBundle(
  converted: ConvertedApp,
  app: ComposeApp,
  pinning: {
    readonly images: ReadonlyMap<string, string>;
    readonly pins: readonly { readonly reference: string; readonly pinned: string }[];
    readonly config: Config;
  },
): Promise<MadeBundle> {
  const { name } = converted;
  const { images, pins, config } = pinning;
  const { registry = '', factory = '' } = config;
  const files = await readSupportFiles(converted);
  const origin = converted.location.kind === 'compose' ? 'compose' : 'docker-app';
  const file = readComposeFile({ text: app.composeText, path: COMPOSE_FILE, line: 1 }, { origin });
  const fileDigests = new Map(files.map(({ path, digest }) => [path, digest]));
  const pinned = pinCompose({ file, images, fileDigests, pins });
  const compose = Buffer.from(pinned.text);
  const composeFile: BundleFile = {
    path: COMPOSE_FILE,
    executable: false,
    size: compose.byteLength,
    digest: digestOf(compose),
    open: () => once(compose),
  };
  const dockerCompose = config.bundle.dockerCompose
    ? await planComposeLayers({ name, text: pinned.text, file, files })
    : { diagnostics: [] };
  const bundle = await assembleBundle({
    name,
    registry,
    repository: `${factory}/${name}`,
    files: [composeFile, ...files],
    ...(dockerCompose.layers === undefined ? {} : { compose: dockerCompose.layers }),
  });
  const unused = findUnusedFiles(files, app.references);
  const diagnostics = [...pinned.diagnostics, ...dockerCompose.diagnostics, ...unused];
  return { bundle, files, version: file.version, diagnostics };
}

/** Support files with their size and digest as they are read, not as they are listed. */
async function readSupportFiles({ files, source }: ConvertedApp): Promise<BundleFile[]> {
  const read: BundleFile[] = [];
  for (const { path, source: from, executable } of files) {
    const chunks: Uint8Array[] = [];
    const found = await digestStream(keepFirst(source.open(from), chunks, MAX_HELD_BYTES));
    const bytes = found.size <= MAX_HELD_BYTES ? Buffer.concat(chunks) : undefined;
    const open = (): AsyncIterable<Uint8Array> => (bytes === undefined ? source.open(from) : once(bytes));
    read.push({ path, executable, ...found, open });
  }
  return read;
}
