/** Puts the sidecar together and runs it: `plumb serve`. The only place of this program that constructs things. */
import { hostname } from 'node:os';
import { loadCurrentBundle } from '../registry/bundle-folder.ts';
import { loadHmacKey } from '../registry/log-privacy.ts';
import type { Bundle } from '../registry/model.ts';
import { OWN_PACKAGE } from '../registry/own-package.ts';
import type { Project } from '../registry/project.ts';
import { spoolConsumers } from '../registry/settings.ts';
import type { CacheLayers, Settings } from '../registry/settings.ts';
import { openAdmin } from './admin.ts';
import type { Admin } from './admin.ts';
import { Answers } from './answers.ts';
import { watchBundles } from './bundle-watch.ts';
import { RowCache } from './cache.ts';
import { EventLoopDelay } from './event-loop-delay.ts';
import { GcPauses } from './gc-pauses.ts';
import { HotKeys } from './hot-keys.ts';
import { Metrics } from './metrics.ts';
import { metricsText } from './metrics-text.ts';
import type { Gauges } from './metrics-text.ts';
import { PlanBook, ViewSlots } from './plan-book.ts';
import { requestIds } from './request-id.ts';
import { RowLoader } from './row-loader.ts';
import type { LoaderEvents } from './row-loader.ts';
import { Serving } from './serve.ts';
import { Server } from './server.ts';
import { watchSettings } from './settings-watch.ts';
import { Shipping } from './shipper/shipping.ts';
import { ConsumerWatch } from './spool/consumer-watch.ts';
import { openReader, trouble } from './store/open-reader.ts';
import type { StoreReader } from './store/store-reader.ts';
import { nodeTransport } from './transport/node-http.ts';
import { UNIX } from './transport/transport.ts';
import type { Exchange, HttpHandler, Transport } from './transport/transport.ts';
import { uwsTransport } from './transport/uws.ts';
import { warmUp } from './warm-up.ts';
import { VectorLog } from './vector-log/vector-log.ts';

/** How long a start waits for the store: a first connection may never settle, while a cluster forms. */
const STORE_START_LIMIT_MS = 1_000;
/** How long a stop waits for requests that are under way. */
const DRAIN_LIMIT_MS = 5_000;
const DRAIN_POLL_MS = 2;
const CLOCK_WATCH_MS = 1_000;

export interface Served {
  readonly port: number;
  readonly adminPort: number;
  /** uWebSockets.js or node:http */
  readonly transport: string;
  /** Takes no more requests, finishes those under way, writes the log's last record; again is no error. */
  stop(): Promise<void>;
}

/**
 * Starts the sidecar and returns when it is ready.
 *
 * @throws  REG_NOT_APPLIED, REG_BUNDLE, SRV_PORT, SRV_TRANSPORT, LOG_ codes when the spool cannot be written. A store
 *          that is down is no reason not to start
 */
export async function runServe(project: Project, droppedLogLines: () => number = () => 0): Promise<Served> {
  const { settings, clock, talk } = project;
  const bundle = loadCurrentBundle(settings.bundles);
  const slots = new ViewSlots();
  const { keyPrefix } = settings.online;
  const privacy = { enabled: settings.log.enabled, hmacKey: loadHmacKey(settings.log.hmacKey) };
  const book = new PlanBook(bundle, keyPrefix, slots, privacy);
  const metrics = new Metrics();
  const reader = await openReader(settings.online, clock, talk);
  const cache = new RowCache(cacheLimits(settings));
  const loader = new RowLoader(reader, cache, loaderEvents(metrics, reader, project));
  const log = settings.log.enabled ? await VectorLog.open({ ...logOptions(settings), clock, talk }) : null;
  const shipping = log === null ? null : startShipping(settings, project);
  // The server stands above what may refuse through it, and is made last.
  const answers = new Answers(log, settings.log, metrics, (exchange) => server.refuseUnlogged(exchange));
  const refuse = (exchange: Exchange, fault: unknown): void => server.refuse(exchange, fault);
  const hotKeys = new HotKeys((key) => reader.nodeOf(key));
  let layers = settings.serve.cacheLayers;
  const setLayers = (next: CacheLayers): void => {
    layers = next;
    cache.setLayers(next);
    loader.setSingleFlight(next.singleFlight);
    hotKeys.setOn(next.hotKeys);
  };
  setLayers(layers);
  const serving = new Serving({ clock, cache, loader, answers, metrics, hotKeys, book, refuse });
  const { allowedHosts, deadlineMs, host, port } = settings.serve;
  const server = new Server({
    serving,
    metrics,
    hotKeys,
    talk,
    allowedHosts,
    deadlineMs,
    nextRequestId: requestIds(),
  });
  const closeAll: (() => Promise<void> | void)[] = [
    () => log?.close(),
    () => shipping?.stop(),
    () => reader.close(),
  ];
  const undo = async (): Promise<void> => {
    for (const close of closeAll) await close();
  };
  try {
    const transport = await openTransport(settings.serve.transport, server, project);
    await reader.start(STORE_START_LIMIT_MS);
    await warmUp(bundle, reader, clock, privacy).catch((fault: Error) => {
      talk.warn(`the warm-up failed, so the first requests will be slow: ${fault.message}`);
    });
    const boundPort = await transport.listen(host, port);
    closeAll.unshift(() => transport.close());
    let ready = true;
    const swap = (next: Bundle): void => {
      serving.swap(new PlanBook(next, keyPrefix, slots, privacy));
      metrics.bundleSwaps += 1;
    };
    const watch = watchBundles(settings.bundles, bundle.hash, swap, talk);
    closeAll.unshift(() => watch.stop());
    const settingsWatch = watchSettings(project, setLayers);
    closeAll.unshift(() => settingsWatch.stop());
    const eventLoop = new EventLoopDelay();
    closeAll.push(() => eventLoop.stop());
    // A clock follows the wall clock when it is asked, and an idle sidecar asks it for nothing.
    const clockWatch = setInterval(() => clock.nowUs(), CLOCK_WATCH_MS).unref();
    closeAll.push(() => clearInterval(clockWatch));
    const gc = new GcPauses();
    closeAll.push(() => gc.stop());
    const consumers = new ConsumerWatch(settings.log.spool, log === null ? [] : spoolConsumers(settings.log));
    closeAll.unshift(() => consumers.stop());
    const gauges = (): Gauges => ({
      version: OWN_PACKAGE.version,
      transport: transport.name,
      store: reader.kind,
      storeState: reader.state(),
      project: settings.project,
      bundle: serving.book.bundle.hash,
      bundleRefused: watch.refuses,
      cache: cache.stats(),
      cacheLayers: layers,
      storeReads: loader.reads,
      joinedReads: loader.joined,
      inFlightValues: serving.inFlightValues,
      views: slots.tallies,
      hottestShare: hotKeys.hottest(1)[0]?.share ?? 0,
      nodes: hotKeys.nodes(),
      eventLoopDelays: eventLoop.seconds,
      gc,
      log: log === null ? null : log.stats(),
      shipping: shipping === null ? null : shipping.stats(),
      consumers: consumers.lags,
      nowUs: clock.nowUs(),
      clockOffsetUs: clock.offsetUs(),
      droppedLogLines: droppedLogLines(),
    });
    const admin = await openAdmin(settings.serve.adminPort, {
      isReady: () => ready,
      metrics: () => metricsText(metrics, gauges()),
      cacheLayers: () => layers,
    });
    talk.say(readyLine(host, boundPort, transport, admin));
    let stopped: Promise<void> | null = null;
    const stop = async (): Promise<void> => {
      ready = false;
      transport.stopListening();
      await drained(transport);
      await undo();
      await admin.close();
    };
    return {
      port: boundPort,
      adminPort: admin.port,
      transport: transport.name,
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    await undo();
    throw error;
  }
}

/** Serves until SIGTERM or SIGINT, then stops in order. What `plumb serve` calls. */
export async function serveUntilSignal(project: Project, droppedLogLines: () => number): Promise<void> {
  const served = await runServe(project, droppedLogLines);
  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });
  project.talk.say(`${signal}: finishing requests and the log`);
  await served.stop();
}

async function openTransport(
  wanted: Settings['serve']['transport'],
  handler: HttpHandler,
  { talk }: Project,
): Promise<Transport> {
  if (wanted === 'node') return nodeTransport(handler);
  try {
    return await uwsTransport(handler);
  } catch (error) {
    if (wanted === 'uws') throw error;
    talk.warn(`${(error as Error).message}; node:http serves instead, at a lower rate`);
    return nodeTransport(handler);
  }
}

function cacheLimits(settings: Settings): ConstructorParameters<typeof RowCache>[0] {
  const { cacheEntries, cacheBytes, cacheFreshMs, staleLimitMs } = settings.serve;
  return {
    entries: cacheEntries,
    bytes: cacheBytes,
    freshUs: cacheFreshMs * 1_000,
    staleUs: staleLimitMs * 1_000,
  };
}

function logOptions({ log }: Settings) {
  const pod = process.env['POD_UID'] ?? hostname();
  const { spool: folder, durability, maxBytes, onFull, ringBytes } = log;
  return { folder, pod, durability, maxBytes, onFull, ringBytes, consumers: spoolConsumers(log) };
}

/** @returns null when the log goes nowhere but to the spool */
function startShipping({ log, clock }: Settings, { talk }: Project): Shipping | null {
  return log.kafka === null ? null : new Shipping({ spool: log.spool, kafka: log.kafka, clock }, talk);
}

function loaderEvents(metrics: Metrics, reader: StoreReader, { talk }: Project): LoaderEvents {
  const tell = trouble(talk);
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

function readyLine(host: string, port: number, transport: Transport, admin: Admin): string {
  const onSocket = host.startsWith(UNIX);
  const name = host.includes(':') ? `[${host}]` : host;
  const at = onSocket ? host : `http://${name}:${port}`;
  const adminAt = `http://${onSocket ? 'localhost' : name}:${admin.port}`;
  return `Plumbline serves on ${at} (${transport.name}), admin on ${adminAt}`;
}

async function drained(transport: Transport): Promise<void> {
  const limitMs = performance.now() + DRAIN_LIMIT_MS;
  while (transport.open > 0 && performance.now() < limitMs) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
}
