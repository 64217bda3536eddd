import type { Stage } from '../events.ts';
import { compareText } from '../lib/bytes.ts';
import { html, type Markup } from './markup.ts';
import type { RunReport } from './run-report.ts';
import { describeQuotas, formatBytes, formatMs, STATUSES, statusWord } from './wording.ts';

/** Apps in the chart of bytes. */
const BARS = 10;

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  readonly kind?: string;
}

/** Apps by status, bytes by app, and drift where there is any: pictures of what stands in words beside them. */
export function renderCharts(report: RunReport): Markup {
  const { apps, counts } = report;
  const sized = apps.flatMap(({ app, bundle }) => (bundle === undefined ? [] : [{ app, size: bundle.size }]));
  const largest = sized.toSorted((a, b) => b.size - a.size || compareText(a.app, b.app)).slice(0, BARS);
  const charts = [
    renderChart(
      'Apps by status',
      STATUSES.map((status) => ({
        label: statusWord(status, report),
        value: counts[status],
        text: String(counts[status]),
        kind: status,
      })),
    ),
    renderChart(
      sized.length > BARS ? `Bundle size, the ${BARS} largest of ${sized.length}` : 'Bundle size',
      largest.map(({ app, size }) => ({ label: app, value: size, text: formatBytes(size) })),
    ),
    renderChart('Moved tags (drift), by what is different', listDrift(report)),
  ];
  return html`<div class="charts">
${charts}</div>
`;
}

const DRIFT_WORDS = { metadata: 'index only', layers: 'content', gone: 'tag is gone' } as const;

function listDrift({ apps, counts }: RunReport): Bar[] {
  if (counts.drifted === 0) return [];
  const drifts = apps.flatMap(({ details }) =>
    details().images.flatMap(({ drift }) => (drift === undefined ? [] : [drift.kind])),
  );
  return (['gone', 'layers', 'metadata'] as const).flatMap((kind) => {
    const value = drifts.filter((each) => each === kind).length;
    return value === 0 ? [] : [{ label: DRIFT_WORDS[kind], value, text: String(value), kind: 'held' }];
  });
}

/** Time by stage: the one part of the page that differs between runs of equal inputs. Nothing where no time is known. */
export function renderTiming(report: RunReport): Markup {
  const { timing } = report;
  if (timing === undefined) return html``;
  const quotas = describeQuotas(report);
  const stages = Object.entries(timing.stages ?? {}) as [Stage, number][];
  const chart = renderChart(
    'Time by stage, summed over apps that are worked on in parallel',
    stages.map(([label, value]) => ({ label, value, text: formatMs(value) })),
  );
  return html`<section id="timing" aria-labelledby="time"><h2 id="time">Time</h2><p>The run took ${formatMs(timing.totalMs)}.${quotas === '' ? '' : ` Left of the limits of registries: ${quotas}.`}</p><div class="charts">${chart}</div></section>
`;
}

/** A list of bars: the words carry the meaning, the picture is hidden from screen readers. */
function renderChart(title: string, bars: readonly Bar[]): Markup {
  const most = Math.max(...bars.map(({ value }) => value), 0);
  if (most === 0) return html``;
  const rows = bars.map(
    ({ label, value, text, kind = 'migrated' }) =>
      html`<li><span class="label">${label}</span><svg aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none"><rect class="${kind}" width="${((value / most) * 100).toFixed(1)}" height="10"></rect></svg><span class="value">${text}</span></li>\n`,
  );
  return html`<figure class="card"><figcaption>${title}</figcaption><ul class="chart">
${rows}</ul></figure>
`;
}
