import { gunzipSync } from 'node:zlib';
import { readAll } from '../../src/lib/bytes.ts';
import { parseReference, repositoryOf } from '../../src/lib/reference.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { Registry } from '../../src/registry/registry.ts';

/** The files of a published bundle by path, fetched as a device does: manifest by digest, then its first layer. */
export async function readBundle(registry: Registry, { reference }: AppPlan): Promise<Map<string, string>> {
  const parsed = parseReference(reference ?? '');
  const name = repositoryOf(parsed);
  const manifest = await registry.getManifest(name, parsed.digest ?? '');
  if (manifest === undefined) throw new Error(`${reference} is not published`);
  const [layer] = JSON.parse(manifest.bytes.toString()).layers;
  const tar = gunzipSync(await readAll(registry.getBlob(name, layer), 1 << 24, 'bundle'));
  const files = new Map<string, string>();
  for (let at = 0; tar[at] !== 0 && at < tar.byteLength; ) {
    const text = (from: number, length: number): string => {
      return tar
        .subarray(at + from, at + from + length)
        .toString()
        .replace(/\0.*$/s, '');
    };
    const size = Number.parseInt(text(124, 12), 8);
    files.set(text(0, 100), tar.subarray(at + 512, at + 512 + size).toString());
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** The images of a compose text, by the order of their lines. */
export function imagesIn(text: string): string[] {
  return [...text.matchAll(/^\s+image:\s*["']?([^"'\s]+)["']?\s*$/gm)].map((match) => match[1] ?? '');
}
