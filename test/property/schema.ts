import * as fc from 'fast-check';
import { expect } from 'vitest';
import { prepareRender } from '../../src/dockerapp/render.ts';
import type { Semantics } from '../../src/model/app.ts';
import { convertFiles, splitFiles } from '../convert/convert-package.ts';
import { schemaPackage } from './schema-arbitrary.ts';

const semanticsOf = fc.constantFrom<Semantics>('0.2', '0.4-0.8', '0.9');
const interpolationOf = fc.constantFrom<'device' | 'single'>('device', 'single');

function filesOf(compose: string, parameters: string, semantics: Semantics): Map<string, Buffer> {
  return new Map([
    ['web.dockerapp/metadata.yml', Buffer.from("name: web\nversion: '1.0'\n")],
    ['web.dockerapp/docker-compose.yml', Buffer.from(compose)],
    [`web.dockerapp/${semantics === '0.9' ? 'parameters' : 'settings'}.yml`, Buffer.from(parameters)],
    ['web.dockerapp/a.env', Buffer.from('FROM_FILE=1\n')],
    ['web.dockerapp/b.env', Buffer.from('FROM_FILE=2\n')],
  ]);
}

/** What a release of docker-app renders converts under its semantics, and is equal. */
export const renderedPackagesConvert = fc.asyncProperty(
  schemaPackage,
  semanticsOf,
  interpolationOf,
  async ({ compose, parameters }, semantics, interpolation) => {
    const files = filesOf(compose, parameters, semantics);
    const rendered = prepareRender(await splitFiles(files, semantics))({});
    const converted = await convertFiles(files, { semantics, interpolation, deviceSeverity: 'warning' });
    if (!rendered.ok) {
      expect(converted.failed).toBe(true);
      return;
    }
    expect(converted.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(converted.proof?.differences).toEqual([]);
  },
);

/** What was converted is the same text when it is converted again, where the release reads it: not all that docker-app printed, it could read. */
export const resultsStay = fc.asyncProperty(
  schemaPackage,
  semanticsOf,
  interpolationOf,
  async ({ compose, parameters }, semantics, interpolation) => {
    const first = await convertFiles(filesOf(compose, parameters, semantics), {
      semantics,
      interpolation,
      deviceSeverity: 'warning',
    });
    const once = first.app?.composeText ?? '';
    // A variable with its default is no reference to docker-app.
    if (first.failed || once.includes('${')) return;
    const files = filesOf(once, '', semantics);
    const isRead = prepareRender(await splitFiles(files, semantics))({}).ok;
    const isPrinted = first.diagnostics.some(({ code }) => /^render\.(?:value|member|whole)/.test(code));
    expect({ once, isRead: isRead || isPrinted }).toEqual({ once, isRead: true });
    if (!isRead) return;
    const second = await convertFiles(files, { semantics, interpolation: 'single', deviceSeverity: 'warning' });
    expect(second.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(second.app?.composeText).toBe(once);
  },
);
