import { afterAll, beforeAll, describe } from 'vitest';
import { type DockerRegistry, hasDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { inOwnSpace, openHttpRegistry } from '../support/http-registry.ts';
import { describeRegistryContract } from './contract.ts';

describe.skipIf(!hasDockerRegistry())('against docker-registry', () => {
  let server: DockerRegistry;
  let count = 0;

  beforeAll(async () => {
    server = await startDockerRegistry({ inMemory: true });
  });
  afterAll(() => server?.close());

  for (const [name, chunkAbove] of [
    ['http', undefined],
    ['http in chunks', 100_000],
  ] as const) {
    describeRegistryContract(name, async () => {
      const { registry, transport } = openHttpRegistry(
        server.host,
        chunkAbove === undefined ? {} : { chunkAbove, chunkBytes: 500_000 },
      );
      count += 1;
      return { registry: inOwnSpace(registry, `space${count}`), isServer: true, close: () => transport.close() };
    });
  }
});
