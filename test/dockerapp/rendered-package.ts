import { decodeGo } from '../../src/dockerapp/decode-go.ts';
import { prepareRender, type RenderResult } from '../../src/dockerapp/render.ts';
import type { RenderedMap, RenderedValue } from '../../src/dockerapp/rendered-value.ts';
import { splitPackage } from '../../src/dockerapp/split.ts';
import { RebundleError } from '../../src/errors.ts';
import { errorFinding } from '../../src/lib/finding.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import type { FileEntry, Semantics } from '../../src/model/app.ts';

export interface RenderGiven {
  /** Files by path; a single file is `web.dockerapp`. */
  readonly files: ReadonlyMap<string, string>;
  readonly semantics: Semantics | 'auto';
  readonly parameterFiles?: readonly string[];
  readonly set?: Readonly<Record<string, string>>;
}

const PACKAGE = 'web.dockerapp';

/** Splits and renders a package that is given as texts; what splitting refuses comes as a refusal too. */
export async function renderFiles({
  files,
  semantics,
  parameterFiles = [],
  set = {},
}: RenderGiven): Promise<RenderResult> {
  const isSingle = files.has(PACKAGE);
  const entries = [...files].map(([path, text]): FileEntry => ({ path, mode: 'file', size: Buffer.byteLength(text) }));
  try {
    const pkg = await splitPackage({
      location: { name: 'web', path: PACKAGE, kind: isSingle ? 'single-file' : 'folder', selected: true },
      origin: { repository: 'r', path: PACKAGE },
      files: isSingle ? [] : entries,
      read: async (path) => Buffer.from(files.get(path) ?? ''),
      semantics,
    });
    return prepareRender(pkg)({
      files: parameterFiles.map((text, i) => ({ text, path: `extra-${i}.yml`, offset: 0, line: 1 })),
      settings: Object.entries(set).map(([name, value]) => ({ name, value })),
    });
  } catch (thrown) {
    if (thrown instanceof RebundleError) return { ok: false, diagnostics: [errorFinding(thrown)] };
    throw thrown;
  }
}

/** A printed model as values. */
export function readModel(text: string): RenderedMap {
  const document = parseYaml({ text, path: 'rendered', line: 1 });
  return decodeGo(document.root!, document.locate) as RenderedMap;
}

/** Records and lists in the order of their names, for a comparison that shows what differs. */
export function plain(value: RenderedValue): unknown {
  if (value instanceof Map) {
    return Object.fromEntries(
      [...value].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, plain(member)]),
    );
  }
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'bigint' ? `int ${value}` : value;
}
