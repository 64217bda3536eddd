import { posix } from 'node:path';

/** The five pure leaves, which never import each other. */
const LEAVES = ['dockerapp', 'compose', 'bundle', 'targets', 'report'];
const BASE = ['errors.ts', 'events.ts', 'model'];
const PURE_LOW = [...BASE, 'lib'];

/** The interfaces between the pipeline and what has effects. */
const INTERFACES = ['registry/registry.ts', 'source/source.ts', 'tufrepo/tuf-repo.ts'];

interface Area {
  /** What a file of the area may import besides its own area: areas, or single files. */
  readonly imports: readonly string[];
  /** What it may import as types only. */
  readonly types?: readonly string[];
  /** No disk, network, process, clock or chance. */
  readonly pure: boolean;
}

const ADAPTERS = ['source', 'registry', 'tufrepo'];
/** Pure but for the disk: they put a checked bundle into its folder. */
const UNPACKING = ['device/unpack.ts', 'device/unpack-swap.ts'];
const DISK_BUILTINS = ['node:fs', 'node:fs/promises'];
const CONFIG = ['config.ts', 'config-schema.ts', 'config-findings.ts', 'config-hosts.ts', 'config-repositories.ts'];

const AREAS: Readonly<Record<string, Area>> = {
  ...Object.fromEntries(BASE.map((area) => [area, { imports: BASE, pure: true }])),
  lib: { imports: BASE, pure: true },
  ...Object.fromEntries(LEAVES.map((area) => [area, { imports: PURE_LOW, pure: true }])),
  ...Object.fromEntries(ADAPTERS.map((area) => [area, { imports: PURE_LOW, pure: false }])),
  ...Object.fromEntries(CONFIG.map((area) => [area, { imports: [...PURE_LOW, ...CONFIG], pure: true }])),
  convert: { imports: [...PURE_LOW, 'dockerapp', 'compose'], pure: true },
  device: { imports: [...PURE_LOW, 'dockerapp', 'compose', 'bundle', 'targets'], pure: true },
  pipeline: { imports: [...PURE_LOW, ...LEAVES, 'convert', 'device', ...INTERFACES], types: CONFIG, pure: true },
  reporters: { imports: [...PURE_LOW, ...LEAVES, 'pipeline'], pure: true },
  cli: {
    imports: [...PURE_LOW, ...LEAVES, 'convert', 'device', 'pipeline', 'reporters', ...ADAPTERS, ...CONFIG],
    pure: false,
  },
  'index.ts': {
    imports: [...PURE_LOW, ...LEAVES, 'convert', 'device', 'pipeline', 'reporters', ...ADAPTERS, ...CONFIG],
    pure: true,
  },
};

const PURE_BUILTINS = ['node:crypto', 'node:path', 'node:util', 'node:zlib'];
/** Packages that touch disk, network or terminal. The parts of `tar` that only turn bytes into entries have paths of their own. */
const EFFECT_PACKAGES = ['commander', 'fast-glob', 'tar', 'undici', 'write-file-atomic'];
const EFFECT_CALLS =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bperformance\.now\b|\brandom(?:UUID|Bytes|Int)\b|\bset(?:Timeout|Interval|Immediate)\b|\bfetch\(/;

/** The module specifiers of a TypeScript text. Import and export statements start a line, as the formatter puts them. */
export function parseImports(text: string): { readonly specifier: string; readonly typeOnly: boolean }[] {
  const code = stripComments(text);
  const statements = code.matchAll(/^(?:import|export)\s+(type\s)?(?:[^;'"]*?\sfrom\s+)?['"]([^'"\n]+)['"]/gm);
  const dynamic = code.matchAll(/\bimport\(\s*['"]([^'"\n]+)['"]/g);
  return [
    ...[...statements].map((match) => ({ specifier: match[2] ?? '', typeOnly: match[1] !== undefined })),
    ...[...dynamic].map((match) => ({ specifier: match[1] ?? '', typeOnly: false })),
  ];
}

/** What a source file does against the import rule. `path` is relative to src. */
export function findViolations(path: string, text: string): string[] {
  const area = areaOf(path);
  const rule = AREAS[area];
  if (rule === undefined) return [`${path} is in no area of the import rule`];
  const code = stripComments(text);
  const found: string[] = [];
  for (const { specifier, typeOnly } of parseImports(text)) {
    if (specifier.startsWith('.')) {
      const target = posix.normalize(posix.join(posix.dirname(path), specifier));
      const allowed = [area, ...rule.imports, ...(typeOnly ? (rule.types ?? []) : [])];
      if (!allowed.includes(areaOf(target)) && !allowed.includes(target)) found.push(`${path} imports ${target}`);
      if (!specifier.endsWith('.ts')) found.push(`${path} imports ${specifier} without .ts`);
    } else if (rule.pure) {
      const writes = UNPACKING.includes(path) && DISK_BUILTINS.includes(specifier);
      const builtin = specifier.startsWith('node:') && !PURE_BUILTINS.includes(specifier) && !writes;
      if (builtin || EFFECT_PACKAGES.includes(specifier)) found.push(`${path} imports ${specifier}`);
    } else if (specifier === 'node:process' && path !== 'cli/main.ts') {
      found.push(`${path} imports ${specifier}`);
    }
  }
  const checked = UNPACKING.includes(path) ? code.replaceAll('randomBytes', '') : code;
  const call = rule.pure ? EFFECT_CALLS.exec(checked) : null;
  if (call !== null) found.push(`${path} uses ${call[0]}`);
  if (path !== 'cli/main.ts' && /\bprocess\.[a-z]/.test(code)) found.push(`${path} touches process`);
  if (path === 'index.ts' && !isReExportOnly(code)) found.push(`${path} does more than re-export`);
  return found;
}

function areaOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function isReExportOnly(code: string): boolean {
  return code.replace(/^export (?:type )?(?:\*|\{[^}]*\}) from '[^']+';$/gm, '').trim() === '';
}

function stripComments(text: string): string {
  return text.replace(/(^|[\s(])\/\*[\s\S]*?\*\//g, '$1').replace(/(^|\s)\/\/.*$/gm, '$1');
}
