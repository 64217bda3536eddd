import { readComposeFile } from '../compose/compose-file.ts';
import { validateSpec } from '../compose/spec-validate.ts';
import type { ComposeApp, Diagnostic } from '../model/app.ts';
import { createSourceLocator } from './source-locator.ts';

/** What the Docker Compose of today refuses in a converted app, with the places of the package. */
export async function checkSpec(app: ComposeApp, severity: 'error' | 'warning'): Promise<Diagnostic[]> {
  const file = readComposeFile({ text: app.composeText, path: app.source.path, line: 1 });
  const found = await validateSpec(file, severity);
  if (found.length === 0) return [];
  const toSource = createSourceLocator(app);
  return found.map((diagnostic) =>
    diagnostic.location === undefined ? diagnostic : { ...diagnostic, location: toSource(diagnostic.location) },
  );
}
