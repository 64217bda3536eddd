import { RebundleError } from '../errors.ts';
import { HttpFailure } from '../registry/retry.ts';
import type { Transport } from '../registry/transport.ts';
import { textOf } from '../registry/transport-exchange.ts';
import type { HttpSend } from '../tufrepo/http-send.ts';

/** A body of unknown size gets the time of the largest targets file that devices read. */
const USUAL_BYTES = 8 * 1024 * 1024;

/** HTTP for TUF repositories over the transport of a command: `hosts` and `http` of the configuration, budgets and proxies hold for them, too. */
export function createTufSend(transport: Transport): HttpSend {
  return async ({ method, url, headers, body, maxBytes, signal }) => {
    try {
      const answer = await transport.send({
        method,
        origin: url.origin,
        path: url.pathname + url.search,
        headers: { ...headers, 'accept-encoding': 'identity' },
        body,
        maxBytes,
        bytes: body?.byteLength ?? Math.min(maxBytes, USUAL_BYTES),
        signal,
      });
      const flat = Object.entries(answer.headers).map(([name, value]) => [name, textOf(value) ?? '']);
      return { status: answer.status, headers: Object.fromEntries(flat), body: answer.body };
    } catch (thrown) {
      if (!(thrown instanceof HttpFailure)) throw thrown;
      const { message, hint } = thrown.error;
      throw new RebundleError('TARGETS_UNREACHABLE', message, {
        ...(hint === undefined ? {} : { hint }),
        cause: thrown,
      });
    }
  };
}
