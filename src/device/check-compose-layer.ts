import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { type ComposeFile, readComposeFile } from '../compose/compose-file.ts';
import { listServiceImages } from '../compose/images.ts';
import { projectName, writeRegistryCompose } from '../compose/registry-compose.ts';
import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { encodeJson } from '../lib/escape-text.ts';
import { finding } from '../lib/finding.ts';
import { effectivePairs } from '../lib/yaml.ts';
import type { BundleBlob, BundleFile, Diagnostic } from '../model/app.ts';
import { MEDIA_TYPES } from '../model/oci.ts';

/**
 * Compares the layers that Docker Compose runs straight from the registry with what devices run from the archive: the same services and images, and, in a
 * bundle of our form, the very text that the archive gives. `layers` are those of the manifest, in its order; none is fine.
 */
export async function checkComposeLayers(input: {
  readonly app: string;
  readonly file: ComposeFile;
  readonly files: readonly BundleFile[];
  readonly layers: readonly BundleBlob[];
  readonly isOwn: boolean;
}): Promise<Diagnostic[]> {
  const { layers } = input;
  if (layers.length === 0) return [];
  const wrong = (message: string): Diagnostic[] => [finding('verify.docker-compose', message)];
  const texts = layers.filter(({ descriptor }) => descriptor.mediaType === MEDIA_TYPES.composeFile);
  const [first] = texts;
  if (first === undefined) return wrong('the manifest has environment files for Docker Compose, but no compose file');
  // Further documents of other tools override the first one.
  if (texts.length > 1) return input.isOwn ? wrong('the manifest has two compose files for Docker Compose') : [];
  // The very text that the archive gives need not be read.
  if (input.isOwn && (await compareOwn(input, { name: input.app, bytes: first.bytes })).length === 0) return [];
  const read = readLayer(first);
  if (read === undefined) return wrong('the compose file for Docker Compose cannot be read');
  if (canonicalJson(imagesOf(read.file)) !== canonicalJson(imagesOf(input.file))) {
    return wrong('Docker Compose would run other services or images than devices do');
  }
  const findings = input.isOwn ? await compareOwn(input, read) : [];
  return [...findings, ...checkName(input.app, read.name)];
}

interface Layer {
  readonly file: ComposeFile;
  readonly name: string | undefined;
  readonly bytes: Uint8Array;
}

function readLayer({ bytes }: BundleBlob): Layer | undefined {
  const text = decodeUtf8(bytes);
  if (text === undefined) return undefined;
  try {
    const file = readComposeFile({ text, path: 'compose layer', line: 1 }, { origin: 'compose' });
    const name = effectivePairs(file.root).get('name')?.value;
    return { file, name: name?.kind === 'scalar' ? name.value : undefined, bytes };
  } catch (error) {
    if (error instanceof RebundleError) return undefined;
    throw error;
  }
}

function imagesOf(file: ComposeFile): Readonly<Record<string, string>> {
  return Object.fromEntries(listServiceImages(file).map(({ service, image }) => [service, image ?? '']));
}

async function compareOwn(
  { app, file, files, layers }: Parameters<typeof checkComposeLayers>[0],
  layer: Pick<Layer, 'name' | 'bytes'>,
): Promise<Diagnostic[]> {
  const wrong = (message: string): Diagnostic[] => [finding('verify.docker-compose', message)];
  if (files[0]?.path !== COMPOSE_FILE) return wrong(`${COMPOSE_FILE} is not the first file of the archive`);
  const others = files.filter(({ path }) => path !== COMPOSE_FILE);
  const made = await writeRegistryCompose({ name: layer.name ?? app, file, files: others });
  if ('reasons' in made) return wrong(`Docker Compose cannot run what the archive holds: ${made.reasons.join('; ')}`);
  if (made.text !== decodeUtf8(layer.bytes))
    return wrong('the compose file for Docker Compose is not what the archive says');
  const expected = made.envFiles.map(({ name, bytes }) => [name, Buffer.from(bytes).toString('base64')]);
  const found = layers
    .filter(({ descriptor }) => descriptor.mediaType === MEDIA_TYPES.composeEnvFile)
    .map(({ descriptor, bytes }) => [
      descriptor.annotations?.['com.docker.compose.envfile'] ?? '',
      Buffer.from(bytes).toString('base64'),
    ]);
  if (canonicalJson(expected) === canonicalJson(found)) return [];
  return wrong('the environment files for Docker Compose are not those of the archive');
}

/** A copy under another name keeps the project of the first one. */
function checkName(app: string, name: string | undefined): Diagnostic[] {
  const expected = projectName(app);
  if (name === expected) return [];
  const found = name === undefined ? 'after the current folder' : encodeJson(name);
  return [finding('verify.project-name', `Docker Compose names the project ${found}, devices ${encodeJson(expected)}`)];
}
