/**
 * `/metrics`: what was counted (metrics.ts) and the state of the sidecar's parts, as Prometheus text. Base units,
 * counters end in `_total`; no entity ids, no request ids. Called by the admin port, some 1 ms a scrape.
 */
import type { CacheLayers } from '../../project/settings/serve-settings.ts';
import { STATUSES } from '../../contract/status.ts';
import type { CacheStats } from '../cache/row-cache.ts';
import { Exposition, NO_LABELS } from '../../contract/std/exposition.ts';
import type { Sample } from '../../contract/std/exposition.ts';
import type { GcPauses } from './gc-pauses.ts';
import type { Histogram } from '../../contract/std/histogram.ts';
import type { NodeLoad } from '../cache/hot-keys.ts';
import type { Metrics, RouteTally } from './metrics.ts';
import { processMetrics } from './process-metrics.ts';
import type { ShipperStats } from '../shipper/shipper.ts';
import type { StoreState } from '../store/store-health.ts';
import type { ConsumerLag } from '../vector-log/consumer-lag.ts';
import { logMetrics } from './log-metrics.ts';
import type { VectorLogStats } from '../vector-log/vector-log.ts';
import type { OnDemandTally } from '../on-demand/on-demand-tally.ts';
import type { DeprecatedTally } from '../plan/deprecations.ts';
import type { ViewTally } from '../plan/view-tally.ts';
import type { SpanCounts } from '../traces/span-exporter.ts';
import { onDemandMetrics } from './on-demand-metrics.ts';

/** What is read from other parts for one scrape: gauges.ts. */
export interface Gauges {
  readonly version: string;
  readonly transport: string;
  readonly store: string;
  readonly storeState: StoreState;
  readonly project: string;
  readonly bundle: string;
  /** Whether a newer bundle than the one in force was found, and cannot be served. */
  readonly bundleRefused: boolean;
  /** Whether no place that bundles come from has one, or can be asked. */
  readonly isAlone: boolean;
  readonly cache: CacheStats;
  readonly cacheLayers: CacheLayers;
  readonly storeReads: number;
  readonly joinedReads: number;
  readonly inFlightValues: number;
  /** Requests that were read and wait for their turn. */
  readonly waitingRequests: number;
  /** Clients' connections, idle ones too. */
  readonly connections: number;
  /** The share of the hottest entity in all look-ups; only /hot-keys says which entity that is. */
  readonly hottestShare: number;
  readonly nodes: readonly NodeLoad[];
  readonly views: Iterable<readonly [id: string, tally: ViewTally]>;
  /** By service. */
  readonly deprecated: Iterable<readonly [service: string, tally: DeprecatedTally]>;
  /** Null: no marker of the view was asked for in the last minute, or there is none. */
  readonly freshness: readonly {
    readonly view: string;
    readonly watermarkUs: number | null;
    readonly freshnessUs: number;
    readonly freshnessAlertUs: number;
  }[];
  readonly onDemand: ReadonlyMap<string, OnDemandTally>;
  /** Of isolated functions. */
  readonly functionProcesses: { readonly ready: number; readonly lost: number };
  readonly eventLoopDelays: Histogram;
  readonly gc: Pick<GcPauses, 'seconds'>;
  readonly log: VectorLogStats | null;
  readonly shipping: ShipperStats | null;
  /** Of the consumers that the spool waits for; a few seconds old. */
  readonly consumers: readonly ConsumerLag[];
  readonly nowUs: number;
  /** How far the wall clock has moved since the start beyond the time that passed. */
  readonly clockOffsetUs: number;
  readonly droppedLogLines: number;
  /** null: nothing is traced. */
  readonly spans: SpanCounts | null;
}

export function metricsText(metrics: Metrics, gauges: Gauges): string {
  const out = new Exposition();
  identity(out, metrics, gauges);
  requests(out, metrics, gauges);
  cache(out, metrics, gauges);
  store(out, metrics, gauges);
  freshness(out, gauges);
  onDemandMetrics(out, gauges.onDemand, gauges.functionProcesses, metrics.passedOver);
  if (gauges.log !== null) out.lines(logMetrics(gauges.log));
  consumers(out, gauges);
  shipping(out, gauges);
  program(out, gauges);
  return out.text();
}

function consumers(out: Exposition, { consumers: lags, nowUs }: Gauges): void {
  const age = (oldestUs: number | null): number =>
    oldestUs === null ? 0 : Math.max(0, nowUs - oldestUs) / 1e6;
  out.gauge(
    'plumbline_spool_lag_bytes',
    'Bytes of the spool behind the cursor of a consumer.',
    lags.map(({ consumer, lagBytes }): Sample => [{ consumer }, lagBytes]),
  );
  out.gauge(
    'plumbline_spool_oldest_unread_seconds',
    'Age of the oldest record that a consumer has not passed; 0 when none waits.',
    lags.map(({ consumer, oldestUs }): Sample => [{ consumer }, age(oldestUs)]),
  );
}

function identity(out: Exposition, metrics: Metrics, gauges: Gauges): void {
  const { version, transport, store: kind, project, bundle, bundleRefused } = gauges;
  out.gauge('plumbline_build_info', 'What runs here.', [[{ version, transport, store: kind }, 1]]);
  out.gauge('plumbline_bundle_info', 'The bundle in force.', [[{ project, bundle }, 1]]);
  out.counter('plumbline_bundle_swaps_total', 'Bundles taken since the start.', metrics.bundleSwaps);
  out.gauge(
    'plumbline_bundle_refused',
    'Whether the newest bundle cannot be served, and an older one is.',
    bundleRefused ? 1 : 0,
  );
  out.gauge(
    'plumbline_bundle_origins_down',
    'Whether no place that bundles come from could give one when they were last asked.',
    gauges.isAlone ? 1 : 0,
  );
}

function requests(
  out: Exposition,
  metrics: Metrics,
  { views, deprecated, onDemand, inFlightValues, waitingRequests, connections }: Gauges,
): void {
  const { routes } = metrics;
  out.counter('plumbline_requests_total', 'Requests by route and HTTP status.', requestSamples(routes));
  out.histogram(
    'plumbline_request_duration_seconds',
    'From the reading of a request to its answer, of those with 200.',
    [...routes].flatMap(([route, { answered, seconds }]) =>
      answered === 0 ? [] : [[{ route }, seconds] as const],
    ),
  );
  out.counter(
    'plumbline_shed_requests_total',
    'Requests on which no work was done: past their deadline, behind under overload, no room, client gone.',
    Object.entries(metrics.shed).map(([reason, n]): Sample => [{ reason }, n]),
  );
  out.gauge('plumbline_connections', 'Connections of clients, idle ones too.', connections);
  out.gauge(
    'plumbline_waiting_requests',
    'Requests that were read and wait for their turn.',
    waitingRequests,
  );
  out.histogram(
    'plumbline_poll_duration_seconds',
    'How long the reading of all sockets took that had something, work done between included.',
    [[NO_LABELS, metrics.pollSeconds]],
  );
  const tallies = [...views];
  out.counter(
    'plumbline_values_total',
    'Values served, by view and status.',
    [...tallies, ...onDemand].flatMap(([view, { values }]) =>
      STATUSES.map((status, code): Sample => [{ view, status }, values[code]!]),
    ),
  );
  out.counter(
    'plumbline_deprecated_answers_total',
    'Answers with something in them that is deprecated, by service; an empty one: lists of single features.',
    [...deprecated].map(([service, { answers }]): Sample => [{ service }, answers]),
  );
  out.histogram(
    'plumbline_served_row_age_seconds',
    'From the event time of a row to its serving, of one entity an answer.',
    tallies.map(([view, { rowAges }]) => [{ view }, rowAges] as const),
  );
  out.counter(
    'plumbline_deadline_answers_total',
    'Answers that left with reads under way.',
    metrics.deadlineAnswers,
  );
  out.gauge('plumbline_in_flight_values', 'Values of requests that wait for the store.', inFlightValues);
}

function requestSamples(routes: ReadonlyMap<string, RouteTally>): Sample[] {
  return [...routes].flatMap(([route, { answered, codes }]) => {
    const all = answered === 0 ? codes : new Map(codes).set(200, (codes.get(200) ?? 0) + answered);
    return [...all].map(([code, n]): Sample => [{ route, code: String(code) }, n]);
  });
}

function cache(out: Exposition, metrics: Metrics, gauges: Gauges): void {
  const { entries, bytes, evictedByEntries, evictedByBytes } = gauges.cache;
  const name = 'plumbline_cache';
  out.counter(`${name}_hits_total`, 'Rows served fresh from the cache.', metrics.cacheHits);
  out.counter(`${name}_misses_total`, 'Rows that had to be waited for.', metrics.cacheMisses);
  out.counter(`${name}_coalesced_total`, 'Rows that joined a read under way.', gauges.joinedReads);
  out.counter(`${name}_refreshes_total`, 'Rows read ahead of time.', metrics.refreshes);
  out.counter(`${name}_evictions_total`, 'Entities that went to make room, by the bound reached.', [
    [{ bound: 'entries' }, evictedByEntries],
    [{ bound: 'bytes' }, evictedByBytes],
  ]);
  out.gauge(`${name}_entities`, 'Entities in the cache.', entries);
  out.gauge(`${name}_bytes`, 'Bytes that the cache counts.', bytes);
  out.gauge(
    `${name}_layer_enabled`,
    'Layers of the cache, switched in plumbline.yaml.',
    Object.entries(gauges.cacheLayers).map(([layer, on]): Sample => [{ layer }, on ? 1 : 0]),
  );
  out.counter(
    'plumbline_stale_rows_total',
    'Rows served past their freshness since the store failed.',
    metrics.staleServed,
  );
}

function store(out: Exposition, metrics: Metrics, gauges: Gauges): void {
  out.gauge(
    'plumbline_store_connected',
    'Whether the online store can be asked: of a cluster, every primary that was called.',
    gauges.storeState.isConnected ? 1 : 0,
  );
  out.counter('plumbline_store_reads_total', 'Entities read from the store.', gauges.storeReads);
  out.counter('plumbline_store_failures_total', 'Reads that failed.', metrics.storeFailures);
  out.histogram(
    'plumbline_store_read_duration_seconds',
    'From asking a node of the store for an entity to its answer or failure.',
    [...metrics.readSeconds].map(([node, seconds]) => [{ node }, seconds] as const),
  );
  out.counter(
    'plumbline_unreadable_rows_total',
    'Rows that are corrupt or of an unknown definition.',
    [...metrics.unreadable].map(([view, n]): Sample => [{ view }, n]),
  );
  out.gauge(
    'plumbline_hottest_key_ratio',
    'Share of the look-ups of the entity asked for most.',
    gauges.hottestShare,
  );
  out.counter(
    'plumbline_node_lookups_total',
    'Look-ups of entities by the node that holds them (estimated from a sample).',
    gauges.nodes.map(({ node, lookups }): Sample => [{ node }, lookups]),
  );
  out.counter(
    'plumbline_node_lookups_spared_total',
    'Of these, answered from the cache: reads that the node was spared.',
    gauges.nodes.map(({ node, spared }): Sample => [{ node }, spared]),
  );
}

/** Times are seconds since 1970: `time() - metric` is an age whenever it is asked. */
function freshness(out: Exposition, { freshness: views }: Gauges): void {
  out.gauge(
    'plumbline_online_watermark_timestamp_seconds',
    'The time up to which the online store vouches for the view, if it was asked for in the last minute.',
    views.flatMap(({ view, watermarkUs }) =>
      watermarkUs === null ? [] : [[{ view }, watermarkUs / 1e6] as const],
    ),
  );
  out.gauge(
    'plumbline_online_freshness_target_seconds',
    'The age of the watermark that the view promises.',
    views.map(({ view, freshnessUs }): Sample => [{ view }, freshnessUs / 1e6]),
  );
  out.gauge(
    'plumbline_online_freshness_alert_seconds',
    'The age of the watermark past which there is an alarm.',
    views.map(({ view, freshnessAlertUs }): Sample => [{ view }, freshnessAlertUs / 1e6]),
  );
}

/** Nothing where the log is not shipped. */
function shipping(out: Exposition, { shipping: stats, log, nowUs }: Gauges): void {
  if (stats === null || log === null) return;
  const name = 'plumbline_shipper';
  const { connected, shippedRecords, shippedBytes, rejectedRecords, retries, oldestUs, lagBytes } = stats;
  out.gauge(`${name}_connected`, 'Whether Kafka answered the last send.', connected ? 1 : 0);
  out.counter(`${name}_records_total`, 'Frames of the spool that Kafka has acknowledged.', shippedRecords);
  out.counter(`${name}_bytes_total`, 'Their bytes, before compression.', shippedBytes);
  out.counter(
    `${name}_rejected_records_total`,
    'Frames that Kafka refused, kept in rejected/.',
    rejectedRecords,
  );
  out.counter(`${name}_retries_total`, 'Sends that had to be repeated.', retries);
  out.gauge(`${name}_lag_bytes`, 'Bytes of the spool that Kafka does not have.', lagBytes);
  // While the shipper sends frames of an earlier start, it is not known how many there are.
  if (stats.epoch === log.epoch) {
    const lag = Math.max(0, log.sequence - stats.sequence);
    out.gauge(`${name}_lag_records`, 'Numbers of this start that Kafka does not have.', lag);
  }
  const age = oldestUs === null ? 0 : Math.max(0, nowUs - oldestUs) / 1_000_000;
  out.gauge(`${name}_oldest_unshipped_seconds`, 'Age of the oldest request that waits.', age);
}

function program(out: Exposition, gauges: Gauges): void {
  const { eventLoopDelays, gc, clockOffsetUs, droppedLogLines, spans } = gauges;
  out.gauge(
    'plumbline_clock_offset_seconds',
    'How far the wall clock has moved since the start beyond the time that passed.',
    clockOffsetUs / 1e6,
  );
  out.counter(
    'plumbline_stderr_lines_dropped_total',
    'Lines of this log on stderr that nobody took in time.',
    droppedLogLines,
  );
  if (spans !== null)
    out.counter('plumbline_spans_total', 'Spans of traced requests, by what became of them.', [
      [{ outcome: 'sent' }, spans.sent],
      [{ outcome: 'dropped' }, spans.dropped],
    ]);
  out.histogram('plumbline_event_loop_delay_seconds', 'How late timers are, one every 10 ms.', [
    [NO_LABELS, eventLoopDelays],
  ]);
  processMetrics(out, gc);
}
