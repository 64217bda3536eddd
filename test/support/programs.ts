import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** True where a program can be started. Throws instead of false under CI=true: there nothing may be skipped. */
export function requireProgram(name: string): boolean {
  const found = spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
  if (!found && process.env.CI === 'true') throw new Error(`${name} is not installed, and CI must not skip its tests`);
  return found;
}

/**
 * Docker Compose v5: `DOCKER_COMPOSE_V5`, else where scripts/install-peers put it. It is called with the arguments of `docker compose`. Undefined where
 * it is not there; throws then under CI=true where Go is, as scripts/install-peers builds it.
 */
export function findComposeV5(): string | undefined {
  const path = process.env.DOCKER_COMPOSE_V5 ?? join(import.meta.dirname, '../../.cache/peers/docker-compose-v5');
  if (existsSync(path)) return path;
  const hasGo = spawnSync('go', ['version'], { stdio: 'ignore' }).error === undefined;
  if (hasGo && process.env.CI === 'true')
    throw new Error('Docker Compose v5 is not built, and CI must not skip its tests');
  return undefined;
}
