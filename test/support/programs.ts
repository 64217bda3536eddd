import { spawnSync } from 'node:child_process';

/** True where a program can be started. Throws instead of false under CI=true: there nothing may be skipped. */
export function requireProgram(name: string): boolean {
  const found = spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
  if (!found && process.env.CI === 'true') throw new Error(`${name} is not installed, and CI must not skip its tests`);
  return found;
}
