import type { Fault, FaultRule, SeenRequest } from '../support/hostile-server.ts';

export const RESET: Fault = { do: 'reset' };

export const answer = (status: number, headers: Record<string, string> = {}, body = ''): Fault => ({
  do: 'answer',
  status,
  headers,
  body,
});

/** The first `times` requests of a method and kind have the fault, or all of them. */
export function first(method: string, kind: SeenRequest['kind'], fault: Fault, times = 1): FaultRule {
  return (request) =>
    request.method === method && request.kind === kind && request.count <= times ? fault : undefined;
}

/** The code of the error that a task ends with. */
export async function codeOf(task: Promise<unknown>): Promise<unknown> {
  const [result] = await Promise.allSettled([task]);
  return result?.status === 'rejected' ? ((result.reason as { code?: unknown }).code ?? result.reason) : 'no error';
}
