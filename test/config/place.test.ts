import { expect, test } from 'vitest';
import { parsePlace } from '../../src/lib/place.ts';

test.each([
  ['oci-layout:../out/registry', { kind: 'oci-layout', directory: '../out/registry' }],
  ['oci-layout:/with blanks:and colons', { kind: 'oci-layout', directory: '/with blanks:and colons' }],
  ['memory:', { kind: 'memory' }],
  ['hub.riverbend.example', { kind: 'registry', host: 'hub.riverbend.example' }],
  ['docker.io', { kind: 'registry', host: 'docker.io' }],
  ['localhost', { kind: 'registry', host: 'localhost' }],
  ['registry:5000', { kind: 'registry', host: 'registry:5000' }],
  ['127.0.0.1:5000', { kind: 'registry', host: '127.0.0.1:5000' }],
  ['[::1]:5000', { kind: 'registry', host: '[::1]:5000' }],
])('%s is a place', (text, place) => {
  expect(parsePlace(text)).toEqual(place);
});

test.each([
  '',
  'oci-layout:',
  'oci-layout:a\nb',
  'memory',
  'memory:x',
  'hub',
  'https://hub.riverbend.example',
  'hub.riverbend.example/path',
  'hub..example',
  '-hub.example',
  'hub.example:',
  'hub.example:port',
  'hub.example\n',
])('%j is no place', (text) => {
  expect(parsePlace(text)).toBeUndefined();
});
