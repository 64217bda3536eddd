/** One line of a metric. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\[\\\\"n])*)"';
const HEAD = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`);
const SAMPLE = new RegExp(`^(${NAME})\\{(${LABEL}(?:,${LABEL})*)\\} ([-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|Inf)|NaN)$`);
/** Units that metrics must not have, for promtool: base units only, and no abbreviations. */
const FOREIGN_UNITS = /_(?:milliseconds|ms|minutes|hours|days|kilobytes|kib|mib|s|b|percent)(?:_|$)/;

/**
 * Reads the text format 0.0.4 as the textfile collector of node_exporter does, and holds it to what `promtool check metrics` asks of gauges. Throws at
 * the first line that either would not take: each family is there once, as HELP, TYPE and its samples; no series is there twice; no sample has a time.
 */
export function parseMetrics(text: string): MetricSample[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const samples: MetricSample[] = [];
  const families = new Set<string>();
  const series = new Set<string>();
  let [helped, typed] = ['', ''];
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (problem: string): never => {
      throw new Error(`${problem}: ${line}`);
    };
    const [, keyword, head = '', rest = ''] = HEAD.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (families.has(head)) fail('a family is there twice');
      if (/\\(?![\\n])/.test(rest)) fail('a help text has an escape that is none');
      families.add(head);
      helped = head;
    } else if (keyword === 'TYPE') {
      if (helped !== head) fail('a family has no HELP before its TYPE');
      if (rest !== 'gauge') fail('a type is not gauge');
      if (/_(?:total|count|sum|bucket|info|gauge)$/.test(head)) fail('a gauge has the name of another type');
      if (FOREIGN_UNITS.test(head) || /[A-Z:]/.test(head)) fail('a name is not as Prometheus names metrics');
      typed = head;
    } else {
      const [, name = fail('no line of the format'), labelText = ''] = SAMPLE.exec(line) ?? [];
      if (name !== typed) fail('a sample is outside of its family');
      const pairs = [...labelText.matchAll(new RegExp(LABEL, 'g'))].map(
        ([, key = '', value = '']): [string, string] => [
          key,
          value.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character)),
        ],
      );
      if (new Set(pairs.map(([key]) => key)).size < pairs.length) fail('a label is there twice');
      const key = JSON.stringify([name, pairs.toSorted()]);
      if (series.has(key)) fail('a series is there twice');
      series.add(key);
      samples.push({ name, labels: Object.fromEntries(pairs), value: Number(line.slice(line.lastIndexOf(' ') + 1)) });
    }
  }
  return samples;
}

/** The value of the one sample with this name and no other label than `factory`; undefined where there is none. */
export function readMetric(text: string, name: string): number | undefined {
  return parseMetrics(text).find((sample) => sample.name === name && Object.keys(sample.labels).length === 1)?.value;
}
