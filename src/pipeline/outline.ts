import { COMPOSE_FILE } from '../bundle/bundle-path.ts';
import { findPinComments } from '../compose/pin-comments.ts';
import { HASH_LABEL } from '../compose/service-hash.ts';
import { readAll } from '../lib/bytes.ts';
import { digestOf } from '../lib/digest.ts';
import type { Digest } from '../model/oci.ts';
import type { ServicePin } from '../model/plan.ts';
import type { AppBytes } from './app-bytes.ts';

/** What published texts say besides the digests of images: equal outlines differ in nothing else. */
export interface Outline {
  readonly compose: Digest;
  /** Whether the bundle also has what Docker Compose runs from a registry. */
  readonly hasComposeLayers: boolean;
  readonly dockerApp?: PackageOutline;
}

export interface PackageOutline {
  readonly text: Digest;
  /** The images in order that the release may name by digest, as written. */
  readonly references: readonly string[];
}

const HASHES = new RegExp(`(${HASH_LABEL.replaceAll('.', '\\.')}["']?\\s*[:=]\\s*["']?)[0-9a-f]{64}`, 'g');
const PINNED = /([a-z0-9][a-z0-9._/:-]*)@sha256:[0-9a-f]{64}/g;

/** Of the bytes of an app. */
export async function outlineApp(
  { bundle, dockerApp }: Pick<AppBytes, 'bundle' | 'dockerApp'>,
  images: readonly ServicePin[],
): Promise<Outline> {
  const [file] = bundle.files;
  const text = file === undefined ? '' : (await readAll(file.open(), file.size, COMPOSE_FILE)).toString('utf8');
  const { registry, repository } = bundle.reference;
  const place = `${registry}/${repository.slice(0, repository.lastIndexOf('/') + 1)}`;
  return {
    compose: outlineCompose(
      text,
      images.map(({ pinned }) => pinned),
    ),
    hasComposeLayers: bundle.composeLayers.length > 0,
    ...(dockerApp === undefined ? {} : { dockerApp: outlineDockerApp(dockerApp, place, images) }),
  };
}

/** Of a published compose text, whose services run the images `pinned`. */
export function outlineCompose(text: string, pinned: Iterable<string>): Digest {
  const names = new Set([...pinned].map(nameOf));
  const body = text.slice(0, findPinComments(text));
  return digestOf(body.replace(PINNED, (all, name) => (names.has(name) ? name : all)).replace(HASHES, '$1'));
}

/** Of a published `.dockerapp`. `place` is `host/factory/`, below which the images of a release lie. */
export function outlineDockerApp(bytes: Uint8Array, place: string, images: readonly ServicePin[]): PackageOutline {
  // Of other images only those with a variable are named by digest.
  const others = images.filter(({ written }) => written.includes('$')).map(({ pinned }) => nameOf(pinned));
  const names = [...new Set(others)].sort((a, b) => b.length - a.length).map(escapePattern);
  const name = [`${escapePattern(place)}[a-z0-9]+(?:[._/-]+[a-z0-9]+)*`, ...names].join('|');
  const pattern = new RegExp(`(?<![\\w./-])(${name})(:\\w[\\w.-]*)?(@sha256:[0-9a-f]{64})?(?![\\w/-])`, 'g');
  const references: string[] = [];
  const text = Buffer.from(bytes)
    .toString('utf8')
    .replace(pattern, (all, bare) => {
      references.push(all);
      return bare;
    });
  return { text: digestOf(text), references };
}

export function nameOf(pinned: string): string {
  return pinned.split('@')[0] ?? '';
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
