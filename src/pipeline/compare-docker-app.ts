import type { Digest } from '../model/oci.ts';
import type { MovedImage, ServicePin } from '../model/plan.ts';
import { type Explanation, type Observation, settleCauses } from './causes.ts';
import { nameOf, type PackageOutline } from './outline.ts';

/** Why the `.dockerapp` for devices of the old style is another one than the former. */
export function compareDockerApp(input: {
  readonly former: PackageOutline;
  readonly now: PackageOutline;
  readonly images: readonly ServicePin[];
  /** True where the same target has a bundle of the app, too: then our rules wrote the file. */
  readonly isDual: boolean;
}): Explanation {
  const { former, now, images, isDual } = input;
  if (former.text !== now.text) {
    // Images of the factory without any digest: our rules did not write the file.
    const isForeign = !isDual || (now.references.some(isPinned) && !former.references.some(isPinned));
    return settleCauses([
      isForeign ? ['source', 'option', 'format'] : ['source'],
      ...compareReferences(former, now, images).observations,
    ]);
  }
  const { observations, moved } = compareReferences(former, now, images);
  return settleCauses(observations.length === 0 ? [['source', 'format']] : observations, moved);
}

/** True where two published packages are the same one, but for the digests of a release. */
export function isSamePackage(former: PackageOutline, now: PackageOutline, images: readonly ServicePin[]): boolean {
  return (
    former.text === now.text &&
    compareReferences(former, now, images).observations.every((causes) => !causes.includes('source'))
  );
}

function compareReferences(former: PackageOutline, now: PackageOutline, images: readonly ServicePin[]) {
  const observations: Observation[] = [];
  const moved = new Map<string, MovedImage>();
  const released = new Map(images.filter(({ written }) => !written.includes('@')).map((pin) => [pin.pinned, pin]));
  if (former.references.length !== now.references.length) return { observations, moved: [] };
  for (const [i, is] of now.references.entries()) {
    const was = former.references[i] ?? '';
    if (was === is) continue;
    const pin = released.get(is);
    if (pin === undefined) observations.push(['source', 'option']);
    else if (!isPinned(was)) observations.push(['image', 'format']);
    else if (nameOf(was) === nameOf(is)) {
      observations.push(['image']);
      moved.set(`${pin.reference} ${was}`, { reference: pin.reference, before: digestIn(was), after: digestIn(is) });
    } else observations.push(['source', 'option']);
  }
  return { observations, moved: [...moved.values()] };
}

function isPinned(reference: string): boolean {
  return reference.includes('@sha256:');
}

function digestIn(pinned: string): Digest {
  return pinned.slice(pinned.indexOf('@') + 1) as Digest;
}
