import { describe, expect, it } from 'vitest';
import { parseIgnoreRules } from '../../src/bundle/ignore-rules.ts';
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES } from '../../src/bundle/limits.ts';
import {
  listIgnoreFiles,
  listUnreferencedFiles,
  planSupportFiles,
  type SupportFileInput,
} from '../../src/bundle/support-files.ts';
import type { FileEntry, FileReference } from '../../src/model/app.ts';

function entry(path: string, mode: FileEntry['mode'] = 'file', size = 1): FileEntry {
  return { path, mode, size };
}

function entries(...paths: string[]): FileEntry[] {
  return paths.map((path) => entry(path));
}

function reference(path: string, change: Partial<FileReference> = {}): FileReference {
  return {
    kind: 'bind',
    services: ['web'],
    path,
    required: false,
    location: { path: 'apps/web.dockerapp', line: 7, column: 9 },
    ...change,
  };
}

const envFile = (path: string) => reference(path, { kind: 'env_file', required: true });

const single: SupportFileInput['package'] = { name: 'web', kind: 'single-file', path: 'apps/web.dockerapp' };
const folder: SupportFileInput['package'] = { name: 'web', kind: 'folder', path: 'apps/web.dockerapp' };

function plan(input: Partial<SupportFileInput>) {
  const result = planSupportFiles({ package: single, entries: [], attachments: [], references: [], ...input });
  return {
    ...result,
    paths: result.files.map((file) => file.path),
    pairs: result.files.map((file) => `${file.source} -> ${file.path}`),
    codes: result.diagnostics.map((diagnostic) => `${diagnostic.severity} ${diagnostic.code}`),
  };
}

describe('attachments', () => {
  it('all go into the bundle of a folder package, by path', () => {
    const attachments = [
      entry('apps/web.dockerapp/run.sh', 'executable', 20),
      entry('apps/web.dockerapp/conf/nginx.conf', 'file', 10),
      entry('apps/web.dockerapp/conf/link.conf', 'symlink', 4),
    ];
    const result = plan({ package: folder, entries: attachments, attachments });
    const reason = 'in the package';
    expect(result.files).toEqual([
      { path: 'conf/link.conf', source: 'apps/web.dockerapp/conf/link.conf', executable: false, size: 4, reason },
      { path: 'conf/nginx.conf', source: 'apps/web.dockerapp/conf/nginx.conf', executable: false, size: 10, reason },
      { path: 'run.sh', source: 'apps/web.dockerapp/run.sh', executable: true, size: 20, reason },
    ]);
    expect(result.diagnostics).toEqual([]);
  });

  it('that are no files are left out, special ones with a finding', () => {
    const attachments = [entry('apps/web.dockerapp/empty', 'directory'), entry('apps/web.dockerapp/pipe', 'other')];
    const result = plan({ package: folder, attachments });
    expect(result.files).toEqual([]);
    expect(result.diagnostics).toMatchObject([
      { code: 'file.special', severity: 'warning', message: expect.stringContaining('"apps/web.dockerapp/pipe"') },
    ]);
  });

  it.each([
    '.env',
    'compose.yml',
    'compose.yaml',
    'docker-compose.yaml',
    'docker-compose.override.yml',
    'compose.override.yaml',
    '.need_start',
    '.meta/state',
    'old.tgz',
  ])('with the reserved name %s are left out with a finding', (name) => {
    const attachments = entries(`apps/web.dockerapp/${name}`, `apps/web.dockerapp/sub/${name}`);
    const result = plan({ package: folder, attachments });
    expect(result.paths).toEqual([`sub/${name}`]);
    expect(result.diagnostics).toMatchObject([
      { code: 'file.reserved', severity: 'warning', message: expect.stringContaining(name) },
    ]);
  });

  it.each(['compose.yml.md', 'env', '.env.example', 'tgz', 'need_start'])('named %s are not reserved', (name) => {
    expect(plan({ package: folder, attachments: entries(`apps/web.dockerapp/${name}`) }).paths).toEqual([name]);
  });

  it('with hostile names are errors that show the name escaped', () => {
    const result = plan({ package: folder, attachments: entries('apps/web.dockerapp/a\u001b[2Jb') });
    expect(result.files).toEqual([]);
    expect(result.diagnostics).toMatchObject([
      { code: 'BUNDLE_PATH', severity: 'error', message: expect.stringContaining('a\\u001b[2Jb') },
    ]);
  });

  it('with names that differ in case only are errors that name both', () => {
    const attachments = entries('apps/web.dockerapp/README', 'apps/web.dockerapp/readme');
    expect(plan({ package: folder, attachments }).diagnostics).toMatchObject([
      { code: 'BUNDLE_PATH', severity: 'error', message: '"README" and "readme" cannot be in one bundle' },
    ]);
  });

  it('may not be another spelling of docker-compose.yml', () => {
    expect(plan({ package: folder, attachments: entries('apps/web.dockerapp/Docker-Compose.yml') }).codes).toEqual([
      'error BUNDLE_PATH',
    ]);
  });

  it('over the limits of a bundle are errors', () => {
    const big = [entry('apps/web.dockerapp/big', 'file', MAX_BUNDLE_BYTES + 1)];
    expect(plan({ package: folder, attachments: big }).codes).toEqual(['error BUNDLE_LIMIT']);
    const many = entries(...Array.from({ length: MAX_BUNDLE_FILES }, (_, i) => `apps/web.dockerapp/${i}`));
    expect(plan({ package: folder, attachments: many }).codes).toEqual(['error BUNDLE_LIMIT']);
    expect(plan({ package: folder, attachments: many.slice(1) }).codes).toEqual([]);
  });
});

describe('references', () => {
  const everywhere = entries('apps/web.dockerapp/a.conf', 'apps/web/a.conf', 'apps/a.conf', 'a.conf');

  it('are found in the package, then in the folder beside it, then beside it', () => {
    const references = [reference('./a.conf')];
    const inside = plan({ package: folder, entries: everywhere, references });
    expect(inside.pairs).toEqual(['apps/web.dockerapp/a.conf -> a.conf']);
    expect(inside.codes).toEqual([]);

    const sibling = plan({ entries: everywhere, references });
    expect(sibling.pairs).toEqual(['apps/web/a.conf -> a.conf']);
    expect(sibling.diagnostics).toMatchObject([
      {
        code: 'file.beside-package',
        severity: 'note',
        message: 'bind "./a.conf" of service "web" was taken from "apps/web/a.conf", beside the package',
        location: { path: 'apps/web.dockerapp', line: 7, column: 9 },
      },
    ]);

    const beside = plan({ entries: everywhere.slice(2), references });
    expect(beside.pairs).toEqual(['apps/a.conf -> a.conf']);
    expect(beside.codes).toEqual(['note file.beside-package']);

    expect(plan({ entries: everywhere.slice(3), references }).codes).toEqual(['warning file.source-missing']);
  });

  it('are found for a package at the top of its repository', () => {
    const pack = { ...single, path: 'web.dockerapp' };
    const references = [reference('conf')];
    expect(plan({ package: pack, entries: entries('web/conf/a'), references }).pairs).toEqual(['web/conf/a -> conf/a']);
    expect(plan({ package: pack, entries: entries('conf/a'), references }).pairs).toEqual(['conf/a -> conf/a']);
  });

  it('to a folder bring everything below it, and nothing that only begins alike', () => {
    const result = plan({
      entries: [
        ...entries('apps/web/conf/z', 'apps/web/conf/sub/a', 'apps/web/conf.d/x', 'apps/web/conf-old', 'apps/web/con'),
        entry('apps/web/conf/run', 'executable'),
      ],
      references: [reference('conf/./sub/../')],
    });
    expect(result.pairs).toEqual([
      'apps/web/conf/run -> conf/run',
      'apps/web/conf/sub/a -> conf/sub/a',
      'apps/web/conf/z -> conf/z',
    ]);
    expect(result.files[0]?.executable).toBe(true);
  });

  it('to an empty folder are found', () => {
    const result = plan({ entries: [entry('apps/web/data', 'directory')], references: [reference('data')] });
    expect(result.files).toEqual([]);
    expect(result.codes).toEqual(['note file.beside-package']);
  });

  it('to the folder of the compose file take the sibling folder but never its compose file, nor what lies beside', () => {
    const result = plan({
      entries: entries('apps/web/docker-compose.yml', 'apps/web/a', 'apps/web/.env', 'apps/other.dockerapp'),
      references: [reference('.')],
    });
    expect(result.pairs).toEqual(['apps/web/a -> a']);
    expect(result.codes).toEqual(['note file.beside-package', 'warning file.reserved']);
    expect(plan({ entries: entries('apps/other.dockerapp'), references: [reference('./')] })).toMatchObject({
      files: [],
      diagnostics: [],
    });
  });

  it('to docker-compose.yml mean the compose file of the bundle', () => {
    const result = plan({
      entries: entries('apps/web/docker-compose.yml'),
      references: [reference('./docker-compose.yml'), envFile('docker-compose.yml')],
    });
    expect(result).toMatchObject({ files: [], diagnostics: [] });
  });

  it('that are missing are errors where the file is needed, else warnings', () => {
    const result = plan({
      entries: entries('apps/web/other'),
      references: [envFile('web.env'), reference('data', { services: ['db', 'web'] })],
    });
    expect(result.diagnostics).toMatchObject([
      {
        code: 'BUNDLE_FILE_MISSING',
        severity: 'error',
        message:
          'env_file "web.env" of service "web" is not in the repository: looked for "apps/web/web.env", "apps/web.env"',
        location: { line: 7, column: 9 },
      },
      {
        code: 'file.source-missing',
        severity: 'warning',
        message:
          'bind "data" of services "db", "web" is not in the repository: looked for "apps/web/data", "apps/data"',
      },
    ]);
  });

  it('through a link that leads nowhere say so', () => {
    const result = plan({ entries: [entry('apps/web/conf', 'symlink')], references: [reference('conf/a')] });
    expect(result.diagnostics[0]?.message).toContain('the link "apps/web/conf" leads to no folder of the repository');
  });

  it('through a link to a folder of the repository, or to one, find the files there', () => {
    const link: FileEntry = {
      ...entry('apps/web/conf', 'symlink'),
      target: { path: 'shared/conf', mode: 'directory' },
    };
    const all = [link, ...entries('shared/conf/a', 'shared/conf/sub/b')];
    expect(plan({ entries: all, references: [reference('conf/a')] }).pairs).toEqual(['shared/conf/a -> conf/a']);
    expect(plan({ entries: all, references: [reference('conf')] }).pairs).toEqual([
      'shared/conf/a -> conf/a',
      'shared/conf/sub/b -> conf/sub/b',
    ]);
    expect(plan({ entries: all, references: [envFile('conf')] }).codes).toEqual(['error BUNDLE_FILE_MISSING']);
    const attachment = { ...link, path: 'apps/web.dockerapp/conf' };
    const result = plan({ package: folder, attachments: [attachment], entries: [attachment, ...all.slice(1)] });
    expect(result.pairs).toEqual(['shared/conf/a -> conf/a', 'shared/conf/sub/b -> conf/sub/b']);
  });

  it('to links in linked folders go in no circle', () => {
    const link = (path: string, target: string): FileEntry => ({
      ...entry(path, 'symlink'),
      target: { path: target, mode: 'directory' },
    });
    const all = [link('apps/web/conf', 'shared'), entry('shared/a'), link('shared/again', 'shared')];
    const result = plan({ entries: all, references: [reference('conf')] });
    expect(result.pairs).toEqual(['shared/a -> conf/a', 'shared/a -> conf/again/a']);
    expect(result.codes).toEqual(['note file.beside-package', 'warning file.special']);
  });

  it('to many links in a linked folder stop at the limit', () => {
    const links = Array.from({ length: 1000 }, (_, i): FileEntry => {
      return { ...entry(`apps/web/conf/${i}`, 'symlink'), target: { path: 'shared', mode: 'directory' } };
    });
    const shared = Array.from({ length: 10_000 }, (_, i) => entry(`shared/${i}`));
    const result = plan({ entries: [...links, ...shared], references: [reference('conf')] });
    expect(result.codes).toEqual(['note file.beside-package', 'error BUNDLE_LIMIT']);
  });

  it('to a link keep the mode of what it leads to', () => {
    const link: FileEntry = { ...entry('apps/web/run', 'symlink'), target: { path: 'run.sh', mode: 'executable' } };
    expect(plan({ entries: [link], references: [reference('run')] }).files).toMatchObject([
      { path: 'run', source: 'apps/web/run', executable: true },
    ]);
  });

  it('that leave the bundle are errors with their place', () => {
    for (const path of ['../secret', 'a/../../secret', '..', 'a/b/../../../apps/web/x']) {
      const result = plan({ entries: entries('secret', 'apps/secret', 'apps/web/x'), references: [reference(path)] });
      expect(result.files).toEqual([]);
      expect(result.diagnostics).toMatchObject([
        { code: 'BUNDLE_PATH', severity: 'error', location: { line: 7, column: 9 } },
      ]);
    }
  });

  it('that are absolute are the business of the device', () => {
    expect(plan({ entries: entries('apps/web/etc/x'), references: [reference('/etc/x')] })).toMatchObject({
      files: [],
      diagnostics: [],
    });
  });

  it('to a reserved name are errors, but a mount of what is not there is as missing as any', () => {
    const error = [{ code: 'BUNDLE_PATH', severity: 'error', message: expect.stringContaining('reserved name') }];
    const there = plan({ entries: entries('apps/web/.env'), references: [reference('./.env')] });
    expect(there.files).toEqual([]);
    expect(there.diagnostics).toMatchObject(error);
    expect(plan({ references: [envFile('.env')] }).diagnostics).toMatchObject(error);
    expect(plan({ references: [reference('.meta/x')] }).codes).toEqual(['warning file.source-missing']);
  });

  it('to a folder where a file is needed are errors', () => {
    const result = plan({ entries: entries('apps/web/conf/a'), references: [envFile('conf')] });
    expect(result.files).toEqual([]);
    expect(result.diagnostics).toMatchObject([
      { code: 'BUNDLE_FILE_MISSING', message: 'env_file "conf" of service "web" is not a file: "apps/web/conf"' },
    ]);
  });

  it('to something special are errors where a file is needed, else left out', () => {
    const special = [entry('apps/web/socket', 'other')];
    expect(plan({ entries: special, references: [envFile('socket')] }).codes).toEqual(['error BUNDLE_FILE_MISSING']);
    expect(plan({ entries: special, references: [reference('socket')] })).toMatchObject({
      files: [],
      codes: ['note file.beside-package', 'warning file.special'],
    });
  });

  it('to a link include it as a file', () => {
    const result = plan({ entries: [entry('apps/web/a', 'symlink')], references: [envFile('a')] });
    expect(result.pairs).toEqual(['apps/web/a -> a']);
  });

  it('without services are described too', () => {
    const result = plan({ references: [reference('x', { kind: 'config', services: [], required: true })] });
    expect(result.diagnostics[0]?.message).toMatch(/^config "x" is not in the repository/);
  });

  it('that repeat give each file and each finding once', () => {
    const result = plan({
      entries: entries('apps/web/a'),
      references: [reference('a'), reference('./a'), reference('a'), reference('gone'), reference('gone')],
    });
    expect(result.paths).toEqual(['a']);
    expect(result.diagnostics.map((diagnostic) => diagnostic.message.split(' was ')[0]?.split(' is ')[0])).toEqual([
      'bind "a" of service "web"',
      'bind "./a" of service "web"',
      'bind "gone" of service "web"',
    ]);
  });

  it('do not depend on the order of the listing', () => {
    const all = entries('apps/web/conf/b', 'apps/web/conf/a', 'apps/web/conf/c', 'apps/a');
    const references = [reference('conf'), reference('a')];
    expect(plan({ entries: all.toReversed(), references })).toEqual(plan({ entries: all, references }));
  });

  it('and attachments are joined', () => {
    const attachments = entries('apps/web.dockerapp/a', 'apps/web.dockerapp/b');
    const result = plan({
      package: folder,
      attachments,
      entries: [...attachments, ...entries('apps/c')],
      references: [reference('b'), reference('c')],
    });
    expect(result.pairs).toEqual(['apps/web.dockerapp/a -> a', 'apps/web.dockerapp/b -> b', 'apps/c -> c']);
  });
});

describe('ignore rules', () => {
  const under = (folderPath: string, lines: string) => ({
    folder: folderPath,
    rules: parseIgnoreRules(lines, `${folderPath}/.composeappignores`),
  });

  it('are read from the folder of the package and from the one beside it', () => {
    const all = entries(
      'apps/web.dockerapp/.composeappignores',
      'apps/web/.composeappignores',
      'apps/.composeappignores',
    );
    expect(listIgnoreFiles(folder, all)).toEqual(all.slice(0, 2).map(({ path }) => path));
    expect(listIgnoreFiles(single, all.slice(1))).toEqual(['apps/web/.composeappignores']);
    expect(listIgnoreFiles(single, [entry('apps/web/.composeappignores', 'directory')])).toEqual([]);
  });

  it('keep attachments out, themselves included, and say which rule', () => {
    const attachments = entries(
      ...['.composeappignores', 'docs/a.md', 'docs/keep.md', 'run.sh'].map((path) => `apps/web.dockerapp/${path}`),
    );
    const ignores = [under('apps/web.dockerapp', '# docs\ndocs\n!docs/keep.md\n')];
    const result = plan({ package: folder, entries: attachments, attachments, ignores });
    expect(result.paths).toEqual(['docs/keep.md', 'run.sh']);
    expect(result.diagnostics).toEqual([]);
    expect(result.leftOut).toEqual([
      {
        path: '.composeappignores',
        source: 'apps/web.dockerapp/.composeappignores',
        size: 1,
        reason: 'the ignore rules themselves',
      },
      {
        path: 'docs/a.md',
        source: 'apps/web.dockerapp/docs/a.md',
        size: 1,
        reason: 'rule "docs" of apps/web.dockerapp/.composeappignores:2',
      },
    ]);
  });

  it('hold for the files of their own folder alone', () => {
    const all = entries('apps/web/a', 'apps/a', 'apps/web.dockerapp/a');
    const ignores = [under('apps/web', 'a')];
    expect(plan({ entries: all.slice(1, 2), references: [reference('a')], ignores }).pairs).toEqual(['apps/a -> a']);
    expect(plan({ package: folder, entries: all, references: [reference('a')], ignores }).pairs).toEqual([
      'apps/web.dockerapp/a -> a',
    ]);
  });

  it('that keep out what is mounted are a warning, what has to be read an error', () => {
    const all = entries('apps/web/data/x', 'apps/web/app.env');
    const ignores = [under('apps/web', 'data\n*.env')];
    const result = plan({ entries: all, references: [reference('data'), envFile('app.env')], ignores });
    expect(result.paths).toEqual([]);
    expect(result.diagnostics).toMatchObject([
      {
        code: 'file.ignored',
        severity: 'warning',
        message: 'bind "data" of service "web" is left out by the rule "data" of apps/web/.composeappignores:1',
        location: { line: 7 },
      },
      { code: 'BUNDLE_FILE_MISSING', message: expect.stringContaining('"*.env" of apps/web/.composeappignores:2') },
    ]);
  });

  it('may keep out a part of a mounted folder', () => {
    const result = plan({
      entries: entries('apps/web/conf/a', 'apps/web/conf/b.bak'),
      references: [reference('conf')],
      ignores: [under('apps/web', '**/*.bak')],
    });
    expect(result.paths).toEqual(['conf/a']);
    expect(result.codes).toEqual(['note file.beside-package']);
  });

  it('must not match docker-compose.yml', () => {
    const result = plan({ ignores: [under('apps/web', '# all\n*\n!conf\n')] });
    expect(result.diagnostics).toMatchObject([
      {
        code: 'BUNDLE_PATH',
        message: expect.stringContaining('"*"'),
        hint: expect.stringContaining('!docker-compose.yml'),
        location: { path: 'apps/web/.composeappignores', line: 2 },
      },
    ]);
    expect(plan({ ignores: [under('apps/web', '*\n!docker-compose.yml')] }).codes).toEqual([]);
  });
});

describe('the whole folder beside the package', () => {
  const all = entries(
    'apps/web/a',
    'apps/web/docker-compose.yml',
    'apps/web/.env',
    'apps/web/x/b',
    'apps/website/c',
    'apps/d',
  );

  it('goes in where that is asked for', () => {
    const result = plan({ entries: all, all: true });
    expect(result.pairs).toEqual(['apps/web/a -> a', 'apps/web/x/b -> x/b']);
    expect(result.codes).toEqual(['warning file.reserved']);
    expect(result.leftOut.map(({ path }) => path)).toEqual(['.env']);
  });

  it('gives way to what the package has', () => {
    const attachments = entries('apps/web.dockerapp/a');
    const result = plan({ package: folder, attachments, entries: [...attachments, ...all], all: true });
    expect(result.pairs).toEqual(['apps/web.dockerapp/a -> a', 'apps/web/x/b -> x/b']);
  });

  it('is otherwise told as what nothing refers to', () => {
    const result = plan({ entries: all, references: [reference('x')] });
    expect(
      listUnreferencedFiles({ package: single, entries: all }, result).map(({ path, reason }) => [path, reason]),
    ).toEqual([
      ['.env', 'nothing refers to it; bundle.files: all would take it'],
      ['a', 'nothing refers to it; bundle.files: all would take it'],
      ['docker-compose.yml', 'the package is the source of the compose file'],
    ]);
  });
});
