/** The dashboard of freshness: how far each view and each source has come, by runs and as sidecars serve it. */
import type { Board, BoardVariable, Panel } from '../panel.ts';

const VIEW: BoardVariable = { name: 'view', metric: 'plumbline_online_freshness_alert_seconds' };

const ofViews = (metric: string): string => `${metric}{view=~"$view"}`;
const age = (metric: string): string => `time() - max by (view) (${ofViews(metric)})`;

const SERVED: readonly Panel[] = [
  {
    title: 'Age of what is online',
    description:
      'Now less the time that the online store vouches for, of the sidecar that is furthest behind.',
    unit: 's',
    queries: [
      {
        expr: `time() - min by (view) (${ofViews('plumbline_online_watermark_timestamp_seconds')})`,
        legend: '{{view}}',
      },
    ],
  },
  {
    title: 'Share of the alert age',
    description: 'That age as a share of the age past which there is an alarm. 1 and more is an alarm.',
    unit: 'percentunit',
    queries: [
      {
        expr: `(time() - min by (view) (${ofViews('plumbline_online_watermark_timestamp_seconds')})) / max by (view) (${ofViews('plumbline_online_freshness_alert_seconds')})`,
        legend: '{{view}}',
      },
    ],
  },
  {
    title: 'Promises',
    description:
      'The age that each view promises, and the one past which there is an alarm, as sidecars have them.',
    unit: 's',
    kind: 'table',
    queries: [
      { expr: `max by (view) (${ofViews('plumbline_online_freshness_target_seconds')})`, legend: 'promise' },
      { expr: `max by (view) (${ofViews('plumbline_online_freshness_alert_seconds')})`, legend: 'alert' },
    ],
  },
  {
    title: 'Age of the rows served, p99',
    description: 'From the event time of a row to its serving: what models see, over all sidecars.',
    unit: 's',
    queries: [
      {
        expr: `histogram_quantile(0.99, sum by (view, le) (rate(${ofViews('plumbline_served_row_age_seconds_bucket')}[$__rate_interval])))`,
        legend: '{{view}}',
      },
    ],
  },
];

const RUNS: readonly Panel[] = [
  {
    title: 'Age of what is complete',
    description: 'Now less the time up to which runs or the stream have completed the view.',
    unit: 's',
    queries: [{ expr: age('plumbline_view_watermark_timestamp_seconds'), legend: '{{view}}' }],
  },
  {
    title: 'What runs promise',
    description: 'The age that each view promises, and its alert age, as the last run had them.',
    unit: 's',
    kind: 'table',
    queries: [
      { expr: `max by (view) (${ofViews('plumbline_view_freshness_target_seconds')})`, legend: 'promise' },
      { expr: `max by (view) (${ofViews('plumbline_view_freshness_alert_seconds')})`, legend: 'alert' },
    ],
  },
  {
    title: 'Failed runs',
    description: '1 where the last run of the view failed. `plumb show VIEW --json` has the error.',
    unit: 'short',
    queries: [{ expr: `max by (view) (${ofViews('plumbline_view_last_run_failed')})`, legend: '{{view}}' }],
  },
  {
    title: 'Rows that wait',
    description: 'Rows new to the last complete run that wait for their time.',
    unit: 'short',
    queries: [{ expr: `max by (view) (${ofViews('plumbline_view_waiting_rows')})`, legend: '{{view}}' }],
  },
];

const SOURCES: readonly Panel[] = [
  {
    title: 'Age of the newest event',
    description: 'Of the source of each view, as the last complete run saw it.',
    unit: 's',
    queries: [{ expr: age('plumbline_source_newest_event_timestamp_seconds'), legend: '{{view}}' }],
  },
  {
    title: 'Age of the newest created time',
    description: 'When the source last got something, where it has created times.',
    unit: 's',
    queries: [{ expr: age('plumbline_source_newest_created_timestamp_seconds'), legend: '{{view}}' }],
  },
  {
    title: 'Limits of sources',
    description: 'The age of the newest event past which the source has stopped (`sourceFreshness`).',
    unit: 's',
    kind: 'table',
    queries: [
      { expr: `max by (view) (${ofViews('plumbline_source_freshness_limit_seconds')})`, legend: 'limit' },
    ],
  },
];

export const FRESHNESS: Board = {
  id: 'freshness',
  title: 'Plumbline: freshness',
  description: 'How old what models are served is, and where it waits: source, run or stream, online store.',
  variables: [VIEW],
  rows: [
    { title: 'As it is served', panels: SERVED },
    { title: 'Runs', panels: RUNS },
    { title: 'Sources', panels: SOURCES },
  ],
};
