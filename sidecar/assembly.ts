/**
 * Builds the objects that a request passes through, from its rows to the server that a transport calls:
 *
 *   reader -> loader -> cache -> serving -> server        plans, counters, hot keys and the outbox beside them
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
import { requestIds } from './request/request-id.ts';
import { Serving } from './serve.ts';
import { Server } from './server.ts';
import { trouble } from './store/open-reader.ts';
import type { StoreReader } from './store/store-reader.ts';

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
}

export interface Assembly extends RowParts {
  readonly metrics: Metrics;
  readonly hotKeys: HotKeys;
  readonly serving: Serving;
  readonly server: Server;
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

export function assemble({ plans, reader, log, logPolicy, serve, clock, logger }: AssemblyOptions): Assembly {
  const metrics = new Metrics();
  const { cache, loader } = assembleRows(reader, serve, countedEvents(metrics, reader, logger));
  const hotKeys = new HotKeys((key) => reader.nodeOf(key));
  // The outbox and serving refuse through the server, which is built last: it calls both.
  const outbox = new Outbox(log, logPolicy, metrics, (exchange) => server.refuseUnlogged(exchange));
  const serving = new Serving({
    clock,
    cache,
    loader,
    outbox,
    metrics,
    hotKeys,
    plans,
    refuse: (exchange, fault) => server.refuse(exchange, fault),
  });
  const server = new Server({
    serving,
    flush: () => outbox.flush(),
    isFull: () => outbox.isFull,
    metrics,
    hotKeys,
    logger,
    allowedHosts: serve.allowedHosts,
    deadlineMs: serve.deadlineMs,
    nextRequestId: requestIds(),
  });
  let layers = serve.cacheLayers;
  const setLayers = (next: CacheLayers): void => {
    layers = next;
    cache.setLayers(next);
    loader.setSingleFlight(next.singleFlight);
    hotKeys.setOn(next.hotKeys);
  };
  setLayers(layers);
  return { metrics, cache, loader, hotKeys, serving, server, setLayers, layers: () => layers };
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
