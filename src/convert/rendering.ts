import type { ModelMap } from '../compose/model-value.ts';
import { prepareRender } from '../dockerapp/render.ts';
import { RebundleError } from '../errors.ts';
import { errorFinding } from '../lib/finding.ts';
import type { AppPackage, Diagnostic } from '../model/app.ts';
import type { Override } from './overrides.ts';
import type { RewriteOptions } from './rewrite.ts';

/** docker-app's render of a package with other values of some parameters, or why it refuses them. */
export type Rendering = (
  override: Override,
) => { readonly value: ModelMap } | { readonly diagnostics: readonly Diagnostic[] };

/** What stands for the variables of the release, which an image may name although no parameter has the name. */
export const RELEASE_ENVIRONMENT: ReadonlyMap<string, string> = new Map([
  ['TAG', 'zq7releasetag'],
  ['FACTORY', 'zq7factory'],
]);
const RELEASE_REFERENCE = /\$\{?(?:TAG|FACTORY)\b/;

export function prepareRendering(
  pkg: AppPackage,
  options: Pick<RewriteOptions, 'parameterFiles' | 'settings'>,
): Rendering {
  const release = RELEASE_REFERENCE.test(pkg.compose.text) ? RELEASE_ENVIRONMENT : new Map<string, string>();
  const given = { files: options.parameterFiles, settings: options.settings, defaults: release };
  let render: ReturnType<typeof prepareRender> | undefined;
  return (override) => {
    try {
      render ??= prepareRender(pkg);
      const result = render({ ...given, values: override });
      return result.ok ? { value: result.value } : { diagnostics: result.diagnostics };
    } catch (thrown) {
      if (thrown instanceof RebundleError) return { diagnostics: [errorFinding(thrown)] };
      throw thrown;
    }
  };
}

/** A rendered text with the variables of the release as they are written. */
export function keepReleaseVariables(text: string): string {
  return [...RELEASE_ENVIRONMENT].reduce((kept, [name, value]) => kept.replaceAll(value, `\${${name}}`), text);
}
