import { describe, expect, it } from 'vitest';
import { checkMetadata } from '../../src/dockerapp/metadata.ts';

function check(text: string): string[] {
  return checkMetadata({ text, path: 'm', line: 1 }, 'web').map(
    ({ severity, code, location, message }) => `${severity} ${code} ${location?.line}:${location?.column} ${message}`,
  );
}

describe('checkMetadata', () => {
  it.each([
    ["name: web\nversion: '1.0'\n", []],
    ['name: web\nversion: 1.0.0\nunknown: [x]\n', []],
    ['name: web\nversion: 2020-01-01\n', []],
    [
      'name: web\nversion: 1.0\n',
      [
        'warning metadata.invalid 2:10 docker-app 0.5 and later refused this metadata: version: Invalid type. Expected: string, given: float',
      ],
    ],
    [
      'name: web\nversion: [x]\n',
      [
        'warning metadata.invalid 2:10 docker-app 0.5 and later refused this metadata: version: Invalid type. Expected: string, given: seq',
      ],
    ],
    [
      'version: "1"\n',
      ['warning metadata.invalid 1:1 docker-app 0.5 and later refused this metadata: name is required'],
    ],
    [
      '{}\n',
      [
        'warning metadata.invalid 1:1 docker-app 0.5 and later refused this metadata: name is required',
        'warning metadata.invalid 1:1 docker-app 0.5 and later refused this metadata: version is required',
      ],
    ],
    [
      'name: my_app\nversion: x\n',
      [
        "warning metadata.invalid 1:7 docker-app 0.5 and later refused this metadata: name: Does not match format 'hostname'",
      ],
    ],
    [
      'name: other\nversion: x\n',
      ["note metadata.name-differs 1:7 metadata says 'other'; the app key is the file name, 'web'"],
    ],
  ])('%j', (text, expected) => expect(check(text)).toEqual(expected));

  it.each(['', '# nothing\n', 'text\n', '- a\n', '~\n'])('refuses %j', (text) => {
    expect(() => check(text)).toThrow(
      expect.objectContaining({
        code: 'METADATA_INVALID',
        message: 'failed to parse application metadata: Top-level object must be a mapping',
      }),
    );
  });

  it('sees that the compose part stands first', () => {
    expect(() => check("version: '3.6'\nservices: {}\n")).toThrow(
      expect.objectContaining({ code: 'METADATA_INVALID', location: { path: 'm', line: 2, column: 1 } }),
    );
  });
});
