import type { ComposeLayers } from '../bundle/assemble-bundle.ts';
import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { MAX_ENV_FILES } from '../bundle/limits.ts';
import { type ComposeFile, readComposeFile } from '../compose/compose-file.ts';
import { writeRegistryCompose } from '../compose/registry-compose.ts';
import { finding } from '../lib/finding.ts';
import type { BundleFile, Diagnostic } from '../model/app.ts';

/** What Docker Compose runs straight from the registry, or the finding that says why an app has no such form. */
export async function planComposeLayers(input: {
  readonly name: string;
  /** The published compose text and the file that it was made from. */
  readonly text: string;
  readonly file: ComposeFile;
  readonly files: readonly BundleFile[];
}): Promise<{ readonly layers?: ComposeLayers; readonly diagnostics: readonly Diagnostic[] }> {
  const { name, text, files } = input;
  const file = readComposeFile({ text, path: COMPOSE_FILE, line: 1 }, { origin: input.file.origin });
  const made = await writeRegistryCompose({ name, file, files });
  if ('reasons' in made) return { diagnostics: [noLayer(made.reasons)] };
  if (made.envFiles.length > MAX_ENV_FILES) {
    return { diagnostics: [noLayer([`its manifest has no room for more than ${MAX_ENV_FILES} environment files`])] };
  }
  return { layers: made, diagnostics: [] };
}

function noLayer(reasons: readonly string[]): Diagnostic {
  const message = `docker compose -f oci:// cannot run the bundle: ${reasons.join('; ')}`;
  return finding('bundle.no-docker-compose', message);
}
