/** Reads, for `/metrics`, the state of a sidecar's parts. Called by main.ts with each scrape. */
import type { Clock } from '../project/clock.ts';
import { OWN_PACKAGE } from '../project/own-package.ts';
import type { Bundle } from '../contract/model.ts';
import type { Assembly } from './assembly.ts';
import type { EventLoopDelay } from './metrics/event-loop-delay.ts';
import type { Gauges } from './metrics/metrics-text.ts';
import type { BundleWatch } from './process/bundle-watch.ts';
import type { Shipping } from './shipper/shipping.ts';
import type { ConsumerWatch } from './vector-log/consumer-watch.ts';
import type { StoreReader } from './store/store-reader.ts';
import type { StderrLines } from './process/log-lines.ts';
import type { SpanCounts } from './traces/span-exporter.ts';
import type { Transport } from './transport/transport.ts';
import type { VectorLog } from './vector-log/vector-log.ts';

interface GaugedParts {
  /** The name of the project. */
  readonly project: string;
  readonly assembly: Assembly;
  readonly reader: StoreReader;
  readonly transport: Transport;
  readonly log: VectorLog | null;
  readonly shipping: Shipping | null;
  readonly bundleWatch: BundleWatch;
  readonly consumerWatch: ConsumerWatch;
  readonly eventLoopDelay: EventLoopDelay;
  readonly gcPauses: Gauges['gc'];
  readonly clock: Clock;
  readonly lines: StderrLines;
  /** null: nothing is traced. */
  readonly traces: { readonly counts: SpanCounts } | null;
}

/** Of the views in force; one that nobody asked for in the last minute has no watermark. */
function freshnessOf({ views }: Bundle, watermarks: ReadonlyMap<string, number>): Gauges['freshness'] {
  return [...views.values()].map(({ id, freshnessUs, freshnessAlertUs }) => {
    return { view: id, watermarkUs: watermarks.get(id) ?? null, freshnessUs, freshnessAlertUs };
  });
}

export function gauges(parts: GaugedParts): Gauges {
  const { reader, transport, log, shipping, clock } = parts;
  const { cache, loader, hotKeys, serving, admission, layers } = parts.assembly;
  return {
    version: OWN_PACKAGE.version,
    transport: transport.name,
    store: reader.kind,
    storeState: reader.state(),
    project: parts.project,
    bundle: serving.plans.bundle.hash,
    bundleRefused: parts.bundleWatch.refuses,
    isAlone: parts.bundleWatch.isAlone,
    cache: cache.stats(),
    cacheLayers: layers(),
    storeReads: loader.reads,
    joinedReads: loader.joined,
    inFlightValues: serving.inFlightValues,
    waitingRequests: admission.waiting,
    connections: transport.connections,
    views: serving.plans.tallies,
    deprecated: serving.plans.deprecatedTallies,
    freshness: freshnessOf(serving.plans.bundle, reader.watermarks()),
    onDemand: serving.plans.functionTallies,
    functionProcesses: serving.plans.functionProcesses,
    hottestShare: hotKeys.hottest(1)[0]?.share ?? 0,
    nodes: hotKeys.nodes(),
    eventLoopDelays: parts.eventLoopDelay.seconds,
    gc: parts.gcPauses,
    log: log === null ? null : log.stats(),
    shipping: shipping === null ? null : shipping.stats(),
    consumers: parts.consumerWatch.lags,
    nowUs: clock.nowUs(),
    clockOffsetUs: clock.offsetUs(),
    droppedLogLines: parts.lines.dropped,
    spans: parts.traces === null ? null : parts.traces.counts,
  };
}
