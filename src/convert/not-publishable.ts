import { finding } from '../lib/finding.ts';
import type { Diagnostic } from '../model/app.ts';

/** How the message begins where the compose of devices is what refuses a text. */
export const REFUSED_BY_DEVICE = 'docker-compose 1.29 refuses this: ';

/**
 * An error that stops an app from being published, as the warning that it is where a package is only converted: docker-app took it. What docker-app
 * itself refused is an error of its own.
 */
export function toWarning(diagnostic: Diagnostic): Diagnostic {
  if (diagnostic.severity !== 'error') return diagnostic;
  const { code, message, hint, location } = diagnostic;
  const who = code.startsWith('COMPOSE_') ? REFUSED_BY_DEVICE : 'plan and run refuse this: ';
  return finding('convert.not-publishable', `${who}${message}`, {
    ...(hint === undefined ? {} : { hint }),
    ...(location === undefined ? {} : { location }),
  });
}
