import { createMemoryRegistry } from '../../src/registry/memory.ts';
import { describeRegistryContract } from './contract.ts';

describeRegistryContract('memory', async () => ({ registry: createMemoryRegistry(), close: async () => {} }));
