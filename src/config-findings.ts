import * as z from 'zod';
import { ERRORS } from './errors.ts';
import { FINDINGS, type FindingCode } from './model/findings.ts';

/** What a run tells of itself comes as it happens, and is no finding of a plan. */
const IDS = Object.keys(FINDINGS).filter((id) => !id.startsWith('run.'));

export const FindingId = z
  .string()
  .refine((id): id is FindingCode => IDS.includes(id), {
    error: ({ input }) =>
      Object.hasOwn(ERRORS, String(input))
        ? 'expected the id of a warning or note: an error is never ignored, as its app cannot be published'
        : 'expected the id of a warning or note, as reports show it',
  })
  .meta({ enum: IDS });

/** The sections about findings; `day` is a date as `2031-01-31`. */
export function describeFindings<T extends z.ZodType<string>, D extends z.ZodType<string>>(text: T, day: D) {
  const findings = z.strictObject({
    ignore: z
      .array(
        z.strictObject({
          id: FindingId.describe('Id of a warning or note.'),
          path: text.exactOptional().describe('Glob on package paths; by default every package.'),
          reason: text.describe('Why it needs no attention.'),
          expires: day.exactOptional().describe('The last day on which it is ignored, UTC.'),
        }),
      )
      .default([])
      .describe('Findings that are known: they are counted, but neither shown nor looked at by `--error-on`.'),
  });
  const secrets = z.strictObject({
    allow: z
      .array(
        z.strictObject({
          name: text.describe('The parameter, the variable, or the path of the file in the bundle.'),
          app: text.exactOptional().describe('Glob on app names; by default every app.'),
          reason: text.describe('Why it may be read by everyone who may pull the bundle.'),
          expires: day.exactOptional().describe('The last day on which it is allowed, UTC.'),
        }),
      )
      .default([])
      .describe('What looks like a secret and may be in a bundle; anything else of that kind is an error of its app.'),
  });
  return { findings, secrets };
}
