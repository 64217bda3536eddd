import { pushImage } from '../pipeline/images.ts';
import { type HostileServer, startHostileServer } from './hostile-server.ts';
import { openHttpRegistry } from './http-registry.ts';

/** A targets file with one target of the tag main, `rpi-lmp-1`, which has no apps. */
export const PLAIN_TARGETS = JSON.stringify({
  _type: 'Targets',
  expires: '2037-01-01T00:00:00Z',
  version: 1,
  targets: {
    'rpi-lmp-1': {
      hashes: { sha256: 'a'.repeat(64) },
      length: 0,
      custom: { version: '1', name: 'rpi-lmp', hardwareIds: ['rpi'], tags: ['main'], targetFormat: 'OSTREE' },
    },
  },
});

/** A package with one service. `more` goes on in its flow mapping. */
export function plainPackage(name: string, image: string, more = ''): string {
  return `version: 1.0.0
name: ${name}
---
version: '3.7'
services:
  main: { image: "${image}"${more} }
---
`;
}

/** A registry that does as it is told, with one image, `HOST/tools/proxy:1`. */
export async function startImageServer(): Promise<HostileServer> {
  const server = await startHostileServer();
  const { registry, transport } = openHttpRegistry(server.host);
  await pushImage(registry, `${server.host}/tools/proxy:1`);
  await transport.close();
  return server;
}
