/** The dashboard of requests: how many, how fast, with which statuses, and what they cost the process and the store. */
import { ofPods, perSecond, PODS, quantile, quantiles, sumPerSecond } from '../panel.ts';
import type { Board, Panel } from '../panel.ts';

const DURATION = 'plumbline_request_duration_seconds';
const VALUES = 'plumbline_values_total';
const ON_DEMAND = 'plumbline_on_demand';

const NUMBERS: readonly Panel[] = [
  {
    title: 'Requests a second',
    description: 'All routes and statuses, over the chosen sidecars.',
    unit: 'reqps',
    kind: 'number',
    queries: [{ expr: sumPerSecond('plumbline_requests_total'), legend: 'requests' }],
  },
  {
    title: 'Within 10 ms',
    description: 'Share of the answers with 200 that left within 10 ms of being read. The promise is 99 %.',
    unit: 'percentunit',
    kind: 'number',
    queries: [
      {
        expr: `${sumPerSecond(`${DURATION}_bucket`, '', 'le="0.01"')} / ${sumPerSecond(`${DURATION}_count`)}`,
        legend: 'within 10 ms',
      },
    ],
  },
  {
    title: 'Not 5xx',
    description: 'Share of the requests that did not end with a 5xx. The promise is 99.9 %.',
    unit: 'percentunit',
    kind: 'number',
    queries: [
      {
        expr: `${sumPerSecond('plumbline_requests_total', '', 'code!~"5.."')} / ${sumPerSecond('plumbline_requests_total')}`,
        legend: 'not 5xx',
      },
    ],
  },
  {
    title: 'UNAVAILABLE',
    description: 'Share of the values that are UNAVAILABLE. The promise is at most 0.1 %.',
    unit: 'percentunit',
    kind: 'number',
    queries: [
      {
        expr: `${sumPerSecond(VALUES, '', 'status="UNAVAILABLE"')} / ${sumPerSecond(VALUES)}`,
        legend: 'UNAVAILABLE',
      },
    ],
  },
];

const REQUESTS: readonly Panel[] = [
  {
    title: 'Requests by route and status',
    description: 'A 4xx is a mistake of the caller, a 503 overload or a full log.',
    unit: 'reqps',
    queries: [
      { expr: sumPerSecond('plumbline_requests_total', 'route, code'), legend: '{{route}} {{code}}' },
    ],
  },
  quantiles('Latency', 'From the reading of a request to its answer, of those with 200.', DURATION),
  {
    title: 'Refused unread',
    description:
      'Requests on which no work was done: late (past their deadline), behind (overload), full (no room), gone (the client had left). Zero is good.',
    unit: 'reqps',
    queries: [{ expr: sumPerSecond('plumbline_shed_requests_total', 'reason'), legend: '{{reason}}' }],
  },
  {
    title: 'Answered at the deadline',
    description: 'Answers that left with reads under way; their values are UNAVAILABLE. Near zero is good.',
    unit: 'reqps',
    queries: [{ expr: sumPerSecond('plumbline_deadline_answers_total'), legend: 'at the deadline' }],
  },
  {
    title: 'Waiting',
    description: 'Requests that were read and wait for their turn, and values that wait for the store.',
    unit: 'short',
    queries: [
      { expr: `sum (${ofPods('plumbline_waiting_requests')})`, legend: 'requests for their turn' },
      { expr: `sum (${ofPods('plumbline_in_flight_values')})`, legend: 'values for the store' },
    ],
  },
  {
    title: 'Connections',
    description: 'Of clients, idle ones too, and the open files that they are part of, against their limit.',
    unit: 'short',
    queries: [
      { expr: `sum (${ofPods('plumbline_connections')})`, legend: 'connections' },
      { expr: `max (${ofPods('process_open_fds')})`, legend: 'open files, of the pod with most' },
      { expr: `min (${ofPods('process_max_fds')})`, legend: 'limit' },
    ],
  },
];

const ANSWERS: readonly Panel[] = [
  {
    title: 'Values that are not PRESENT',
    description: 'By view and status. MISSING: no row. OUTSIDE_TTL: too old. UNAVAILABLE: the store failed.',
    unit: 'ops',
    queries: [
      { expr: sumPerSecond(VALUES, 'view, status', 'status!="PRESENT"'), legend: '{{view}} {{status}}' },
    ],
  },
  {
    title: 'Age of the rows served, p90',
    description:
      'From the event time of a row to its serving. What the view promises is on the dashboard of freshness.',
    unit: 's',
    queries: [{ expr: quantile(0.9, 'plumbline_served_row_age_seconds', 'view'), legend: '{{view}}' }],
  },
  {
    title: 'Rows that cannot be read',
    description: 'Corrupt, or of an unknown definition: their values are UNAVAILABLE. Zero is good.',
    unit: 'ops',
    queries: [{ expr: sumPerSecond('plumbline_unreadable_rows_total', 'view'), legend: '{{view}}' }],
  },
  {
    title: 'Answers with something deprecated',
    description:
      'By service; none: lists of single features. Once it is zero for good the definition may go.',
    unit: 'reqps',
    queries: [
      { expr: sumPerSecond('plumbline_deprecated_answers_total', 'service'), legend: '{{service}}' },
      { expr: sumPerSecond('plumbline_passed_over_columns_total'), legend: 'columns nobody asked for' },
    ],
  },
];

const CACHE: readonly Panel[] = [
  {
    title: 'Answered from the cache',
    description: 'Share of the rows that were fresh in the cache.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${sumPerSecond('plumbline_cache_hits_total')} / (${sumPerSecond('plumbline_cache_hits_total')} + ${sumPerSecond('plumbline_cache_misses_total')})`,
        legend: 'from the cache',
      },
    ],
  },
  {
    title: 'Rows of the cache',
    description:
      'Rows that joined a read under way, that were read ahead, and that stood in since the store failed.',
    unit: 'ops',
    queries: [
      { expr: sumPerSecond('plumbline_cache_coalesced_total'), legend: 'joined' },
      { expr: sumPerSecond('plumbline_cache_refreshes_total'), legend: 'read ahead' },
      { expr: sumPerSecond('plumbline_stale_rows_total'), legend: 'stood in' },
      { expr: sumPerSecond('plumbline_cache_evictions_total', 'bound'), legend: 'made room: {{bound}}' },
    ],
  },
  {
    title: 'Size of the cache',
    description: 'Bytes that the cache of each sidecar counts; serve.cacheBytes bounds them.',
    unit: 'bytes',
    queries: [{ expr: ofPods('plumbline_cache_bytes'), legend: '{{instance}}' }],
  },
  {
    title: 'Entities in the cache',
    description: 'The setting serve.cacheEntries bounds them.',
    unit: 'short',
    queries: [
      { expr: ofPods('plumbline_cache_entities'), legend: '{{instance}}' },
      {
        expr: `count by (layer) (${ofPods('plumbline_cache_layer_enabled')} == 0)`,
        legend: '{{layer}} is off',
      },
    ],
  },
];

const STORE: readonly Panel[] = [
  {
    title: 'Reads of the store',
    description: 'Entities that were asked for, and reads that failed. No failures is good.',
    unit: 'ops',
    queries: [
      { expr: sumPerSecond('plumbline_store_reads_total'), legend: 'reads' },
      { expr: sumPerSecond('plumbline_store_failures_total'), legend: 'failures' },
    ],
  },
  {
    title: 'Duration of reads, p99',
    description:
      'By node of the store, failed reads included. Above serve.deadlineMs values are UNAVAILABLE.',
    unit: 's',
    queries: [{ expr: quantile(0.99, 'plumbline_store_read_duration_seconds', 'node'), legend: '{{node}}' }],
  },
  {
    title: 'Load by node',
    description:
      'Look-ups of entities by the node that holds them, and those that the cache spared it (estimates).',
    unit: 'ops',
    queries: [
      { expr: sumPerSecond('plumbline_node_lookups_total', 'node'), legend: '{{node}}' },
      { expr: sumPerSecond('plumbline_node_lookups_spared_total', 'node'), legend: '{{node}} spared' },
    ],
  },
  {
    title: 'Hottest entity',
    description: 'Its share of the look-ups of each sidecar; /hot-keys says which one it is.',
    unit: 'percentunit',
    queries: [{ expr: ofPods('plumbline_hottest_key_ratio'), legend: '{{instance}}' }],
  },
];

const FUNCTIONS: readonly Panel[] = [
  {
    title: 'Calls of on-demand views',
    description: 'Rows that the function of a view was called for.',
    unit: 'ops',
    queries: [{ expr: sumPerSecond(`${ON_DEMAND}_calls_total`, 'view'), legend: '{{view}}' }],
  },
  {
    title: 'Calls without values',
    description: 'By view and reason, and calls that were ended for their time or memory. Zero is good.',
    unit: 'ops',
    queries: [
      { expr: sumPerSecond(`${ON_DEMAND}_failures_total`, 'view, reason'), legend: '{{view}} {{reason}}' },
      { expr: sumPerSecond(`${ON_DEMAND}_ended_calls_total`, 'view'), legend: '{{view}} ended' },
    ],
  },
  {
    title: 'Duration of a call, p99',
    description: 'Where half of the last calls took over 1 ms the view is switched off.',
    unit: 's',
    queries: [{ expr: quantile(0.99, `${ON_DEMAND}_call_duration_seconds`, 'view'), legend: '{{view}}' }],
  },
  {
    title: 'Views that are off, or of another engine',
    description:
      'Of how many sidecars a view is switched off, or was applied on another V8 or processor. None is good.',
    unit: 'short',
    queries: [
      { expr: `sum by (view) (${ofPods(`${ON_DEMAND}_switched_off`)})`, legend: '{{view}} off' },
      {
        expr: `sum by (view) (${ofPods(`${ON_DEMAND}_other_engine`)})`,
        legend: '{{view}} of another engine',
      },
    ],
  },
  {
    title: 'Processes of isolated functions',
    description: 'Two where a service has such a function, none elsewhere; and how many were lost.',
    unit: 'short',
    queries: [
      { expr: ofPods(`${ON_DEMAND}_processes`), legend: '{{instance}}' },
      {
        expr: `increase(${ofPods(`${ON_DEMAND}_lost_processes_total`)}[$__rate_interval])`,
        legend: '{{instance}} lost',
      },
    ],
  },
];

const PROCESS: readonly Panel[] = [
  {
    title: 'Processor',
    description: 'Cores of each sidecar. One thread answers: near 1 it is at its end.',
    unit: 'short',
    queries: [{ expr: perSecond('process_cpu_seconds_total'), legend: '{{instance}}' }],
  },
  {
    title: 'Lateness of the event loop, p99',
    description: 'How late a timer is. Above 10 ms no answer can be in time.',
    unit: 's',
    queries: [
      { expr: quantile(0.99, 'plumbline_event_loop_delay_seconds', 'instance'), legend: '{{instance}}' },
      { expr: quantile(0.99, 'plumbline_poll_duration_seconds', 'instance'), legend: '{{instance}} poll' },
    ],
  },
  {
    title: 'Memory',
    description:
      'Resident memory, the heap in use, taken and at most, and buffers outside of it, of each sidecar.',
    unit: 'bytes',
    queries: [
      { expr: ofPods('process_resident_memory_bytes'), legend: '{{instance}} resident' },
      { expr: ofPods('nodejs_heap_size_used_bytes'), legend: '{{instance}} heap used' },
      { expr: ofPods('nodejs_heap_size_total_bytes'), legend: '{{instance}} heap taken' },
      { expr: ofPods('nodejs_heap_size_limit_bytes'), legend: '{{instance}} heap limit' },
      { expr: ofPods('nodejs_external_memory_bytes'), legend: '{{instance}} buffers' },
    ],
  },
  {
    title: 'Garbage collection',
    description: 'Share of the time in pauses, by kind.',
    unit: 'percentunit',
    queries: [
      {
        expr: sumPerSecond('nodejs_gc_duration_seconds_sum', 'instance, kind'),
        legend: '{{instance}} {{kind}}',
      },
    ],
  },
];

export const SERVING: Board = {
  id: 'serving',
  title: 'Plumbline: serving',
  description: 'What the chosen sidecars answer, how fast, and what it costs them.',
  variables: [PODS],
  rows: [
    { title: 'Promises', panels: NUMBERS },
    { title: 'Requests', panels: REQUESTS },
    { title: 'Values', panels: ANSWERS },
    { title: 'Cache', panels: CACHE },
    { title: 'Online store', panels: STORE },
    { title: 'Functions on demand', panels: FUNCTIONS },
    { title: 'Process', panels: PROCESS },
  ],
};
