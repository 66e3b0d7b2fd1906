/** Counters of the sidecar and their Prometheus text. No entity ids, no request ids. */
import { STATUSES } from '../registry/status.ts';
import type { NodeLoad } from './hot-keys.ts';
import { logMetrics } from './vector-log/log-metrics.ts';
import type { VectorLogStats } from './vector-log/vector-log.ts';
import type { ShipperStats } from './shipper/shipper.ts';

/** Upper edges in seconds; one stands at the promise of 10 ms. */
const LATENCY_EDGES_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.008, 0.01, 0.025, 0.05, 0.1, 0.5];

export class Metrics {
  /** By route, then by HTTP status. */
  readonly #requests = new Map<string, Map<number, number>>();
  readonly #latencyCounts = LATENCY_EDGES_S.map(() => 0);
  #latencySumS = 0;
  #latencyCount = 0;
  cacheHits = 0;
  cacheMisses = 0;
  refreshes = 0;
  staleServed = 0;
  storeFailures = 0;
  deadlineAnswers = 0;
  readonly #unreadable = new Map<string, number>();

  countRequest(route: string, status: number): void {
    let codes = this.#requests.get(route);
    if (codes === undefined) this.#requests.set(route, (codes = new Map()));
    codes.set(status, (codes.get(status) ?? 0) + 1);
  }

  observeLatency(ms: number): void {
    const seconds = ms / 1_000;
    this.#latencySumS += seconds;
    this.#latencyCount += 1;
    let edge = 0;
    while (edge < LATENCY_EDGES_S.length && seconds > LATENCY_EDGES_S[edge]!) edge += 1;
    if (edge < LATENCY_EDGES_S.length) this.#latencyCounts[edge]! += 1;
  }

  countUnreadable(view: string): void {
    this.#unreadable.set(view, (this.#unreadable.get(view) ?? 0) + 1);
  }

  text(gauges: Gauges): string {
    const lines: string[] = [];
    const family = (name: string, type: string, help: string, samples: readonly [string, number][]): void => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      for (const [labels, value] of samples)
        lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${value}`);
    };
    const { transport, version, bundle, store } = gauges;
    const info = `version="${version}",transport="${transport}",store="${store}",bundle="${bundle}"`;
    family('plumbline_build_info', 'gauge', 'What runs here.', [[info, 1]]);
    family(
      'plumbline_requests_total',
      'counter',
      'Requests by route and HTTP status.',
      this.#requestSamples(),
    );
    this.#latency(lines);
    family('plumbline_cache_hits_total', 'counter', 'Rows served fresh from the cache.', [
      ['', this.cacheHits],
    ]);
    family('plumbline_cache_misses_total', 'counter', 'Rows that had to be waited for.', [
      ['', this.cacheMisses],
    ]);
    family('plumbline_cache_refreshes_total', 'counter', 'Rows read ahead of time.', [['', this.refreshes]]);
    family('plumbline_cache_entities', 'gauge', 'Entities in the cache.', [['', gauges.cacheEntries]]);
    family('plumbline_cache_bytes', 'gauge', 'Bytes that the cache counts.', [['', gauges.cacheBytes]]);
    family(
      'plumbline_stale_rows_total',
      'counter',
      'Rows served past their freshness since the store failed.',
      [['', this.staleServed]],
    );
    family('plumbline_store_reads_total', 'counter', 'Entities read from the store.', [
      ['', gauges.storeReads],
    ]);
    family('plumbline_store_failures_total', 'counter', 'Reads that failed.', [['', this.storeFailures]]);
    family(
      'plumbline_unreadable_rows_total',
      'counter',
      'Rows that are corrupt or of an unknown definition.',
      [...this.#unreadable].map(([view, n]): [string, number] => [`view="${view}"`, n]),
    );
    family('plumbline_deadline_answers_total', 'counter', 'Answers that left with reads under way.', [
      ['', this.deadlineAnswers],
    ]);
    family('plumbline_values_total', 'counter', 'Values served, by view and status.', valuesOf(gauges));
    family('plumbline_hottest_key_share', 'gauge', 'Share of the look-ups of the entity asked for most.', [
      ['', gauges.hottestShare],
    ]);
    family(
      'plumbline_node_lookups_total',
      'counter',
      'Look-ups of entities by the node that holds them (estimated from a sample).',
      gauges.nodes.map(({ node, lookups }): [string, number] => [`node="${node}"`, lookups]),
    );
    family(
      'plumbline_node_lookups_spared_total',
      'counter',
      'Of these, answered from the cache: reads that the node was spared.',
      gauges.nodes.map(({ node, spared }): [string, number] => [`node="${node}"`, spared]),
    );
    family('plumbline_in_flight_values', 'gauge', 'Values of requests that wait for the store.', [
      ['', gauges.inFlightValues],
    ]);
    if (gauges.log !== null) lines.push(...logMetrics(gauges.log));
    for (const [name, type, help, value] of shippingOf(gauges)) family(name, type, help, [['', value]]);
    return `${lines.join('\n')}\n`;
  }

  #requestSamples(): [string, number][] {
    return [...this.#requests].flatMap(([route, codes]) =>
      [...codes].map(([code, n]): [string, number] => [`route="${route}",code="${code}"`, n]),
    );
  }

  #latency(lines: string[]): void {
    const name = 'plumbline_request_duration_seconds';
    lines.push(`# HELP ${name} From the request's body to its answer.`, `# TYPE ${name} histogram`);
    let total = 0;
    for (const [i, edge] of LATENCY_EDGES_S.entries()) {
      total += this.#latencyCounts[i]!;
      lines.push(`${name}_bucket{le="${edge}"} ${total}`);
    }
    lines.push(`${name}_bucket{le="+Inf"} ${this.#latencyCount}`);
    lines.push(`${name}_sum ${this.#latencySumS}`, `${name}_count ${this.#latencyCount}`);
  }
}

/** What metrics show of others. */
export interface Gauges {
  readonly version: string;
  readonly transport: string;
  readonly store: string;
  readonly bundle: string;
  readonly cacheEntries: number;
  readonly cacheBytes: number;
  readonly storeReads: number;
  readonly inFlightValues: number;
  /** Of the hottest entity, of all look-ups; which one it is stands at /hot-keys only. */
  readonly hottestShare: number;
  readonly nodes: readonly NodeLoad[];
  readonly values: Iterable<{ readonly id: string; readonly valuesByStatus: readonly number[] }>;
  readonly log: VectorLogStats | null;
  readonly shipping: ShipperStats | null;
  readonly nowUs: number;
}

function valuesOf(gauges: Gauges): [string, number][] {
  const samples: [string, number][] = [];
  for (const { id, valuesByStatus } of gauges.values) {
    for (const [code, count] of valuesByStatus.entries()) {
      samples.push([`view="${id}",status="${STATUSES[code]!}"`, count]);
    }
  }
  return samples;
}

type Sample = readonly [name: string, type: string, help: string, value: number];

/** What the shipper tells; nothing where the log is not shipped. */
function shippingOf({ shipping, log, nowUs }: Gauges): Sample[] {
  if (shipping === null || log === null) return [];
  const name = 'plumbline_shipper';
  const { connected, shippedRecords, shippedBytes, rejectedRecords, retries, oldestUs, lagBytes } = shipping;
  const samples: Sample[] = [
    [`${name}_connected`, 'gauge', 'Whether Kafka answered the last send.', connected ? 1 : 0],
    [`${name}_records_total`, 'counter', 'Frames of the spool that Kafka has acknowledged.', shippedRecords],
    [`${name}_bytes_total`, 'counter', 'Their bytes, before compression.', shippedBytes],
    [
      `${name}_rejected_records_total`,
      'counter',
      'Frames that Kafka refused, kept in rejected/.',
      rejectedRecords,
    ],
    [`${name}_retries_total`, 'counter', 'Sends that had to be repeated.', retries],
    [`${name}_lag_bytes`, 'gauge', 'Bytes of the spool that Kafka does not have.', lagBytes],
  ];
  // While it is still busy with an earlier start's frames, nobody knows how many of them there are.
  if (shipping.epoch === log.epoch) {
    const lag = Math.max(0, log.sequence - shipping.sequence);
    samples.push([`${name}_lag_records`, 'gauge', 'Numbers of this start that Kafka does not have.', lag]);
  }
  const age = oldestUs === null ? 0 : Math.max(0, nowUs - oldestUs) / 1_000_000;
  samples.push([`${name}_oldest_unshipped_seconds`, 'gauge', 'Age of the oldest request that waits.', age]);
  return samples;
}
