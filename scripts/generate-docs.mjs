// Writes schemas/rebundle.schema.json, schemas/report.schema.json and the marked regions of README.md from the built program.
// node scripts/generate-docs.mjs [--check]   with --check nothing is written; exit 1 names the stale files.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { argv, exit, stderr, stdout } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** @typedef {{ type?: string | string[], enum?: string[], description?: string, default?: unknown, minimum?: number, maximum?: number, properties?: Record<string, Schema>, additionalProperties?: Schema | boolean, items?: Schema, anyOf?: Schema[] }} Schema */

const ROOT = new URL('../', import.meta.url);

/**
 * Puts generated texts between `<!-- generated:NAME -->` and `<!-- /generated -->`.
 * Throws where a region is missing, open, there twice or unknown.
 * @param {string} text
 * @param {Readonly<Record<string, string>>} regions
 */
export function fillRegions(text, regions) {
  const found = new Set();
  const filled = text.replace(
    /<!-- generated:([\w-]+) -->([\s\S]*?)<!-- (\/generated|generated:[\w-]+) -->/g,
    (_all, name, _old, end) => {
      if (end !== '/generated') throw new Error(`the region ${name} has no end, <!-- /generated -->`);
      if (!Object.hasOwn(regions, name)) throw new Error(`nothing is generated for the region ${name}`);
      if (found.has(name)) throw new Error(`the region ${name} is there twice`);
      found.add(name);
      return `<!-- generated:${name} -->\n\n${regions[name]}\n\n<!-- /generated -->`;
    },
  );
  const missing = Object.keys(regions).filter((name) => !found.has(name));
  if (missing.length > 0)
    throw new Error(`it lacks the regions ${missing.join(', ')}: <!-- generated:NAME --> ... <!-- /generated -->`);
  return filled;
}

/**
 * A Markdown table; cells are escaped where they would break a row.
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function renderTable(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** @param {Schema} schema @returns {string} */
function describeType(schema) {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(' or ');
  if (schema.anyOf) return schema.anyOf.map(describeType).join(' or ');
  if (schema.items) return `list of ${describeType(schema.items)}`;
  if (schema.properties) return 'mapping';
  if (typeof schema.additionalProperties === 'object') return `mapping to ${describeType(schema.additionalProperties)}`;
  if (schema.type === 'boolean') return '`true` or `false`';
  return schema.type === 'integer' ? `number, ${schema.minimum} to ${schema.maximum}` : 'text';
}

/** @param {Schema} schema @param {string} prefix @returns {string[][]} */
function configRows(schema, prefix = '') {
  return Object.entries(schema.properties ?? {}).flatMap(([key, member]) => {
    const isSection = member.properties !== undefined;
    const isPlain = member.default === undefined || typeof member.default === 'object';
    const value = isPlain ? '' : `\`${member.default}\``;
    return [
      [`\`${prefix}${key}\``, describeType(member), value, member.description ?? ''],
      ...(isSection ? configRows(member, `${prefix}${key}.`) : []),
    ];
  });
}

/** @param {import('commander').Command} program */
function commandTables(program) {
  const all = program.commands.flatMap((command) =>
    command.commands.length === 0
      ? [{ name: command.name(), command }]
      : command.commands.map((member) => ({ name: `${command.name()} ${member.name()}`, command: member })),
  );
  const commands = all.map(({ name, command }) => [`\`rebundle ${name} ${command.usage()}\``, command.summary()]);
  const help = program.createHelp();
  /** @type {Map<string, { flags: string, text: string, names: string[] }>} */
  const options = new Map();
  for (const { name, command } of all) {
    for (const option of command.options) {
      const { flags } = option;
      const text = help.optionDescription(option);
      // One command may mean something else by a name.
      const key = JSON.stringify([flags, text]);
      const entry = options.get(key) ?? { flags, text, names: [] };
      entry.names.push(name);
      options.set(key, entry);
    }
  }
  const rows = [...options.values()].map(({ flags, text, names }) => [`\`${flags}\``, names.join(', '), text]);
  return `${renderTable(['command', 'does'], commands)}\n\n${renderTable(['option', 'of', 'meaning'], rows)}`;
}

/**
 * The regions of README.md by name.
 * @param {{ schema: Schema, program: import('commander').Command, statuses: readonly { status: number, meaning: string }[], errors: Record<string, { exit: number, help: string }>, findings: Record<string, { severity: string, help: string }> }} data
 */
export function renderRegions({ schema, program, statuses, errors, findings }) {
  return {
    config: renderTable(['key', 'value', 'default', 'meaning'], configRows(schema)),
    commands: commandTables(program),
    'exit-statuses': renderTable(
      ['status', 'meaning'],
      statuses.map(({ status, meaning }) => [`${status}`, meaning]),
    ),
    errors: renderTable(
      ['code', 'exit', 'what to do'],
      Object.entries(errors).map(([code, { exit: status, help }]) => [`\`${code}\``, `${status}`, help]),
    ),
    findings: renderTable(
      ['finding', 'severity', 'meaning'],
      Object.entries(findings).map(([code, { severity, help }]) => [`\`${code}\``, severity, help]),
    ),
  };
}

/**
 * The summary that a run of the built program prints, without its time.
 * @param {...string} words
 */
function runSample(...words) {
  const folder = mkdtempSync(join(tmpdir(), 'rebundle-docs-'));
  try {
    cpSync(new URL('samples/', ROOT), join(folder, 'samples'), { recursive: true });
    const program = fileURLToPath(new URL('dist/cli/main.js', ROOT));
    const options = {
      cwd: folder,
      encoding: /** @type {const} */ ('utf8'),
      env: { PATH: process.env.PATH, NO_COLOR: '1' },
    };
    const { stderr: text } = spawnSync(process.execPath, [program, 'run', ...words, '--reporter', 'lines'], options);
    const summary = text.slice(text.indexOf('\n', text.lastIndexOf('\nend ') + 1) + 1);
    return `\`\`\`\n${summary.replace(/ \(\d+\.\d s\)/, '').trimEnd()}\n\`\`\``;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {boolean} check */
async function main(check) {
  const load = (path) => import(new URL(`dist/${path}`, ROOT).href);
  const [config, cli, list, status, errors, findings, report] = await Promise.all(
    [
      'config.js',
      'cli/program.js',
      'cli/command-list.js',
      'cli/exit-status.js',
      'errors.js',
      'model/findings.js',
      'report/report-schema.js',
    ].map(load),
  ).catch((cause) => {
    throw new Error('dist/ cannot be loaded, build first', { cause });
  });
  const schema = config.configJsonSchema();
  const regions = {
    'sample-run': runSample('--config', 'samples/rebundle.yml'),
    'sample-broken': runSample('--config', 'samples/broken/rebundle.yml', '--out', 'out/broken'),
    ...renderRegions({
      schema,
      program: cli.createProgram({ commands: await list.loadCommands(), version: '' }),
      statuses: status.EXIT_STATUSES,
      errors: errors.ERRORS,
      findings: findings.FINDINGS,
    }),
  };
  const read = (path) => readFileSync(new URL(path, ROOT), 'utf8');
  const readme = read('README.md');
  const wanted = new Map([
    ['schemas/rebundle.schema.json', `${JSON.stringify(schema, null, 2)}\n`],
    ['schemas/report.schema.json', `${JSON.stringify(report.reportJsonSchema(), null, 2)}\n`],
  ]);
  try {
    wanted.set('README.md', fillRegions(readme, regions));
  } catch (cause) {
    throw new Error(`README.md: ${cause.message}`, { cause });
  }
  const stale = [...wanted].filter(([path, text]) => {
    try {
      return read(path) !== text;
    } catch {
      return true;
    }
  });
  for (const [path, text] of stale) {
    stdout.write(`${check ? 'stale' : 'written'}: ${path}\n`);
    if (check) continue;
    mkdirSync(new URL('schemas/', ROOT), { recursive: true });
    writeFileSync(new URL(path, ROOT), text);
  }
  if (check && stale.length > 0) {
    stderr.write('Run: npm run docs\n');
    exit(1);
  }
}

if (argv[1] !== undefined && pathToFileURL(argv[1]).href === import.meta.url) {
  await main(argv.includes('--check')).catch((error) => {
    stderr.write(`generate-docs: ${error.message}\n`);
    exit(1);
  });
}
