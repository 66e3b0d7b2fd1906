/** The dashboard of all sidecars side by side: which run what, and which one is unlike the others. */
import { perSecond, PODS, ofPods, quantile, sumPerSecond } from '../panel.ts';
import type { Board, Panel } from '../panel.ts';

const WORST = 10;
const worst = (expr: string): string => `topk(${WORST}, ${expr})`;

const WHAT_RUNS: readonly Panel[] = [
  {
    title: 'Sidecars',
    description:
      'That are scraped, by version, transport and store. Any other transport than uWebSockets.js is slow.',
    unit: 'short',
    queries: [
      {
        expr: `count by (version, transport, store) (${ofPods('plumbline_build_info')})`,
        legend: '{{version}} {{transport}} {{store}}',
      },
    ],
  },
  {
    title: 'Bundles in force',
    description: 'Sidecars by project and bundle. Two of one project only while a bundle is rolled out.',
    unit: 'short',
    queries: [
      {
        expr: `count by (project, bundle) (${ofPods('plumbline_bundle_info')})`,
        legend: '{{project}} {{bundle}}',
      },
    ],
  },
  {
    title: 'Bundles refused, or not to be had',
    description:
      'Sidecars that serve an older bundle since the newest cannot be served, or nobody can give one. None is good.',
    unit: 'short',
    queries: [
      { expr: `sum (${ofPods('plumbline_bundle_refused')})`, legend: 'refused' },
      { expr: `sum (${ofPods('plumbline_bundle_origins_down')})`, legend: 'not to be had' },
      {
        expr: `sum (increase(${ofPods('plumbline_bundle_swaps_total')}[$__rate_interval]))`,
        legend: 'taken',
      },
    ],
  },
  {
    title: 'Without a store',
    description: 'Sidecars that cannot ask the online store. None is good.',
    unit: 'short',
    queries: [{ expr: `sum (1 - ${ofPods('plumbline_store_connected')})`, legend: 'without a store' }],
  },
];

const UNLIKE: readonly Panel[] = [
  {
    title: 'Slowest sidecars, p99',
    description: 'Those with the longest latencies. One that stands apart shares its core.',
    unit: 's',
    queries: [
      {
        expr: worst(quantile(0.99, 'plumbline_request_duration_seconds', 'instance')),
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'Busiest sidecars',
    description: 'Requests a second.',
    unit: 'reqps',
    queries: [{ expr: worst(sumPerSecond('plumbline_requests_total', 'instance')), legend: '{{instance}}' }],
  },
  {
    title: 'Most UNAVAILABLE',
    description: 'Values a second that are UNAVAILABLE, by sidecar.',
    unit: 'ops',
    queries: [
      {
        expr: worst(sumPerSecond('plumbline_values_total', 'instance', 'status="UNAVAILABLE"')),
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'Most processor',
    description: 'Cores that each takes.',
    unit: 'short',
    queries: [{ expr: worst(perSecond('process_cpu_seconds_total')), legend: '{{instance}}' }],
  },
  {
    title: 'Most memory',
    description: 'Resident memory.',
    unit: 'bytes',
    queries: [{ expr: worst(ofPods('process_resident_memory_bytes')), legend: '{{instance}}' }],
  },
  {
    title: 'Starts',
    description: 'How often each sidecar began anew within the hour. None is good.',
    unit: 'short',
    queries: [{ expr: `changes(${ofPods('process_start_time_seconds')}[1h])`, legend: '{{instance}}' }],
  },
];

const CLOCKS: readonly Panel[] = [
  {
    title: 'Steps of clocks',
    description:
      'How far the wall clock of each machine has moved since the start beyond the time that passed.',
    unit: 's',
    queries: [{ expr: ofPods('plumbline_clock_offset_seconds'), legend: '{{instance}}' }],
  },
  {
    title: 'What cannot be seen',
    description:
      'How old the figures of a sidecar are whose thread does not answer, and lines of its log and spans that nobody took.',
    unit: 'short',
    queries: [
      { expr: `${ofPods('plumbline_metrics_age_seconds')} > 0`, legend: '{{instance}} seconds old' },
      {
        expr: `increase(${ofPods('plumbline_stderr_lines_dropped_total')}[$__rate_interval])`,
        legend: '{{instance}} lines lost',
      },
      {
        expr: `increase(${ofPods('plumbline_spans_total', 'outcome="dropped"')}[$__rate_interval])`,
        legend: '{{instance}} spans lost',
      },
    ],
  },
];

export const FLEET: Board = {
  id: 'fleet',
  title: 'Plumbline: fleet',
  description: 'All sidecars side by side.',
  variables: [PODS],
  rows: [
    { title: 'What runs', panels: WHAT_RUNS },
    { title: 'Unlike the others', panels: UNLIKE },
    { title: 'Clocks and sight', panels: CLOCKS },
  ],
};
