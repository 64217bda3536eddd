import { compareText, decodeUtf8, readAll } from '../lib/bytes.ts';
import { effectivePairs, resolveAlias, type YamlNode, type YamlPair } from '../lib/yaml.ts';
import type { BundleFile } from '../model/app.ts';
import type { ComposeFile, ComposeService } from './compose-file.ts';
import { quoteText, writeFlow, writeFlowMap, writeKey } from './flow-text.ts';
import { type BundleFiles, findRegistryMounts, type RegistryMounts } from './registry-mounts.ts';

/** Largest compose text with all that it holds inline, in bytes: what composectl reads of any compose file. */
const MAX_TEXT_BYTES = 1024 * 1024;
/** Words that some YAML reader takes for something else than text. */
const WORDS = /^(?:[yn]|yes|no|on|off|true|false|null)$/i;

/** A compose file that needs no folder beside it. */
interface RegistryCompose {
  readonly text: string;
  /** Environment files under the names that the text has for them. */
  readonly envFiles: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

/**
 * The compose file that Docker Compose from 2.23.1 on runs straight from a registry (`docker compose -f oci://...`, docker/compose
 * pkg/remote/oci.go), made from a pinned one: the project has the name that devices give it, files that are mounted read-only are configs with
 * inline content, environment files have plain names. It means what the pinned file means, without comments, anchors
 * and `version`. Gives the reasons where an app has no such form (rule B2). Throws YAML_LIMIT, and what reading a file throws.
 */
export async function writeRegistryCompose(input: {
  readonly name: string;
  readonly file: ComposeFile;
  readonly files: readonly BundleFile[];
}): Promise<RegistryCompose | { readonly reasons: readonly string[] }> {
  const files: BundleFiles = new Map(input.files.map((file) => [file.path, file]));
  const mounts = findRegistryMounts(input.file, files);
  if (mounts.reasons.length > 0) return { reasons: mounts.reasons };
  const inline = await readInline(mounts, files);
  if ('reasons' in inline) return inline;
  const names = nameConfigs(input.file, mounts);
  const envNames = new Map([...inline.envFiles.keys()].map((path, i) => [path, `${i + 1}.env`]));
  const text = writeText(input, { mounts, names, envNames, contents: inline.contents, files });
  if (text === undefined) return { reasons: [tooLarge()] };
  return { text, envFiles: [...inline.envFiles].map(([path, bytes]) => ({ name: envNames.get(path) ?? '', bytes })) };
}

/** The name that docker-compose and Docker Compose give the project of a folder with this name. */
export function projectName(app: string): string {
  return app
    .toLowerCase()
    .replace(/[^-_a-z0-9]/g, '')
    .replace(/^[-_]+/, '');
}

async function readInline(
  { mounts, configs, envFiles }: RegistryMounts,
  files: BundleFiles,
): Promise<
  | { readonly contents: Map<string, string>; readonly envFiles: Map<string, Buffer> }
  | { readonly reasons: readonly string[] }
> {
  const mounted = [...mounts.values()].flatMap((items) => [...items.values()]).map(({ path }) => path);
  const texts = new Set([...mounted, ...configs.values()].sort(compareText));
  const environments = new Set([...envFiles.values()].flatMap((items) => [...items.values()]).sort(compareText));
  const sizes = [...texts, ...environments].map((path) => files.get(path)?.size ?? 0);
  if (sizes.reduce((sum, size) => sum + size, 0) > MAX_TEXT_BYTES) return { reasons: [tooLarge()] };
  const reasons: string[] = [];
  const contents = new Map<string, string>();
  for (const path of texts) {
    const bytes = await readFile(files, path);
    const text = decodeUtf8(bytes);
    const fault = bytes.byteLength === 0 ? 'is empty' : text === undefined ? 'is not UTF-8 text' : faultOf(text);
    if (text === undefined || fault !== undefined) reasons.push(`${JSON.stringify(path)} ${fault ?? ''}`);
    else contents.set(path, text);
  }
  const read = new Map<string, Buffer>();
  for (const path of environments) {
    const bytes = await readFile(files, path);
    // Some registries refuse a blob without bytes.
    if (bytes.byteLength === 0) reasons.push(`${JSON.stringify(path)} is empty`);
    read.set(path, bytes);
  }
  return reasons.length > 0 ? { reasons } : { contents, envFiles: read };
}

function faultOf(text: string): string | undefined {
  if (text.includes('\r')) return 'has carriage returns';
  return text.includes('\0') ? 'has NUL characters' : undefined;
}

async function readFile(files: BundleFiles, path: string): Promise<Buffer> {
  const file = files.get(path);
  return file === undefined ? Buffer.alloc(0) : readAll(file.open(), file.size, JSON.stringify(path));
}

/** A config for each mounted file, beside those that there are. */
function nameConfigs(file: ComposeFile, { mounts }: RegistryMounts): Map<string, string> {
  const names = new Map<string, string>();
  let next = 1;
  for (const { path } of [...mounts.values()].flatMap((items) => [...items.values()])) {
    if (names.has(path)) continue;
    while (file.configs.has(`file-${next}`)) next++;
    names.set(path, `file-${next++}`);
  }
  return names;
}

interface Parts {
  readonly mounts: RegistryMounts;
  readonly names: ReadonlyMap<string, string>;
  readonly envNames: ReadonlyMap<string, string>;
  readonly contents: ReadonlyMap<string, string>;
  readonly files: BundleFiles;
}

/** The text, a line for every member of a section and of a service; undefined where it is too large. */
function writeText({ name, file }: { name: string; file: ComposeFile }, parts: Parts): string | undefined {
  const lines: string[] = [];
  let size = 0;
  const add = (line: string): boolean => {
    lines.push(line);
    size += Buffer.byteLength(line) + 1;
    return size <= MAX_TEXT_BYTES;
  };
  const root = effectivePairs(file.root);
  const named = root.get('name');
  if (!add(`name: ${named === undefined ? writeWord(projectName(name)) : writeFlow(named.value)}`)) return undefined;
  for (const pair of root.values()) {
    if (['name', 'version', 'services', 'configs'].includes(pair.name)) continue;
    if (!add(`${writeKey(pair.key)}: ${writeFlow(pair.value)}`)) return undefined;
  }
  if (!add('services:')) return undefined;
  for (const service of file.services) {
    if (!add(`  ${writeKey(service.pair.key)}:`)) return undefined;
    for (const [key, value] of writeMembers(service, parts)) if (!add(`    ${key}: ${value}`)) return undefined;
  }
  const configs = writeConfigs(file, parts);
  if (configs.length > 0 && !add('configs:')) return undefined;
  for (const line of configs) if (!add(`  ${line}`)) return undefined;
  return `${lines.join('\n')}\n`;
}

/** The members of one service; what is mounted from the bundle moves from `volumes` to `configs`. */
function* writeMembers(service: ComposeService, parts: Parts): Generator<readonly [string, string]> {
  const mounts = parts.mounts.mounts.get(service.name);
  const added = [...(mounts?.values() ?? [])].map(({ path, target }) =>
    writeFlowMap([
      ['source', parts.names.get(path) ?? ''],
      ['target', quoteText(target)],
      ['mode', parts.files.get(path)?.executable === true ? '0555' : '0444'],
    ]),
  );
  for (const pair of service.members.values()) {
    const key = writeKey(pair.key);
    if (pair.name === 'volumes' && mounts !== undefined) {
      const kept = itemsOf(pair).filter((_, i) => !mounts.has(i));
      if (kept.length > 0) yield [key, `[${kept.map(writeFlow).join(', ')}]`];
    } else if (pair.name === 'env_file') {
      yield [key, writeEnvFiles(pair, parts.mounts.envFiles.get(service.name), parts.envNames)];
    } else if (pair.name === 'configs') {
      yield [key, `[${[...itemsOf(pair).map((item) => writeGrant(item, parts)), ...added].join(', ')}]`];
    } else yield [key, writeFlow(pair.value)];
  }
  if (added.length > 0 && !service.members.has('configs')) yield ['configs', `[${added.join(', ')}]`];
}

function writeEnvFiles(
  pair: YamlPair,
  read: ReadonlyMap<number, string> | undefined,
  names: ReadonlyMap<string, string>,
): string {
  const value = resolveAlias(pair.value);
  const items = value.kind === 'seq' ? value.items : [value];
  const written = items.map((item, i) => {
    const name = names.get(read?.get(i) ?? '');
    if (name === undefined) return writeFlow(item);
    return withMember(item, 'path', quoteText(name)) ?? quoteText(name);
  });
  return value.kind === 'seq' ? `[${written.join(', ')}]` : (written[0] ?? '[]');
}

/** A service's use of a config; what was an executable file stays one where nothing else is said. */
function writeGrant(item: YamlNode, { mounts, files }: Parts): string {
  const value = resolveAlias(item);
  const members = value.kind === 'map' ? effectivePairs(value) : undefined;
  const source = members === undefined ? value : resolveAlias(members.get('source')?.value ?? value);
  const path = source.kind === 'scalar' ? mounts.configs.get(source.value) : undefined;
  if (path === undefined || files.get(path)?.executable !== true || members?.has('mode') === true)
    return writeFlow(item);
  return (
    withMember(item, 'mode', '0555') ??
    writeFlowMap([
      ['source', writeFlow(source)],
      ['mode', '0555'],
    ])
  );
}

/** A map in flow style with one member set; undefined for what is no map. */
function withMember(node: YamlNode, name: string, text: string): string | undefined {
  const value = resolveAlias(node);
  if (value.kind !== 'map') return undefined;
  const others = [...effectivePairs(value).values()].filter((pair) => pair.name !== name);
  return writeFlowMap([...others.map((pair) => [writeKey(pair.key), writeFlow(pair.value)] as const), [name, text]]);
}

/** The lines of the section `configs`. */
function writeConfigs(file: ComposeFile, { mounts, names, contents }: Parts): string[] {
  const content = (path: string): string => quoteText((contents.get(path) ?? '').replaceAll('$', '$$$$'));
  const own = [...file.configs.values()].map(({ name, pair, value }) => {
    const path = mounts.configs.get(name);
    if (path === undefined || value.kind !== 'map') return `${writeKey(pair.key)}: ${writeFlow(pair.value)}`;
    const others = [...effectivePairs(value).values()].filter((member) => member.name !== 'file');
    const written = others.map((member) => [writeKey(member.key), writeFlow(member.value)] as const);
    return `${writeKey(pair.key)}: ${writeFlowMap([...written, ['content', content(path)]])}`;
  });
  return [...own, ...[...names].map(([path, name]) => `${name}: ${writeFlowMap([['content', content(path)]])}`)];
}

function itemsOf(pair: YamlPair): readonly YamlNode[] {
  const value = resolveAlias(pair.value);
  return value.kind === 'seq' ? value.items : [];
}

function writeWord(text: string): string {
  return /^[a-z][a-z0-9_-]*$/.test(text) && !WORDS.test(text) ? text : quoteText(text);
}

function tooLarge(): string {
  return `the compose file with its files inline is larger than ${MAX_TEXT_BYTES} bytes`;
}
