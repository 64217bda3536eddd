import { RebundleError } from '../errors.ts';
import { finding } from '../lib/finding.ts';
import { applyEdits } from '../lib/text-edit.ts';
import { resolveAlias } from '../lib/yaml.ts';
import type { Diagnostic } from '../model/app.ts';
import type { Digest } from '../model/oci.ts';
import { type ComposeFile, type ComposeService, readComposeFile } from './compose-file.ts';
import { listFileReferences } from './file-references.ts';
import { quoteText } from './flow-text.ts';
import { checkPinned } from './pin-check.ts';
import { findPinComments, type Pin, writePinComments } from './pin-comments.ts';
import { editServices, type PinnedService } from './pin-edits.ts';
import { hashService } from './service-hash.ts';
import { createTextEditor, isBlockScalar, replaceNode, type TextEditor } from './text-editor.ts';

interface PinnedCompose {
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The published compose text: each service image is its pin, `build` is gone, each service has the label `io.compose-spec.config-hash`, and
 * the last lines record `pins`. All else stays as written. `images` gives the pin of each service, `fileDigests` the files of the bundle.
 * Pinning a pinned text with the same input changes nothing. Throws IMAGE_MISSING for a service without image or pin, YAML_LIMIT where
 * aliases make the file too large, INTERNAL where the edited text does not mean what it should.
 */
export function pinCompose(input: {
  readonly file: ComposeFile;
  readonly images: ReadonlyMap<string, string>;
  readonly fileDigests: ReadonlyMap<string, Digest>;
  readonly pins: readonly Pin[];
}): PinnedCompose {
  const { file } = input;
  const services = hashServices(input);
  const editor = createTextEditor(file.source.text);
  const diagnostics = editServices(file, services, editor);
  for (const { service } of services) {
    const build = service.members.get('build');
    if (build === undefined) continue;
    const location = file.document.locate(build.start);
    diagnostics.push(
      finding('compose.build-dropped', `build of service ${service.name} is not in the bundle`, { location }),
    );
  }
  const comments = writePinComments(input.pins, editor.eol);
  const end = findPinComments(file.source.text);
  if (comments !== '') closeLastLine(file, editor, end);
  if (comments !== file.source.text.slice(end)) {
    editor.edits.push({ start: end, end: file.source.text.length, text: comments });
  }
  const text = applyEdits(file.source.text, editor.edits);
  const pinned = readComposeFile({ ...file.source, text }, { origin: file.origin });
  checkPinned(file, pinned, services);
  return { text, diagnostics };
}

/** What each service is pinned to and its config-hash, which covers the bundle files that it mounts or reads. Throws IMAGE_MISSING and YAML_LIMIT. */
export function hashServices(input: Omit<Parameters<typeof pinCompose>[0], 'pins'>): PinnedService[] {
  const { file, images, fileDigests } = input;
  const paths = new Map<string, Set<string>>();
  for (const { services, path } of listFileReferences(file)) {
    for (const service of services) paths.set(service, (paths.get(service) ?? new Set()).add(path));
  }
  return file.services.map((service) => {
    const image = images.get(service.name);
    if (image === undefined) throw missingImage(file, service);
    const used = paths.get(service.name) ?? new Set();
    const files = [...fileDigests].filter(([name]) => isUsed(used, name)).map(([path, digest]) => ({ path, digest }));
    return { service, image, hash: hashService({ service, image, files }) };
  });
}

/** True where a file or a folder that it is in is among the paths. */
function isUsed(paths: ReadonlySet<string>, file: string): boolean {
  if (paths.has('.') || paths.has(file)) return true;
  for (let slash = file.lastIndexOf('/'); slash > 0; slash = file.lastIndexOf('/', slash - 1)) {
    if (paths.has(file.slice(0, slash))) return true;
  }
  return false;
}

function missingImage(file: ComposeFile, service: ComposeService): RebundleError {
  return new RebundleError('IMAGE_MISSING', `service ${service.name} has no image to pin`, {
    location: file.document.locate(service.pair.start),
  });
}

/** Comments need a line of their own; a block scalar at the very end would take the line break that this adds for its own. */
function closeLastLine(file: ComposeFile, editor: TextEditor, end: number): void {
  const { text } = file.source;
  if (end === 0 || text[end - 1] === '\n') return;
  let last = resolveAlias(file.root);
  for (let inner = lastOf(last); inner !== undefined && inner.kind !== 'alias'; inner = lastOf(last)) last = inner;
  if (last.kind === 'scalar' && isBlockScalar(last)) replaceNode(editor, last, quoteText(last.value));
  editor.edits.push({ start: end, end, text: editor.eol });
}

function lastOf(node: ReturnType<typeof resolveAlias>): ComposeService['pair']['value'] | undefined {
  if (node.kind === 'map') return node.pairs.at(-1)?.value;
  return node.kind === 'seq' ? node.items.at(-1) : undefined;
}
