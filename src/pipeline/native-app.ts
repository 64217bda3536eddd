import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { readComposeFile } from '../compose/compose-file.ts';
import { listFileReferences } from '../compose/file-references.ts';
import { listServiceImages } from '../compose/images.ts';
import { validateSpec } from '../compose/spec-validate.ts';
import { validateCompose } from '../compose/validate.ts';
import { MAX_PACKAGE_FILE } from '../dockerapp/split.ts';
import { RebundleError } from '../errors.ts';
import { decodeUtf8 } from '../lib/bytes.ts';
import type { AppPackage, ComposeApp, DocumentPart, PackageLocation, SourceOrigin } from '../model/app.ts';
import { type ConvertedApp, type MigrationRequest, type ScannedSource, sortDiagnostics } from './migration.ts';
import { findSupportFiles, readsFiles } from './support-files.ts';

type NativeApp = Required<Pick<ConvertedApp, 'pkg' | 'app' | 'files' | 'leftOut' | 'readsFiles' | 'diagnostics'>>;

/**
 * A folder with a compose file as an app: its text is taken as it is written, nothing is split or rewritten. It is checked by what docker-compose 1.29
 * and Docker Compose take, which both run on devices. Throws what makes it unreadable.
 */
export async function readNativeApp(
  { source, entries }: ScannedSource,
  location: PackageLocation,
  { config, deviceSeverity }: MigrationRequest,
): Promise<NativeApp> {
  const { name, path } = location;
  const origin: SourceOrigin = { ...source.origin, path };
  const composePath = `${path}/${COMPOSE_FILE}`;
  const compose = readText(await source.read(composePath, MAX_PACKAGE_FILE), composePath);
  const file = readComposeFile({ text: compose.text, path: composePath, line: 1 }, { origin: 'compose' });
  const references = listFileReferences(file);
  const app: ComposeApp = {
    name,
    origin,
    composeText: compose.text,
    source: compose,
    edits: [],
    variables: [],
    services: listServiceImages(file).map(({ node: _, ...image }) => image),
    references,
    diagnostics: sortDiagnostics([...validateCompose(file), ...(await validateSpec(file, deviceSeverity ?? 'error'))]),
  };
  const pkg = toPackage(app);
  const { files, leftOut, diagnostics } = await findSupportFiles({
    location,
    pkg,
    references,
    source,
    entries,
    config,
  });
  return {
    pkg,
    app,
    files,
    leftOut,
    readsFiles: readsFiles(references, files),
    diagnostics: sortDiagnostics([...app.diagnostics, ...diagnostics]),
  };
}

function readText(bytes: Uint8Array, path: string): DocumentPart {
  const text = decodeUtf8(bytes);
  if (text !== undefined) return { text, path, offset: 0, line: 1 };
  throw new RebundleError('APP_FORM', `${path} is not UTF-8 text`, {
    location: { path, line: 1, column: 1 },
    hint: 'Save the file as UTF-8.',
  });
}

/** The compose file as a package without metadata and parameters, for what looks at the inputs of any app. */
function toPackage({ name, origin, source }: ComposeApp): AppPackage {
  const nothing = { text: '', path: source.path, offset: 0, line: 1 };
  return {
    name,
    origin,
    kind: 'compose',
    semantics: '0.4-0.8',
    metadata: nothing,
    compose: source,
    parameters: nothing,
    attachments: [],
    diagnostics: [],
  };
}
