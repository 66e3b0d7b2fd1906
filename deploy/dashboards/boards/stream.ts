/** The dashboard of streams: how far each partition of each view is, and what waits or was left out. */
import type { Board, BoardVariable, Panel } from '../panel.ts';

const VIEW: BoardVariable = {
  name: 'view',
  metric: 'plumbline_stream_partition_noted_timestamp_seconds',
};

const by = (metric: string): string =>
  `max by (view, partition) (plumbline_stream_partition_${metric}{view=~"$view"})`;
const LEGEND = '{{view}} {{partition}}';

const PROGRESS: readonly Panel[] = [
  {
    title: 'Age of each partition',
    description: 'Now less the time up to which its rows are online. The slowest one holds the view up.',
    unit: 's',
    queries: [{ expr: `time() - ${by('watermark_timestamp_seconds')}`, legend: LEGEND }],
  },
  {
    title: 'Messages that wait',
    description: 'Of each partition. Growing: start another `plumb stream`.',
    unit: 'short',
    queries: [{ expr: by('behind_messages'), legend: LEGEND }],
  },
  {
    title: 'Edges that are due',
    description: 'Passed by the watermark, and their rows not written: the store is slow, or the process is.',
    unit: 'short',
    queries: [{ expr: by('due_edges'), legend: LEGEND }],
  },
  {
    title: 'Last sign of life',
    description:
      'How long ago the process that holds a partition said how far it is. Past 3 minutes nobody holds it.',
    unit: 's',
    queries: [{ expr: `time() - ${by('noted_timestamp_seconds')}`, legend: LEGEND }],
  },
];

const EVENTS: readonly Panel[] = [
  {
    title: 'Events that came too late',
    description: 'After the lateness of the view; kept in rejected.jsonl. Zero is good.',
    unit: 'ops',
    queries: [
      {
        expr: 'sum by (view) (rate(plumbline_stream_partition_late_events_total{view=~"$view"}[$__rate_interval]))',
        legend: '{{view}}',
      },
    ],
  },
  {
    title: 'Events left out',
    description: 'That the view excludes (`where`) or refuses.',
    unit: 'ops',
    queries: [
      {
        expr: 'sum by (view) (rate(plumbline_stream_partition_left_out_events_total{view=~"$view"}[$__rate_interval]))',
        legend: '{{view}}',
      },
    ],
  },
];

export const STREAM: Board = {
  id: 'stream',
  title: 'Plumbline: streams',
  description: 'Whether what happens now is online seconds later.',
  variables: [VIEW],
  rows: [
    { title: 'Progress', panels: PROGRESS },
    { title: 'Events', panels: EVENTS },
  ],
};
