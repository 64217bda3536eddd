import { describe, expect, it } from 'vitest';
import { convertFiles, convertTexts } from './convert-package.ts';

const HEAD = "version: '3.7'\nservices:\n  a:\n    image: busybox\n";

describe('what only a device refuses', () => {
  const refused = [
    ['a link to nothing', '    links: [b]\n'],
    ['a volume that is not declared', '    volumes: ["data:/data"]\n'],
    ['a network that is not declared', '    networks: [missing]\n'],
    ['an option that is none', '    security_opt: [x]\n'],
  ] as const;

  it.each(refused)('stops plan and run, and is a warning of convert: %s', async (_, lines) => {
    const planned = await convertTexts(HEAD + lines, '{}\n');
    expect(planned.failed).toBe(true);
    const converted = await convertTexts(HEAD + lines, '{}\n', { deviceSeverity: 'warning' });
    expect(converted.failed).toBe(false);
    expect(converted.app?.composeText).toBe(HEAD + lines);
    const [warning] = converted.diagnostics.filter(({ code }) => code === 'convert.not-publishable');
    expect(warning?.message).toMatch(/^docker-compose 1\.29 refuses this: /);
  });

  it('is a service that is only built', async () => {
    const text = "version: '3.7'\nservices:\n  a:\n    build: .\n";
    expect((await convertTexts(text, '{}\n')).failed).toBe(true);
    const { failed, diagnostics } = await convertTexts(text, '{}\n', { deviceSeverity: 'warning' });
    expect(failed).toBe(false);
    expect(diagnostics.map(({ message }) => message)).toContain(
      "plan and run refuse this: service 'a' is only built, and devices do not build",
    );
  });

  it('is read once where a release line was chosen', async () => {
    const lines = '    command: ["$$1"]\n';
    const options = { semantics: '0.4-0.8', deviceSeverity: 'warning' } as const;
    expect((await convertTexts(HEAD + lines, '{}\n', { deviceSeverity: 'warning' })).failed).toBe(true);
    expect((await convertTexts(HEAD + lines, '{}\n', { semantics: '0.9' })).failed).toBe(true);
    const files = HEAD.replace('3.7', '3.6') + lines;
    const { app, failed, diagnostics } = await convertTexts(files, '{}\n', { ...options, semantics: '0.9' });
    expect({ failed, text: app?.composeText }).toEqual({ failed: false, text: files });
    expect(diagnostics.map(({ code }) => code)).toContain('convert.not-publishable');
  });
});

describe('what docker-app 0.6 refused and auto takes', () => {
  const single = (text: string) => convertFiles(new Map([['web.dockerapp', Buffer.from(text)]]));
  const parts = ['version: 0.1.0\nname: web\n', HEAD, 'k: v\n'];

  it.each([
    ['a separator with a blank', parts.join('--- \n'), 'got 1', '1:1'],
    ['a separator with a comment', `${parts[0]}---\n${parts[1]}--- # p\n${parts[2]}`, 'got 2', '1:1'],
    ['line ends of two characters', parts.join('---\n').replaceAll('\n', '\r\n'), 'got 1', '1:1'],
    ['two documents', parts.slice(0, 2).join('---\n'), 'got 2', '1:1'],
    ['separators of 0.2', parts.join('--\n').replace('3.7', '3.6'), 'got 1', '1:1'],
  ])('has a finding for %s', async (_, text, got, place) => {
    const { failed, diagnostics } = await single(text);
    expect(failed).toBe(false);
    const found = diagnostics.filter(({ code }) => code === 'package.split-refused');
    expect(found.map(({ message, location }) => `${location?.line}:${location?.column} ${message}`)).toEqual([
      `${place} docker-app 0.4 to 0.8 refused this: malformed single-file application: expected 3 documents, ${got}`,
    ]);
    expect((await convertFiles(new Map([['web.dockerapp', Buffer.from(text)]]), { semantics: '0.4-0.8' })).failed).toBe(
      true,
    );
  });

  it('has none where it is split so', async () => {
    for (const text of [parts.join('---\n'), `---\n${parts.join('---\n')}`, `\ufeff${parts.join('---\n')}`]) {
      const { failed, diagnostics } = await single(text);
      expect(failed).toBe(false);
      expect(diagnostics.map(({ code }) => code)).not.toContain('package.split-refused');
    }
  });

  it('has a finding for an env_file', async () => {
    const text = `${HEAD}    env_file: e.env\n`;
    const files = { 'metadata.yml': parts[0], 'docker-compose.yml': text, 'settings.yml': '', 'e.env': 'A=b\n' };
    const folder = new Map(
      Object.entries(files).map(([name, part]) => [`web.dockerapp/${name}`, Buffer.from(part ?? '')]),
    );
    const { app, failed, diagnostics } = await convertFiles(folder, { deviceSeverity: 'warning' });
    expect({ failed, text: app?.composeText }).toEqual({ failed: false, text });
    const [found, ...more] = diagnostics.filter(({ code }) => code === 'package.env-file');
    expect(found).toMatchObject({ severity: 'warning', location: { line: 5 } });
    expect(found?.message).toContain('env_file e.env');
    expect(more).toEqual([]);
    expect((await convertFiles(folder, { semantics: '0.4-0.8', deviceSeverity: 'warning' })).failed).toBe(true);
  });
});

describe('what docker-app refused', () => {
  it('is refused by convert too', async () => {
    const { failed, diagnostics } = await convertTexts(`${HEAD}    mem_limit: 1g\n`, '{}\n', {
      deviceSeverity: 'warning',
    });
    expect(failed).toBe(true);
    expect(diagnostics.map(({ code }) => code)).toContain('COMPOSE_FORBIDDEN');
    expect(diagnostics.map(({ code }) => code)).not.toContain('convert.not-publishable');
  });
});
