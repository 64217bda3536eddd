import { describe, expect, it } from 'vitest';
import { convertTexts } from './convert-package.ts';

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
