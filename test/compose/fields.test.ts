import { describe, expect, test } from 'vitest';
import { castOf, isInterpolated, isTextMap } from '../../src/compose/fields.ts';

const at = (place: string): string[] => place.split('/');

describe('castOf', () => {
  test.each([
    ['services/web/deploy/replicas', 'int'],
    ['services/a.b/ports/0/target', 'int'],
    ['services/web/ports/12/published', 'int'],
    ['services/web/ulimits/nofile', 'int'],
    ['services/web/ulimits/nofile/soft', 'int'],
    ['services/web/healthcheck/retries', 'int'],
    ['services/web/deploy/update_config/max_failure_ratio', 'float'],
    ['services/web/read_only', 'bool'],
    ['services/web/volumes/0/volume/nocopy', 'bool'],
    ['networks/front/external', 'bool'],
    ['volumes/data/external', 'bool'],
    ['services/web/ports/0', undefined],
    ['services/web/init', undefined],
    ['services/web/secrets/0/mode', undefined],
    ['services/web/environment/replicas', undefined],
    ['services/web/labels/read_only', undefined],
    ['x-deploy/web/deploy/replicas', undefined],
    ['services/web/deploy/replicas/x', undefined],
  ])('%s is cast to %s', (place, cast) => {
    expect(castOf(at(place))).toBe(cast);
  });
});

describe('isTextMap', () => {
  test.each([
    ['services/web/environment/A', true],
    ['services/web/environment/0', true],
    ['services/web/labels/a.b', true],
    ['services/web/deploy/labels/x', true],
    ['services/web/build/args/x', true],
    ['services/web/logging/options/max-size', true],
    ['networks/n/driver_opts/x', true],
    ['services/web/environment', false],
    ['services/web/image', false],
    ['services/web/logging/driver', false],
    ['x-env/environment/A', false],
  ])('%s: %s', (place, expected) => {
    expect(isTextMap(at(place))).toBe(expected);
  });
});

describe('isInterpolated', () => {
  test.each([
    ['services/web/command', true],
    ['volumes/data/name', true],
    ['configs/c/file', true],
    ['services/web/x-note', true],
    ['version', false],
    ['name', false],
    ['x-common/image', false],
    ['services', false],
  ])('%s: %s', (place, expected) => {
    expect(isInterpolated(at(place))).toBe(expected);
  });
});
