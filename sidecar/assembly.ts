/**
 * Builds the objects that a request passes through, from its rows to the servers that transports call:
 *
 *   reader -> loader -> cache -> serving -> server, gRPC's server -> admission
 *
 * Plans, counters, hot keys and the outbox stand beside them.
 *
 * Opens, starts and closes nothing: readers, logs and ports come from the caller. Called by main.ts, by
 * process/warm-up.ts (over a made-up store) and by get.ts (for the rows alone).
 */
import type { Clock } from '../project/clock.ts';
import type { Logger } from '../contract/std/logger.ts';
import type { CacheLayers, ServeSettings } from '../project/settings/serve-settings.ts';
import { Outbox } from './answer/outbox.ts';
import type { AnswerLog } from './answer/outbox.ts';
import { HotKeys } from './cache/hot-keys.ts';
import { RowCache } from './cache/row-cache.ts';
import { RowLoader } from './cache/row-loader.ts';
import type { LoaderEvents } from './cache/row-loader.ts';
import { Metrics } from './metrics/metrics.ts';
import type { BundlePlans } from './plan/bundle-plans.ts';
import { Admission } from './request/admission.ts';
import { codedFaults } from './request/coded-fault.ts';
import { requestIds } from './request/request-id.ts';
import type { RequestServer } from './request-server.ts';
import { GrpcServer } from './grpc-server.ts';
import { Serving } from './serve.ts';
import { Server } from './server.ts';
import { trouble } from './store/open-reader.ts';
import type { Tracer } from './traces/tracer.ts';
import type { StoreReader } from './store/store-reader.ts';
import type { Exchange } from './transport/transport.ts';

type RowSettings = Pick<ServeSettings, 'cacheEntries' | 'cacheBytes' | 'cacheFreshMs' | 'staleLimitMs'>;

/** Where rows are looked up. */
interface RowParts {
  readonly cache: RowCache;
  readonly loader: RowLoader;
}

export interface AssemblyOptions {
  readonly plans: BundlePlans;
  readonly reader: StoreReader;
  /** null: nothing is logged. */
  readonly log: AnswerLog | null;
  /** When an answer may leave, and what happens when it cannot be logged. */
  readonly logPolicy: { readonly durability: string; readonly onFull: string };
  readonly serve: RowSettings & Pick<ServeSettings, 'cacheLayers' | 'allowedHosts' | 'deadlineMs'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** null: nothing is traced. */
  readonly tracer?: Tracer | null;
}

export interface Assembly extends RowParts {
  readonly metrics: Metrics;
  readonly hotKeys: HotKeys;
  readonly serving: Serving;
  readonly server: Server;
  readonly grpcServer: GrpcServer;
  /** The requests that wait for their turn, of both servers. */
  readonly admission: Admission;
  /** Switches the cache's layers, from the next request on. */
  setLayers(layers: CacheLayers): void;
  /** The layers that are on. */
  layers(): CacheLayers;
}

export function assembleRows(reader: StoreReader, settings: RowSettings, events: LoaderEvents): RowParts {
  const cache = new RowCache({
    entries: settings.cacheEntries,
    bytes: settings.cacheBytes,
    freshUs: settings.cacheFreshMs * 1_000,
    staleUs: settings.staleLimitMs * 1_000,
  });
  return { cache, loader: new RowLoader(reader, cache, events) };
}

export function assemble(options: AssemblyOptions): Assembly {
  const { plans, reader, log, logPolicy, serve, clock, logger, tracer = null } = options;
  const metrics = new Metrics();
  const { cache, loader } = assembleRows(reader, serve, countedEvents(metrics, reader, logger));
  const hotKeys = new HotKeys((key) => reader.nodeOf(key));
  // The outbox, serving and the admission call the servers, which are built last: they call all three.
  const ownerOf = (exchange: Exchange): RequestServer => (exchange.isGrpc ? grpcServer : server);
  const outbox = new Outbox(log, logPolicy, metrics, (exchange) =>
    ownerOf(exchange).refuseUnlogged(exchange),
  );
  const serving = new Serving({
    clock,
    cache,
    loader,
    outbox,
    metrics,
    hotKeys,
    plans,
    refuse: (exchange, fault) => ownerOf(exchange).refuse(exchange, fault),
  });
  const { deadlineMs, allowedHosts } = serve;
  const admission = new Admission({
    serve: (exchange, body, ageMs) => ownerOf(exchange).serve(exchange, body, ageMs),
    refuse: (exchange, why) => ownerOf(exchange).shed(exchange, why),
    flush: () => outbox.flush(),
    isFull: () => outbox.isFull,
    deadlineMs,
    pollSeconds: metrics.pollSeconds,
  });
  const codedFault = codedFaults(logger);
  const shared = { serving, admission, metrics, codedFault, deadlineMs, nextRequestId: requestIds(), tracer };
  const server = new Server({ ...shared, hotKeys, allowedHosts });
  const grpcServer = new GrpcServer(shared);
  let layers = serve.cacheLayers;
  const setLayers = (next: CacheLayers): void => {
    layers = next;
    cache.setLayers(next);
    loader.setSingleFlight(next.singleFlight);
    hotKeys.setOn(next.hotKeys);
  };
  setLayers(layers);
  return {
    metrics,
    cache,
    loader,
    hotKeys,
    serving,
    server,
    grpcServer,
    admission,
    setLayers,
    layers: () => layers,
  };
}

/** Counts what the loader meets, and tells the operator of trouble now and then. */
function countedEvents(metrics: Metrics, reader: StoreReader, logger: Logger): LoaderEvents {
  const tell = trouble(logger);
  return {
    onStoreFailure(error) {
      metrics.storeFailures += 1;
      tell(error);
    },
    onRead: (key, ms) => metrics.observeRead(reader.nodeOf(key), ms),
    onUnreadableRow(view, _key, reason) {
      metrics.countUnreadable(view);
      tell(new Error(`a row of ${view} cannot be read and counts as UNAVAILABLE: ${reason}`));
    },
  };
}
