import { resolveAlias, type YamlScalar } from '../lib/yaml.ts';
import type { ServiceImage } from '../model/app.ts';
import type { ComposeFile } from './compose-file.ts';

/** An image with the scalar that holds it, wherever aliases and merge keys lead; undefined for a service that is only built. */
interface ServiceImageNode extends ServiceImage {
  readonly node?: YamlScalar;
}

/** One row per service, in the order of the file. Images are as written, `$` included. */
export function listServiceImages(file: ComposeFile): ServiceImageNode[] {
  return file.services.map(({ name, pair, members }) => {
    const image = members.get('image');
    const node = image === undefined ? undefined : resolveAlias(image.value);
    const location = file.document.locate(node?.start ?? pair.start);
    const row = { service: name, build: members.has('build'), location };
    return node?.kind === 'scalar' ? { ...row, image: node.value, node } : row;
  });
}
