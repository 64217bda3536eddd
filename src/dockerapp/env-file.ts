import { LoadFault } from './load-fields.ts';
import { cleanPath } from './load-service.ts';

/**
 * The variables of an environment file, as docker/cli read it: `NAME=VALUE` lines, `#` lines and blank ones left out, nothing unquoted. A name
 * without a value is not set, as no environment was there. Throws LoadFault.
 */
export function readEnvFile(path: string, files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const text = files.get(cleanPath(path));
  if (text === undefined) throw new LoadFault(`open ${path}: no such file or directory`);
  const variables = new Map<string, string>();
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const content = line.replace(/^[ \t\v\f\r]+/, '');
    if (content === '' || content.startsWith('#')) continue;
    const at = content.indexOf('=');
    const name = at < 0 ? content : content.slice(0, at);
    if (name === '') throw new LoadFault(`${path}: no variable name on line '${content}'`);
    if (/[ \t]/.test(name)) throw new LoadFault(`${path}: variable '${name}' contains whitespaces`);
    if (at >= 0) variables.set(name, content.slice(at + 1));
  }
  return variables;
}
