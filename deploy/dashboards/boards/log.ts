/** The dashboard of the vector log: what is logged, the spool and its disk, and who takes the log away. */
import { ofPods, PODS, quantile, sumPerSecond } from '../panel.ts';
import type { Board, Panel } from '../panel.ts';

const LOGGED: readonly Panel[] = [
  {
    title: 'Requests logged',
    description:
      'By what was certain of their record when they were answered: queued (a slow disk), written, synced.',
    unit: 'reqps',
    queries: [
      { expr: sumPerSecond('plumbline_log_level_records_total', 'level'), legend: '{{level}}' },
      { expr: sumPerSecond('plumbline_log_records_total'), legend: 'all' },
    ],
  },
  {
    title: 'Answers that left unlogged',
    description: 'Nobody will know what was served. Zero is good.',
    unit: 'reqps',
    queries: [{ expr: sumPerSecond('plumbline_log_shed_records_total', 'instance'), legend: '{{instance}}' }],
  },
];

const SPOOL: readonly Panel[] = [
  {
    title: 'How full the spool is',
    description: 'Its bytes as a share of log.maxBytes. At 1 the policy log.onFull decides.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${ofPods('plumbline_spool_bytes')} / ${ofPods('plumbline_spool_max_bytes')}`,
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'Files of the spool',
    description: 'They go when every consumer has passed them.',
    unit: 'short',
    queries: [{ expr: ofPods('plumbline_spool_segments'), legend: '{{instance}}' }],
  },
  {
    title: 'Writes and syncs, p99',
    description: 'How long the disk takes. A write over 4 ms or a sync over 1 s is a slow disk.',
    unit: 's',
    queries: [
      { expr: quantile(0.99, 'plumbline_spool_write_seconds'), legend: 'write' },
      { expr: quantile(0.99, 'plumbline_spool_sync_seconds'), legend: 'sync' },
      { expr: `max by (of) (${ofPods('plumbline_spool_longest_seconds')})`, legend: 'longest {{of}}' },
    ],
  },
  {
    title: 'The disk',
    description: 'Sidecars whose disk is slow, fails, or whose spool was removed. None is good.',
    unit: 'short',
    queries: [
      { expr: `sum (${ofPods('plumbline_spool_slow_disk')})`, legend: 'slow' },
      { expr: `sum (${ofPods('plumbline_spool_failing')})`, legend: 'failing' },
      {
        expr: `sum (increase(${ofPods('plumbline_spool_vanished_total')}[$__rate_interval]))`,
        legend: 'vanished',
      },
      {
        expr: `sum (increase(${ofPods('plumbline_spool_slow_disk_episodes_total')}[$__rate_interval]))`,
        legend: 'became slow',
      },
    ],
  },
  {
    title: 'Memory that waits for a slow disk',
    description: 'As a share of log.ringBytes. At 1 the policy log.onFull decides.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${ofPods('plumbline_spool_ring_bytes')} / (${ofPods('plumbline_spool_ring_max_bytes')} > 0)`,
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'How the spool takes records',
    description: 'Sidecars by the mode of their spool.',
    unit: 'short',
    queries: [{ expr: `sum by (mode) (${ofPods('plumbline_spool_mode')})`, legend: '{{mode}}' }],
  },
];

const CONSUMERS: readonly Panel[] = [
  {
    title: 'Bytes behind',
    description: 'Of the spool behind the cursor of each consumer.',
    unit: 'bytes',
    queries: [
      { expr: `sum by (consumer) (${ofPods('plumbline_spool_lag_bytes')})`, legend: '{{consumer}}' },
      { expr: `sum (${ofPods('plumbline_shipper_lag_bytes')})`, legend: 'shipper' },
    ],
  },
  {
    title: 'Oldest record that waits',
    description: 'Its age, of the sidecar that is furthest behind.',
    unit: 's',
    queries: [
      {
        expr: `max by (consumer) (${ofPods('plumbline_spool_oldest_unread_seconds')})`,
        legend: '{{consumer}}',
      },
      { expr: `max (${ofPods('plumbline_shipper_oldest_unshipped_seconds')})`, legend: 'shipper' },
    ],
  },
  {
    title: 'To Kafka',
    description: 'Frames that Kafka acknowledged, and those that it refused or that had to be sent again.',
    unit: 'ops',
    queries: [
      { expr: sumPerSecond('plumbline_shipper_records_total'), legend: 'acknowledged' },
      { expr: sumPerSecond('plumbline_shipper_rejected_records_total'), legend: 'refused' },
      { expr: sumPerSecond('plumbline_shipper_retries_total'), legend: 'sent again' },
    ],
  },
  {
    title: 'Bytes to Kafka',
    description: 'Before compression.',
    unit: 'Bps',
    queries: [{ expr: sumPerSecond('plumbline_shipper_bytes_total'), legend: 'bytes' }],
  },
  {
    title: 'Kafka answers',
    description: '1 where the last send was answered; records of this start that wait.',
    unit: 'short',
    queries: [
      { expr: ofPods('plumbline_shipper_connected'), legend: '{{instance}} connected' },
      { expr: ofPods('plumbline_shipper_lag_records'), legend: '{{instance}} waiting' },
    ],
  },
];

/** By share, of several processes that ingest; a file that a node kept from one that left it does not count. */
const INGEST: readonly Panel[] = [
  {
    title: 'Age of the archive',
    description:
      'Of its newest record, and since the ingest last kept all that it had read (`monitor.ingestMetrics`).',
    unit: 's',
    queries: [
      {
        expr: 'time() - max by (share) (plumbline_ingest_newest_record_timestamp_seconds)',
        legend: '{{share}}: newest record',
      },
      {
        expr: 'time() - max by (share) (plumbline_ingest_last_commit_timestamp_seconds)',
        legend: '{{share}}: last commit',
      },
    ],
  },
  {
    title: 'Ingested',
    description: 'Records that reached the archive, and those that could not be read.',
    unit: 'ops',
    queries: [
      {
        expr: 'sum by (share) (rate(plumbline_ingest_records_total[$__rate_interval]))',
        legend: '{{share}}',
      },
      {
        expr: 'sum by (share) (rate(plumbline_ingest_unreadable_total[$__rate_interval]))',
        legend: '{{share}}: unreadable',
      },
    ],
  },
];

export const LOG: Board = {
  id: 'log',
  title: 'Plumbline: vector log',
  description: 'Whether every answered vector is kept, and how far those are who take it away.',
  variables: [PODS],
  rows: [
    { title: 'Log', panels: LOGGED },
    { title: 'Spool', panels: SPOOL },
    { title: 'Consumers', panels: CONSUMERS },
    { title: 'Ingest', panels: INGEST },
  ],
};
