import { describe, expect, it } from 'vitest';
import { castText, findCast } from '../../src/dockerapp/casts.ts';

it.each([
  ['services.a.deploy.replicas', 'int'],
  ['services.a.ports.0.target', 'int'],
  ['services.a.ulimits.nofile', 'int'],
  ['services.a.ulimits.nofile.soft', 'int'],
  ['services.a.secrets.1.mode', 'int'],
  ['services.a.deploy.update_config.max_failure_ratio', 'float'],
  ['services.a.privileged', 'bool'],
  ['services.a.volumes.0.volume.nocopy', 'bool'],
  ['networks.n.external', 'bool'],
  ['services.a.ports.0', undefined],
  ['services.a.init', undefined],
  ['services.a.deploy.rollback_config.parallelism', undefined],
  ['services.a.environment.privileged', undefined],
  ['x-services.a.privileged', undefined],
])('%s is cast to %s', (path, expected) => expect(findCast(path.split('.'))).toBe(expected));

describe('castText', () => {
  it.each([
    ['bool', 'y', 'true'],
    ['bool', 'YES', 'true'],
    ['bool', 'On', 'true'],
    ['bool', 'no', 'false'],
    ['bool', 'OFF', 'false'],
    ['bool', '1', undefined],
    ['bool', '', undefined],
    ['bool', ' true', undefined],
    ['int', '2', '2'],
    ['int', '-2', '-2'],
    ['int', '+2', '2'],
    ['int', '0440', '440'],
    ['int', '2.0', undefined],
    ['int', '0x10', undefined],
    ['int', '1_000', undefined],
    ['int', '', undefined],
    ['float', '0.5', '0.5'],
    ['float', '.5', '0.5'],
    ['float', '1e2', '100'],
    ['float', 'x', undefined],
  ] as const)('%s %j is %s', (cast, text, expected) => expect(castText(text, cast)).toBe(expected));
});
