import * as z from 'zod';
import { parseGitUrl } from './lib/git-url.ts';

/** A repository as it is written: `path` or `url`, never both. */
export interface RepositorySettings {
  readonly path?: string;
  readonly url?: string;
  readonly ref?: string;
  readonly name?: string;
  readonly git?: boolean;
  readonly submodules?: boolean;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/** The members of `rebundle.yml` about where repositories are. The kinds of value are those of the other members. */
export function describeRepositories(values: {
  readonly path: z.ZodString;
  readonly text: z.ZodString;
  readonly flag: z.ZodType<boolean>;
}) {
  const { path, text, flag } = values;
  // What git reads as an option, and what names more than one commit, is no ref.
  const ref = z
    .string()
    .regex(
      /^(?![-+])(?!.*(?:\.\.|@\{|:))[^\u0000-\u0020\u007f?*[\\]{1,250}$/,
      'expected the name of a branch, a tag or a commit',
    )
    .meta({ type: ['string', 'number', 'boolean'] });
  const repository = z
    .string()
    .refine(
      (written) => parseGitUrl(written) !== undefined || path.safeParse(written).success,
      'expected a path, or the URL of a git repository: https://host/path, ssh://user@host/path or user@host:path, without a password',
    );
  const address = z
    .string()
    .refine(
      (written) => parseGitUrl(written) !== undefined,
      'expected https://host/path, ssh://user@host/path or user@host:path, without a password',
    );
  const entry = z
    .union([
      repository.transform((written) => (parseGitUrl(written) === undefined ? { path: written } : { url: written })),
      z
        .strictObject({
          path: path.exactOptional().describe('The folder: a work tree, any other folder, or a bare repository.'),
          url: address
            .exactOptional()
            .describe(
              'A remote git repository, instead of `path`: https, ssh, or file where `git.fileUrls` allows it.',
            ),
          ref: ref
            .exactOptional()
            .describe(
              'Branch, tag or commit that is read, without a checkout. By default a folder is read as it lies there, a bare or remote repository at its HEAD.',
            ),
          name: text.exactOptional().describe('Name in reports; by default that of the folder.'),
          git: flag
            .exactOptional()
            .describe(
              'Whether of a work tree without `ref` only the files that git tracks are read; its commit counts where none of them is changed.',
            ),
          submodules: flag
            .exactOptional()
            .describe('Whether submodules are read, too, at the commits that are recorded.'),
          include: z.array(text).exactOptional().describe('Stands in place of `apps.include` for this repository.'),
          exclude: z.array(text).exactOptional().describe('Is added to `apps.exclude` for this repository.'),
        })
        .refine((written) => (written.path === undefined) !== (written.url === undefined), {
          error: 'expected either path or url',
        }),
    ])
    .transform((written): RepositorySettings => written)
    .describe('A folder or a URL, or a mapping with more about it.');
  const git = z.strictObject({
    fileUrls: flag.prefault('false').describe('Whether `file://` URLs are fetched from.'),
    cache: path
      .exactOptional()
      .describe('Folder for copies of remote repositories; by default `rebundle/git` in the cache folder of the user.'),
  });
  return { entry, git, ref, repository };
}
