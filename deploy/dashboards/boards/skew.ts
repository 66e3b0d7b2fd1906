/** The dashboard of skew: the last verdict on each service and each feature, and whether the monitor runs. */
import type { Board, BoardVariable, Panel } from '../panel.ts';

const SERVICE: BoardVariable = { name: 'service', metric: 'plumbline_monitor_last_run_timestamp_seconds' };

const of = (metric: string, more = ''): string =>
  `plumbline_monitor_${metric}{service=~"$service"${more === '' ? '' : `,${more}`}}`;
const WORST = 20;

const VERDICTS: readonly Panel[] = [
  {
    title: 'Verdicts',
    description: 'Of the newest judged day of each service. `pass` is good.',
    unit: 'none',
    kind: 'table',
    queries: [{ expr: `${of('verdict')} == 1`, legend: '{{service}} {{verdict}}' }],
  },
  {
    title: 'The day that was judged',
    description: 'The beginning of the newest judged day.',
    unit: 's',
    kind: 'table',
    queries: [{ expr: `time() - ${of('day_timestamp_seconds')}`, legend: '{{service}}' }],
  },
  {
    title: 'Alerts that are open',
    description: 'To act on (page), or only told (note).',
    unit: 'short',
    queries: [{ expr: of('open_alerts'), legend: '{{service}} {{level}}' }],
  },
  {
    title: 'Incidents of the day',
    description: 'Each has a cause, rows to look at and owners in the report.',
    unit: 'short',
    queries: [{ expr: of('incidents'), legend: '{{service}}' }],
  },
];

const FEATURES: readonly Panel[] = [
  {
    title: 'Exact match, the worst features',
    description: 'Share of the values present that match what training sees, bit for bit.',
    unit: 'percentunit',
    queries: [{ expr: `bottomk(${WORST}, ${of('exact_match_ratio')})`, legend: '{{service}} {{feature}}' }],
  },
  {
    title: 'Within the promise, the worst features',
    description: 'Share that match, or are off only by what the freshness of the view allows.',
    unit: 'percentunit',
    queries: [
      { expr: `bottomk(${WORST}, ${of('within_promise_ratio')})`, legend: '{{service}} {{feature}}' },
    ],
  },
  {
    title: 'Values beyond the promise',
    description: 'Values of the day that the model should not have been served. Zero is good.',
    unit: 'short',
    queries: [
      { expr: `topk(${WORST}, ${of('beyond_promise_values')} > 0)`, legend: '{{service}} {{feature}}' },
    ],
  },
  {
    title: 'Values present',
    description: 'Values of the day that are there as served or as replayed: the rates are of these.',
    unit: 'short',
    queries: [{ expr: `sum by (service) (${of('present_values')})`, legend: '{{service}}' }],
  },
];

const MONITOR: readonly Panel[] = [
  {
    title: 'Since the last run',
    description:
      'A run a day: past 26 hours nobody knows whether models are served what they were trained on.',
    unit: 's',
    queries: [{ expr: `time() - ${of('last_run_timestamp_seconds')}`, legend: '{{service}}' }],
  },
  {
    title: 'Receivers that could not be told',
    description: 'Of alerts, by the last run. None is good.',
    unit: 'short',
    queries: [{ expr: 'plumbline_monitor_receiver_failed', legend: '{{receiver}}' }],
  },
];

export const SKEW: Board = {
  id: 'skew',
  title: 'Plumbline: skew',
  description: 'Whether models were served what they were trained on.',
  variables: [SERVICE],
  rows: [
    { title: 'Verdicts', panels: VERDICTS },
    { title: 'Features', panels: FEATURES },
    { title: 'The monitor itself', panels: MONITOR },
  ],
};
