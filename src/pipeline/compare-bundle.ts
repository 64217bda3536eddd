import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { type ComposeFile, readComposeFile } from '../compose/compose-file.ts';
import { listServiceImages } from '../compose/images.ts';
import { pinCompose } from '../compose/pin.ts';
import { readPinComments } from '../compose/pin-comments.ts';
import { checkManifest } from '../device/check-manifest.ts';
import { type Descriptor, type Digest, MEDIA_TYPES } from '../model/oci.ts';
import type { AppDetails, MovedImage, ServicePin, UpdateCause } from '../model/plan.ts';

import { type Explanation, type Observation, settleCauses } from './causes.ts';
import { nameOf, outlineCompose } from './outline.ts';

/** A published bundle, as far as it can be read. */
export interface FormerBundle {
  readonly manifest: Uint8Array;
  readonly compose: string;
  /** Digests by path; undefined where the index is not to be had. */
  readonly files: ReadonlyMap<string, Digest> | undefined;
}

/** What is known besides the two bundles. */
export interface Evidence {
  /**
   * The package of the former bundle: `same` is the one of today, `same-text` gives the text of today but for images, and what `only-cause` would give
   * today is what was published.
   */
  readonly pkg?: 'same' | 'same-text' | 'only-cause';
  /** An earlier run recorded that the options that shape bundles were these. */
  readonly sameOptions: boolean;
  /** An earlier run made the former bundle under the rules of today. */
  readonly sameRules: boolean;
  /** No other rules than those of today ever made bundles of our form. */
  readonly onlyRules: boolean;
}

/** What is known of the bundle of today. */
type BundleOf = Pick<AppDetails, 'files'> & { readonly archive: Descriptor | undefined };

/** Why the bundle of an app is another one than the former. */
export function compareBundle(input: {
  readonly former: FormerBundle;
  readonly bundle: BundleOf;
  readonly hasComposeLayers: boolean;
  readonly outline: Digest;
  readonly images: readonly ServicePin[];
  /** True for the name of an image that the tag rule covers. */
  readonly isCovered: (name: string) => boolean;
  readonly isFolder: boolean;
  readonly evidence: Evidence;
}): Explanation {
  const { former, bundle, evidence } = input;
  const { manifest } = checkManifest(former.manifest, MEDIA_TYPES.ociManifest);
  if (manifest?.isOwn !== true) return settleCauses([['format']]);
  if (manifest.archive?.digest === bundle.archive?.digest) {
    const had = manifest.composeLayers.length > 0;
    if (had === input.hasComposeLayers) return settleCauses([['format']]);
    // The same files, so all that decides upon the layer under the same rules is whether it is asked for.
    return settleCauses([evidence.sameRules || evidence.onlyRules ? ['option'] : ['option', 'format']]);
  }
  const file = readFormer(former.compose);
  if (file === undefined) return settleCauses([['source', 'image', 'option', 'format']]);
  const before = readImages(file, former.compose);
  const isOurForm = evidence.sameRules || (evidence.onlyRules && pinLike(file, former) === former.compose);
  const ruledOut: UpdateCause[] = [];
  if (isOurForm) ruledOut.push('format');
  if (evidence.sameOptions) ruledOut.push('option');
  const ofChoice = without(['source', 'option', 'format'], ruledOut);
  const ofPackage = narrow(ofChoice, evidence);
  const moved = compareImages(before, input, narrow(without(['source', 'option'], ruledOut), evidence));
  const observations = [...moved.observations];
  if (outlineCompose(former.compose, before.pinned.values()) !== input.outline) {
    // The text of a folder is published as it is written; only the name of the factory may come from the configuration.
    const isWritten = input.isFolder && isOurForm && !moved.isRenamed;
    const ofText = evidence.pkg === 'same-text' ? without(ofPackage, ['source']) : ofPackage;
    observations.push(isWritten ? ['source'] : ofText);
  }
  observations.push(...compareFiles(former.files, bundle.files, ofChoice));
  if (observations.length === 0) {
    // Nothing of the content: which files are executable, or how the archive is written.
    const hidden: Observation = former.files === undefined ? ['source', 'option', 'format'] : ['source', 'format'];
    observations.push(evidence.sameRules ? without(hidden, ['format']) : hidden);
  }
  return settleCauses(observations, moved.images);
}

/** Never nothing: what rules out all is no evidence. */
function without(causes: Observation, out: readonly UpdateCause[]): Observation {
  const left = causes.filter((cause) => !out.includes(cause));
  return left.length === 0 ? causes : left;
}

function narrow(causes: Observation, { pkg }: Evidence): Observation {
  if (pkg === 'only-cause') return ['source'];
  return pkg === 'same' ? without(causes, ['source']) : causes;
}

/**
 * A compose text with the pins and the files of a former bundle, by the rules of today: the text of that bundle, where nothing else differs. Undefined
 * where the rules do not take it.
 */
export function pinLike(file: ComposeFile, { compose, files }: FormerBundle): string | undefined {
  const of = readFormer(compose);
  if (of === undefined || files === undefined) return undefined;
  const images = readImages(of, compose).pinned;
  const pins = [...readPinComments(compose)].map(([reference, pinned]) => ({ reference, pinned }));
  const fileDigests = new Map([...files].filter(([path]) => path !== COMPOSE_FILE));
  try {
    return pinCompose({ file, images, fileDigests, pins }).text;
  } catch {
    return undefined;
  }
}

function readFormer(text: string): ComposeFile | undefined {
  for (const origin of ['docker-app', 'compose'] as const) {
    try {
      return readComposeFile({ text, path: COMPOSE_FILE, line: 1 }, { origin });
    } catch {
      // The other one may take it.
    }
  }
  return undefined;
}

interface FormerImages {
  /** `name@digest` by service. */
  readonly pinned: ReadonlyMap<string, string>;
  /** The references outside the tag rule that an image was pinned for. */
  readonly references: ReadonlyMap<string, ReadonlySet<string>>;
  readonly pins: ReadonlyMap<string, string>;
}

function readImages(file: ComposeFile, text: string): FormerImages {
  const pins = readPinComments(text);
  const references = new Map<string, Set<string>>();
  for (const [reference, pinned] of pins) references.set(pinned, (references.get(pinned) ?? new Set()).add(reference));
  const rows = listServiceImages(file).flatMap(({ service, image }) =>
    image === undefined ? [] : [[service, image] as const],
  );
  return { pinned: new Map(rows), references, pins };
}

/** Services of both sides whose image is another one; those of one side alone are in the outline. */
function compareImages(
  before: FormerImages,
  { images, isCovered }: Pick<Parameters<typeof compareBundle>[0], 'images' | 'isCovered'>,
  ofText: Observation,
): { readonly observations: Observation[]; readonly images: MovedImage[]; readonly isRenamed: boolean } {
  const observations: Observation[] = [];
  const moved = new Map<string, MovedImage>();
  let isRenamed = false;
  for (const { service, written, reference, pinned } of images) {
    const was = before.pinned.get(service);
    if (was === undefined) continue;
    const name = nameOf(pinned);
    const known = before.references.get(was);
    // The tag of a covered image is no part of the text, so nothing records it.
    const isSameText = isCovered(name) ? known === undefined : known?.has(reference) === true;
    if (nameOf(was) !== name || !isSameText) {
      isRenamed ||= nameOf(was) !== name;
      observations.push(ofText);
    } else if (was !== pinned) {
      // A digest in the text is a change of the text.
      observations.push(written.includes('@') ? ofText : ['image']);
      if (!written.includes('@'))
        moved.set(`${reference} ${was}`, { reference, before: digestIn(was), after: digestIn(pinned) });
    }
  }
  return { observations, images: [...moved.values()], isRenamed };
}

function digestIn(pinned: string): Digest {
  return pinned.slice(pinned.indexOf('@') + 1) as Digest;
}

/** Support files; the compose file is compared as a text. */
function compareFiles(
  former: ReadonlyMap<string, Digest> | undefined,
  files: BundleOf['files'],
  ofChoice: Observation,
): Observation[] {
  if (former === undefined) return [];
  const now = new Map(files.map(({ path, digest }) => [path, digest]));
  const paths = [...new Set([...former.keys(), ...now.keys()])].filter((path) => path !== COMPOSE_FILE);
  return paths.flatMap((path): Observation[] => {
    const [was, is] = [former.get(path), now.get(path)];
    if (was === is) return [];
    // Whether a file is taken is a matter of options, too; what is in it is not.
    return [was === undefined || is === undefined ? ofChoice : ['source']];
  });
}
