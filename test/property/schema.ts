import * as fc from 'fast-check';
import { expect } from 'vitest';
import { prepareRender } from '../../src/dockerapp/render.ts';
import type { Semantics } from '../../src/model/app.ts';
import { convertFiles, splitFiles } from '../convert/convert-package.ts';
import { schemaPackage } from './schema-arbitrary.ts';

/** What a release of docker-app renders converts under its semantics, and is equal. */
export const renderedPackagesConvert = fc.asyncProperty(
  schemaPackage,
  fc.constantFrom<Semantics>('0.2', '0.4-0.8', '0.9'),
  fc.constantFrom<'device' | 'single'>('device', 'single'),
  async ({ compose, parameters }, semantics, interpolation) => {
    const files = new Map([
      ['web.dockerapp/metadata.yml', Buffer.from("name: web\nversion: '1.0'\n")],
      ['web.dockerapp/docker-compose.yml', Buffer.from(compose)],
      [`web.dockerapp/${semantics === '0.9' ? 'parameters' : 'settings'}.yml`, Buffer.from(parameters)],
      ['web.dockerapp/a.env', Buffer.from('FROM_FILE=1\n')],
      ['web.dockerapp/b.env', Buffer.from('FROM_FILE=2\n')],
    ]);
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
