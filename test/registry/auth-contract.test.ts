import { afterAll, beforeAll, describe } from 'vitest';
import { createAuthorizer } from '../../src/registry/auth.ts';
import {
  type DockerRegistry,
  type DockerRegistryOptions,
  hasDockerRegistry,
  PASSWORD,
  startDockerRegistry,
  USER,
} from '../support/docker-registry.ts';
import { startHostileServer } from '../support/hostile-server.ts';
import { inOwnSpace, openHttpRegistry } from '../support/http-registry.ts';
import { describeRegistryContract } from './contract.ts';

const hasRegistry = hasDockerRegistry();

describe.skipIf(!hasRegistry)(
  hasRegistry ? 'docker-registry with credentials' : 'docker-registry with credentials: SKIPPED, it is not installed',
  () => {
    describe.each<[string, DockerRegistryOptions]>([
      ['https and tokens', { tls: true, auth: 'token' }],
      ['http and Basic', { auth: 'basic' }],
    ])('%s', (name, options) => {
      let server: DockerRegistry;
      let count = 0;

      beforeAll(async () => {
        server = await startDockerRegistry({ inMemory: true, ...options });
      });
      afterAll(() => server?.close());

      describeRegistryContract(name, async () => {
        const { ca } = server;
        const settings = ca === undefined ? {} : { ca: [ca] };
        // The authorizer needs the transport, and the registry both.
        const { transport } = openHttpRegistry(server.host, { settingsFor: () => settings });
        const authorizer = createAuthorizer({
          credentialsFor: async () => ({ kind: 'basic', username: USER, password: PASSWORD, source: 'test' }),
          send: transport.sendToken,
          now: () => Date.now(),
          checkRealm: transport.checkRealm,
        });
        const parts = openHttpRegistry(server.host, { settingsFor: () => settings, authorizer });
        count += 1;
        return {
          registry: inOwnSpace(parts.registry, `space${count}`),
          isServer: true,
          close: async () => {
            await Promise.all([transport.close(), parts.transport.close()]);
          },
        };
      });
    });
  },
);

// What the tests of faults build upon is a registry as others are.
describeRegistryContract('the hostile server, when it is not hostile', async () => {
  const server = await startHostileServer();
  const { registry, transport } = openHttpRegistry(server.host);
  return {
    registry,
    isServer: true,
    close: async () => {
      await transport.close();
      await server.close();
    },
  };
});
