import * as z from 'zod';

const MAX_SECONDS = 86_400;

/** The members of `rebundle.yml` about how registries are spoken to. The kinds of value are those of the other members. */
export function describeHosts<P extends z.ZodType, F extends z.ZodType, N extends z.ZodType>(values: {
  readonly path: P;
  readonly flag: F;
  readonly concurrency: N;
}) {
  const { path, flag, concurrency } = values;
  const host = z.strictObject({
    insecure: flag
      .exactOptional()
      .describe(
        'Whether the host is spoken to by plain http; by default only this machine, where it does not speak TLS.',
      ),
    ca: z
      .union([path.transform((file) => [file]), z.array(path)])
      .exactOptional()
      .describe('PEM files of authorities that are trusted for this host, besides those that Node.js knows.'),
    clientCertificate: path.exactOptional().describe('PEM file of the certificate that is shown to the host.'),
    clientKey: path.exactOptional().describe('PEM file of the key of `clientCertificate`.'),
    concurrency: concurrency.exactOptional().describe('Requests to the host at once; 16 by default.'),
    allowPrivate: flag
      .exactOptional()
      .describe(
        'Whether a public registry may point (by redirect, upload location or token server) into private networks.',
      ),
  });
  const http = z.strictObject({
    connectTimeout: seconds('10').describe('Seconds for a connection to a registry.'),
    headersTimeout: seconds('60').describe('Seconds from a request to the beginning of its answer.'),
    idleTimeout: seconds('60').describe('Seconds in which nothing more of an answer comes.'),
    totalTimeout: seconds('300').describe('Seconds for a request as a whole; large blobs get more, by their size.'),
    attempts: z
      .string()
      .regex(/^(?:[1-9]|1[0-9]|20)$/, 'expected a whole number from 1 to 20')
      .meta({ type: 'integer', minimum: 1, maximum: 20, pattern: undefined })
      .transform(Number)
      .prefault('5')
      .describe('Tries of one operation where the trouble may pass.'),
    longestWait: seconds('300').describe('Seconds that one operation waits between its tries, in all.'),
  });
  return { host, http };
}

function seconds(preset: string) {
  return z
    .string()
    .regex(/^[1-9][0-9]{0,4}$/, { error: 'expected a whole number of seconds, at least 1', abort: true })
    .refine((text) => Number(text) <= MAX_SECONDS, `expected at most ${MAX_SECONDS} seconds`)
    .meta({ type: 'integer', minimum: 1, maximum: MAX_SECONDS, pattern: undefined })
    .transform(Number)
    .prefault(preset);
}
