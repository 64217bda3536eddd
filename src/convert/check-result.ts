import { type ComposeFile, readComposeFile } from '../compose/compose-file.ts';
import { listFileReferences } from '../compose/file-references.ts';
import { listServiceImages } from '../compose/images.ts';
import { type ComposeValidation, validateCompose } from '../compose/validate.ts';
import { RebundleError } from '../errors.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import type { ComposeApp, Diagnostic } from '../model/app.ts';
import { toWarning } from './not-publishable.ts';
import { findRenderChanges } from './render-changes.ts';
import { createSourceLocator } from './source-locator.ts';

/** Reads a converted text as compose does: what is wrong with it, its images and the files that it refers to. Places are those of the package. */
export function checkResult(
  result: Pick<ComposeApp, 'source' | 'edits' | 'composeText'>,
  deviceSeverity: 'error' | 'warning',
  validation: ComposeValidation,
): Pick<ComposeApp, 'services' | 'references' | 'diagnostics'> {
  const toSource = createSourceLocator(result);
  let file: ComposeFile;
  try {
    file = readComposeFile({ text: result.composeText, path: result.source.path, line: 1 });
  } catch (thrown) {
    if (!(thrown instanceof RebundleError)) throw thrown;
    return { services: [], references: [], diagnostics: [toPackage(errorFinding(thrown))] };
  }
  function toPackage(diagnostic: Diagnostic): Diagnostic {
    return diagnostic.location === undefined ? diagnostic : { ...diagnostic, location: toSource(diagnostic.location) };
  }
  const refused = validateCompose(file, validation);
  if (file.services.length === 0) {
    refused.push(
      finding('COMPOSE_INVALID', 'there is no service', { location: file.document.locate(file.root.start) }),
    );
  }
  const images = listServiceImages(file);
  for (const { service, image, build, location } of images) {
    if (image !== undefined || !build) continue;
    refused.push(
      finding('IMAGE_MISSING', `service '${service}' is only built, and devices do not build`, { location }),
    );
  }
  const diagnostics = [
    ...refused.map(toPackage).map((found) => (deviceSeverity === 'error' ? found : toWarning(found))),
    ...findRenderChanges(file).map(toPackage),
  ];
  const services = images.map(({ service, image, build, location }) => ({
    service,
    ...(image === undefined ? {} : { image }),
    build,
    location: toSource(location),
  }));
  const references = listFileReferences(file).map((reference) => ({
    ...reference,
    location: toSource(reference.location),
  }));
  return { services, references, diagnostics };
}
