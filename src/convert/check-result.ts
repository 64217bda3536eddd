import { type ComposeFile, readComposeFile } from '../compose/compose-file.ts';
import { listFileReferences } from '../compose/file-references.ts';
import { listServiceImages } from '../compose/images.ts';
import { validateCompose } from '../compose/validate.ts';
import { RebundleError } from '../errors.ts';
import { errorFinding, finding } from '../lib/finding.ts';
import type { ComposeApp, Diagnostic } from '../model/app.ts';
import { findPortAddresses } from './port-addresses.ts';
import { createSourceLocator } from './source-locator.ts';

/** Reads a converted text as compose does: what is wrong with it, its images and the files that it refers to. Places are those of the package. */
export function checkResult(
  result: Pick<ComposeApp, 'source' | 'edits' | 'composeText'>,
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
  const diagnostics = [...validateCompose(file), ...findPortAddresses(file)].map(toPackage);
  const services = listServiceImages(file).map(({ service, image, build, location }) => ({
    service,
    ...(image === undefined ? {} : { image }),
    build,
    location: toSource(location),
  }));
  for (const { service, image, build, location } of services) {
    if (image !== undefined || !build) continue;
    diagnostics.push(
      finding('IMAGE_MISSING', `service '${service}' is only built, and devices do not build`, { location }),
    );
  }
  const references = listFileReferences(file).map((reference) => ({
    ...reference,
    location: toSource(reference.location),
  }));
  return { services, references, diagnostics };
}
