import type { RenderedMap, RenderedValue } from './rendered-value.ts';

const PROPAGATIONS = ['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave'];

interface Spec {
  source: string;
  target: string;
  options?: string;
}

/** The long form of a short volume, or docker/cli's error. A one-letter name before a colon is taken for a Windows drive. */
export function parseVolume(spec: string): RenderedMap | string {
  if (spec === '') return 'invalid empty volume spec';
  if ([...spec].length <= 2 && new TextEncoder().encode(spec).length <= 2)
    return volumeOf({ source: '', target: spec });
  const parsed: Spec = { source: '', target: '' };
  let buffer = '';
  const characters = [...spec];
  for (let i = 0; i <= characters.length; i++) {
    const character = characters[i];
    if (character !== undefined && (character !== ':' || isDrive(buffer))) {
      buffer += character;
      continue;
    }
    const error = place(parsed, buffer, character === undefined);
    if (error !== undefined) return `invalid spec: ${spec}: ${error}`;
    buffer = '';
  }
  return volumeOf(parsed);
}

function isDrive(buffer: string): boolean {
  return /^\p{L}$/u.test(buffer);
}

function place(spec: Spec, part: string, isLast: boolean): string | undefined {
  if (part === '') return 'empty section between colons';
  if (spec.source === '' && isLast) spec.target = part;
  else if (spec.source === '') spec.source = part;
  else if (spec.target === '') spec.target = part;
  else if (!isLast) return 'too many colons';
  else spec.options = part;
  return undefined;
}

function volumeOf({ source, target, options = '' }: Spec): RenderedMap {
  const volume = new Map<string, RenderedValue>([['type', isFilePath(source) ? 'bind' : 'volume']]);
  if (source !== '') volume.set('source', source);
  if (target !== '') volume.set('target', target);
  const words = options.split(',');
  const access = words.findLast((word) => word === 'ro' || word === 'rw');
  if (access === 'ro') volume.set('read_only', true);
  const propagation = words.findLast((word) => PROPAGATIONS.includes(word));
  if (propagation !== undefined) volume.set('bind', new Map([['propagation', propagation]]));
  if (words.includes('nocopy')) volume.set('volume', new Map([['nocopy', true]]));
  return volume;
}

function isFilePath(source: string): boolean {
  return /^(?:[./~]|\p{L}:|\\\\)/u.test(source);
}
