import { describe, expect, it } from 'vitest';
import { parseYaml, resolveAlias, type YamlScalar } from '../../src/lib/yaml.ts';
import {
  printGo,
  printPython,
  readPlain,
  readScalar,
  type ScalarValue,
  type YamlReader,
} from '../../src/lib/yaml-scalars.ts';

const READERS: readonly YamlReader[] = ['go-v2', 'python', 'go-v3'];

/** `type value`, short enough for a table. */
function show(value: ScalarValue): string {
  return value.type === 'null' ? 'null' : `${value.type} ${String(value.value)}`;
}

function readText(text: string, reader: YamlReader = 'go-v2'): ScalarValue {
  const node = resolveAlias(parseYaml({ text: `k: ${text}\n`, path: 'p', line: 1 }).root!);
  const value = node.kind === 'map' ? node.pairs[0]?.value : undefined;
  if (value?.kind !== 'scalar') throw new Error('expected a scalar');
  return readScalar(value, reader);
}

describe('plain scalars to yaml.v2, PyYAML and yaml.v3', () => {
  it.each([
    ['1.10', 'float 1.1', 'float 1.1', 'float 1.1'],
    ['0755', 'int 493', 'int 493', 'int 493'],
    ['-0755', 'int -493', 'int -493', 'int -493'],
    ['0o17', 'int 15', 'string 0o17', 'int 15'],
    ['0o8', 'string 0o8', 'string 0o8', 'string 0o8'],
    ['1_000', 'int 1000', 'int 1000', 'int 1000'],
    ['1e6', 'string 1e6', 'string 1e6', 'float 1000000'],
    ['1.5e+6', 'float 1500000', 'float 1500000', 'float 1500000'],
    ['1.5e6', 'string 1.5e6', 'string 1.5e6', 'float 1500000'],
    ['1e+3', 'float 1000', 'string 1e+3', 'float 1000'],
    ['1234567.5', 'float 1234567.5', 'float 1234567.5', 'float 1234567.5'],
    ['1.', 'string 1.', 'float 1', 'float 1'],
    ['.5', 'float 0.5', 'float 0.5', 'float 0.5'],
    ['.', 'string .', 'string .', 'string .'],
    ['.inf', 'float Infinity', 'float Infinity', 'float Infinity'],
    ['-.INF', 'float -Infinity', 'float -Infinity', 'float -Infinity'],
    ['.nan', 'float NaN', 'float NaN', 'float NaN'],
    ['yes', 'bool true', 'bool true', 'string yes'],
    ['Off', 'bool false', 'bool false', 'string Off'],
    ['y', 'bool true', 'string y', 'string y'],
    ['N', 'bool false', 'string N', 'string N'],
    ['on', 'bool true', 'bool true', 'string on'],
    ['TRUE', 'bool true', 'bool true', 'bool true'],
    ['tRue', 'string tRue', 'string tRue', 'string tRue'],
    ['22:22', 'string 22:22', 'int 1342', 'string 22:22'],
    ['-1:30', 'string -1:30', 'int -90', 'string -1:30'],
    ['12:30:45', 'string 12:30:45', 'int 45045', 'string 12:30:45'],
    ['1:30.5', 'string 1:30.5', 'float 90.5', 'string 1:30.5'],
    ['22:60', 'string 22:60', 'string 22:60', 'string 22:60'],
    ['2020-01-01', 'string 2020-01-01', 'timestamp 2020-01-01', 'timestamp 2020-01-01'],
    ['18446744073709551615', 'int 18446744073709551615', 'int 18446744073709551615', 'int 18446744073709551615'],
    ['18446744073709551616', 'float 18446744073709552000', 'int 18446744073709551616', 'float 18446744073709552000'],
    ['-9223372036854775809', 'float -9223372036854776000', 'int -9223372036854775809', 'float -9223372036854776000'],
    ['=', 'string =', 'invalid =', 'string ='],
    ['-0', 'int 0', 'int 0', 'int 0'],
    ['08', 'float 8', 'string 08', 'float 8'],
    ['+1', 'int 1', 'int 1', 'int 1'],
    ['0b11', 'int 3', 'int 3', 'int 3'],
    ['0x1F', 'int 31', 'int 31', 'int 31'],
    ['0X1f', 'int 31', 'string 0X1f', 'int 31'],
    ['', 'null', 'null', 'null'],
    ['~', 'null', 'null', 'null'],
    ['Null', 'null', 'null', 'null'],
    ['nULL', 'string nULL', 'string nULL', 'string nULL'],
    ['x86', 'string x86', 'string x86', 'string x86'],
    ['1.2.3', 'string 1.2.3', 'string 1.2.3', 'string 1.2.3'],
    ['10.0.0.1', 'string 10.0.0.1', 'string 10.0.0.1', 'string 10.0.0.1'],
    ['-', 'string -', 'string -', 'string -'],
    ['0_', 'int 0', 'int 0', 'int 0'],
  ])('%s', (text, ...expected) => {
    expect(READERS.map((reader) => show(readPlain(text, reader)))).toEqual(expected);
  });
});

describe('nodes', () => {
  it.each([
    ['"0755"', 'string 0755'],
    ["'yes'", 'string yes'],
    ['""', 'string '],
    ['!!str 0755', 'string 0755'],
    ['! 0755', 'string 0755'],
    ['!!int "7"', 'int 7'],
    ['!!float 1', 'float 1'],
    ['!!binary aGk=', 'string hi'],
    ['!!timestamp 2020-01-01', 'string 2020-01-01'],
    ['|\n  12', 'string 12\n'],
  ])('%s is %s', (text, expected) => expect(show(readText(text))).toBe(expected));
});

describe('a tag that the text does not fit', () => {
  it.each([
    ['!!int x', 'invalid x', 'invalid x'],
    ['!!int 1.5', 'invalid 1.5', 'invalid 1.5'],
    ['!!bool 1', 'invalid 1', 'invalid 1'],
    ['!!float x', 'invalid x', 'invalid x'],
    ['!!null x', 'invalid x', 'null'],
    ['!!timestamp x', 'invalid x', 'invalid x'],
    ['!!bool yes', 'bool true', 'bool true'],
    ['!!null ~', 'null', 'null'],
  ])('%s is %s to Go, %s to PyYAML', (text, go, python) => {
    const node = tagged(text);
    expect([show(readScalar(node, 'go-v2')), show(readScalar(node, 'python'))]).toEqual([go, python]);
  });

  function tagged(text: string): YamlScalar {
    const [tag = '', value = ''] = text.split(' ');
    return { kind: 'scalar', value, style: 'plain', tag: tag.replace('!!', 'tag:yaml.org,2002:'), start: 0, end: 0 };
  }
});

describe('printGo', () => {
  it.each([
    ['1.10', '1.1'],
    ['1.0', '1'],
    ['0755', '493'],
    ['1_000', '1000'],
    ['1234567.5', '1.2345675e+06'],
    ['123456.5', '123456.5'],
    ['1000000.0', '1e+06'],
    ['1.5e+6', '1.5e+06'],
    ['1e6', '1e6'],
    ['0.0001', '0.0001'],
    ['0.00001', '1e-05'],
    ['-0.5', '-0.5'],
    ['-0.0', '-0'],
    ['1.0e+100', '1e+100'],
    ['123456789012345678901234567890', '1.2345678901234568e+29'],
    ['.inf', '+Inf'],
    ['-.inf', '-Inf'],
    ['.nan', 'NaN'],
    ['yes', 'true'],
    ['n', 'false'],
    ['~', '<nil>'],
    ['2019-01-02T03:04:05Z', '2019-01-02T03:04:05Z'],
    ['1:30', '1:30'],
    ['"1.10"', '1.10'],
  ])('%s prints %s', (text, expected) => expect(printGo(readText(text))).toBe(expected));
});

describe('printPython', () => {
  it.each([
    ['1.10', '1.1'],
    ['1.0', '1.0'],
    ['1234567.5', '1234567.5'],
    ['1.0e+16', '1e+16'],
    ['0.00001', '1e-05'],
    ['.inf', 'inf'],
    ['.nan', 'nan'],
    ['yes', 'True'],
    ['~', 'None'],
    ['22:22', '1342'],
  ])('%s prints %s', (text, expected) => expect(printPython(readText(text, 'python'))).toBe(expected));
});

describe('yaml.v2 of docker-app 0.9', () => {
  it.each([
    ['1e3', '1000', '1e3'],
    ['1.', '1', '1.'],
    ['yes', 'true', 'true'],
    ['1:30', '1:30', '1:30'],
    ['2020-01-01', '2020-01-01', '2020-01-01'],
    ['0755', '493', '493'],
  ])('prints %s as %s, the earlier one as %s', (text, later, earlier) => {
    expect(printGo(readPlain(text, 'go-v2.2'))).toBe(later);
    expect(printGo(readPlain(text, 'go-v2'))).toBe(earlier);
  });

  it('takes text under a tag of its own as text', () => {
    const node = { kind: 'scalar', value: '1', style: 'plain', tag: '!x', start: 0, end: 1 } as const;
    expect(readScalar(node, 'go-v2')).toEqual({ type: 'string', value: '1' });
  });
});
