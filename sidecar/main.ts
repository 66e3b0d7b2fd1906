/** Puts the sidecar together and runs it: `plumb serve`. The only place of this program that constructs things. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCurrentBundle } from '../contract/definitions/bundle-folder.ts';
import { exposedKeyNotice, loadHmacKey } from '../contract/log-privacy.ts';
import type { Bundle } from '../contract/model.ts';
import type { Logger } from '../contract/std/logger.ts';
import { OWN_PACKAGE } from '../project/own-package.ts';
import type { Project } from '../project/project.ts';
import { spoolConsumers } from '../project/settings/settings.ts';
import type { CacheLayers } from '../project/settings/serve-settings.ts';
import type { Settings } from '../project/settings/settings.ts';
import { Admin } from './process/admin.ts';
import { Outbox } from './answer/outbox.ts';
import { watchBundles } from './process/bundle-watch.ts';
import { RowCache } from './cache/row-cache.ts';
import { trimHeap, youngGenerationBound } from './process/gc-tuning.ts';
import { drained } from './process/drain.ts';
import { EventLoopDelay } from './metrics/event-loop-delay.ts';
import { GcPauses } from './metrics/gc-pauses.ts';
import { HotKeys } from './cache/hot-keys.ts';
import { Metrics } from './metrics/metrics.ts';
import { metricsText } from './metrics/metrics-text.ts';
import type { Gauges } from './metrics/metrics-text.ts';
import { BundlePlans, ViewSlots } from './plan/bundle-plans.ts';
import { Readiness } from './process/readiness.ts';
import { watchReadiness } from './process/readiness-watch.ts';
import { requestIds } from './request/request-id.ts';
import { RowLoader } from './cache/row-loader.ts';
import type { LoaderEvents } from './cache/row-loader.ts';
import { Serving } from './serve.ts';
import { Server } from './server.ts';
import { watchSettings } from './process/settings-watch.ts';
import { Shipping } from './shipper/shipping.ts';
import { ConsumerWatch } from './spool/consumer-watch.ts';
import { logError } from './spool/errors.ts';
import { openReader, trouble } from './store/open-reader.ts';
import type { StoreReader } from './store/store-reader.ts';
import { UNIX } from './transport/transport.ts';
import type { Exchange, HttpHandler, Transport } from './transport/transport.ts';
import { listenOnSocket } from './transport/unix-socket.ts';
import { uwsTransport } from './transport/uws.ts';
import { warmUp } from './process/warm-up.ts';
import { VectorLog } from './vector-log/vector-log.ts';

/** How long a start waits for the store: a first connection may never settle, while a cluster forms. */
const STORE_START_LIMIT_MS = 1_000;
/** How long a stop waits for requests that are under way. */
const FINISH_LIMIT_MS = 5_000;
const FINISH_POLL_MS = 2;
/** Of the grace period, for what comes behind the draining: the last requests, the log, the shipper's end. */
const STOP_MS = 4_000;
const CLOCK_WATCH_MS = 1_000;

export interface Served {
  readonly port: number;
  readonly adminPort: number;
  /** uWebSockets.js or node:http */
  readonly transport: string;
  /**
   * Not ready from now on, and serves until nobody asks any more, or the grace period leaves no more time.
   *
   * @param isCut  whether to end that at once
   */
  drain(isCut: () => boolean): Promise<void>;
  /** Reads plumbline.yaml again now. */
  reload(): void;
  /** Takes no more requests, finishes those under way, writes the log's last record; again is no error. */
  stop(): Promise<void>;
  /** After `stop`: what the log's disk did not keep, as a clause; null: nothing. */
  notKept(): string | null;
}

/**
 * Starts the sidecar and returns when its ports are open. Ready it is when the store was read, too: readiness.ts.
 *
 * @throws  REG_NOT_APPLIED, REG_BUNDLE, SRV_PORT, SRV_TRANSPORT, LOG_ codes when the spool cannot be written. A store
 *          that is down is no reason not to start
 */
export async function runServe(project: Project, droppedLogLines: () => number = () => 0): Promise<Served> {
  const { settings, clock, logger } = project;
  const bundle = loadCurrentBundle(settings.bundles);
  const slots = new ViewSlots();
  const { keyPrefix } = settings.online;
  const privacy = { enabled: settings.log.enabled, hmacKey: loadHmacKey(settings.log.hmacKey) };
  const exposed = exposedKeyNotice(settings.log.hmacKey);
  if (exposed !== null) logger.warn(exposed);
  const plans = new BundlePlans(bundle, keyPrefix, slots, privacy);
  const metrics = new Metrics();
  const reader = await openReader(settings.online, clock, logger);
  const cache = new RowCache(cacheLimits(settings));
  const loader = new RowLoader(reader, cache, loaderEvents(metrics, reader, project));
  const log = settings.log.enabled ? await VectorLog.open({ ...logOptions(settings), clock, logger }) : null;
  const shipping = log === null ? null : startShipping(settings, project);
  // The server stands above what may refuse through it, and is made last.
  const outbox = new Outbox(log, settings.log, metrics, (exchange) => server.refuseUnlogged(exchange));
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
  const serving = new Serving({ clock, cache, loader, outbox, metrics, hotKeys, plans, refuse });
  const { allowedHosts, deadlineMs } = settings.serve;
  const server = new Server({
    serving,
    flush: () => outbox.flush(),
    isFull: () => outbox.isFull,
    metrics,
    hotKeys,
    logger,
    allowedHosts,
    deadlineMs,
    nextRequestId: requestIds(),
  });
  let notKept: string | null = null;
  const closeAll: (() => Promise<void> | void)[] = [
    async () => {
      if (log !== null) notKept = await log.close();
    },
    () => shipping?.stop(),
    () => reader.close(),
  ];
  const undo = async (): Promise<void> => {
    for (const close of closeAll) await close();
  };
  try {
    const { adminHost, adminPort, livezMs } = settings.serve;
    const admin = await Admin.open({ host: adminHost, port: adminPort, livezMs }, logger);
    closeAll.push(() => admin.close());
    const readiness = new Readiness(performance.now());
    const gc = new GcPauses(youngGenerationBound());
    closeAll.push(() => gc.stop());
    const transport = await openTransport(settings.serve.transport, server, project);
    await reader.start(STORE_START_LIMIT_MS);
    trimHeap();
    await warmUp(bundle, reader, clock, privacy).catch((fault: Error) => {
      logger.warn(`the warm-up failed, so the first requests will be slow: ${fault.message}`);
    });
    const listening = await listen(transport, settings.serve);
    closeAll.unshift(() => transport.close(), listening.release);
    readiness.opened();
    const ready = watchReadiness(readiness, reader, (state) => admin.tell(state.ready, state.reason), logger);
    closeAll.unshift(() => ready.stop());
    const swap = (next: Bundle): void => {
      serving.swap(new BundlePlans(next, keyPrefix, slots, privacy));
      metrics.bundleSwaps += 1;
    };
    const watch = watchBundles(settings.bundles, bundle.hash, swap, logger);
    closeAll.unshift(() => watch.stop());
    const settingsWatch = watchSettings(project, setLayers);
    closeAll.unshift(() => settingsWatch.stop());
    const eventLoop = new EventLoopDelay();
    closeAll.push(() => eventLoop.stop());
    // A clock follows the wall clock when it is asked, and an idle sidecar asks it for nothing.
    const clockWatch = setInterval(() => clock.nowUs(), CLOCK_WATCH_MS).unref();
    closeAll.push(() => clearInterval(clockWatch));
    const consumers = new ConsumerWatch(settings.log.spool, log === null ? [] : spoolConsumers(settings.log));
    closeAll.unshift(() => consumers.stop());
    const gauges = (): Gauges => ({
      version: OWN_PACKAGE.version,
      transport: transport.name,
      store: reader.kind,
      storeState: reader.state(),
      project: settings.project,
      bundle: serving.plans.bundle.hash,
      bundleRefused: watch.refuses,
      cache: cache.stats(),
      cacheLayers: layers,
      storeReads: loader.reads,
      joinedReads: loader.joined,
      inFlightValues: serving.inFlightValues,
      waitingRequests: server.admission.waiting,
      connections: transport.connections,
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
    admin.show({ metrics: () => metricsText(metrics, gauges()), cacheLayers: () => layers });
    logger.info(readyLine(settings.serve, listening.port, transport, admin));
    warnOfHost(settings.serve.host, logger);
    if (transport.trap !== null)
      logger.info(`note for clients that write HTTP by hand: ${transport.name} ${transport.trap}`);
    ready.look();
    const drain = (isCut: () => boolean): Promise<void> => {
      readiness.drains();
      ready.look();
      return drained({
        drainMs: settings.serve.drainMs,
        limitMs: drainLimitMs(settings),
        lastReadMs: () => server.admission.lastReadMs,
        isCut,
        nowMs: () => performance.now(),
        sleep,
      });
    };
    let stopped: Promise<void> | null = null;
    const stop = async (): Promise<void> => {
      readiness.drains();
      ready.look();
      transport.stopListening();
      listening.release();
      await finished(transport);
      await undo();
    };
    return {
      port: listening.port,
      adminPort: admin.port,
      transport: transport.name,
      drain,
      reload: () => settingsWatch.reload(),
      stop: () => (stopped ??= stop()),
      notKept: () => notKept,
    };
  } catch (error) {
    await undo();
    throw error;
  }
}

/**
 * Serves until SIGTERM, which drains first, or SIGINT, which a person sends who does not want to wait and which ends the
 * draining, too. A second SIGTERM does not: npm passes on what the whole group has got already. SIGHUP reads
 * plumbline.yaml again, unless it says that the terminal has gone. What `plumb serve` calls.
 *
 * @throws  what `runServe` does; LOG_LOST at the end, when the log's disk did not keep what was answered
 */
export async function serveUntilSignal(project: Project, droppedLogLines: () => number): Promise<void> {
  let served: Served | null = null;
  let isImpatient = false;
  // Before the start: a signal that comes during it is kept.
  const first = new Promise<string>((resolve) => {
    const ends = (name: string): void => {
      isImpatient ||= name !== 'SIGTERM';
      resolve(name);
    };
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, ends);
    process.on('SIGHUP', () => (process.stderr.isTTY ? ends('SIGHUP') : served?.reload()));
  });
  served = await runServe(project, droppedLogLines);
  const signal = await first;
  if (signal === 'SIGTERM') {
    project.logger.info('SIGTERM: not ready any more; serving until nobody asks');
    await served.drain(() => isImpatient);
  }
  project.logger.info(`${signal}: finishing requests and the log`);
  await served.stop();
  const notKept = served.notKept();
  if (notKept !== null) throw logError('LOG_LOST', notKept);
}

/** @returns how long the draining may last at most */
function drainLimitMs({ serve, log }: Settings): number {
  const shippingMs = log.kafka === null ? 0 : log.kafka.graceMs;
  return Math.max(0, serve.graceMs - shippingMs - STOP_MS);
}

interface Listening {
  /** 0 for a unix socket. */
  readonly port: number;
  /** Removes the socket's file; again is no error. */
  release(): void;
}

async function listen(transport: Transport, serve: Settings['serve']): Promise<Listening> {
  const { host, port, socketMode, socketGroup } = serve;
  if (!host.startsWith(UNIX)) return { port: await transport.listen(host, port), release() {} };
  const access = { mode: Number.parseInt(socketMode, 8), group: socketGroup };
  return { port: 0, release: await listenOnSocket(transport, host.slice(UNIX.length), access) };
}

async function openTransport(
  wanted: Settings['serve']['transport'],
  handler: HttpHandler,
  { logger }: Project,
): Promise<Transport> {
  // node:http takes 12 MiB: it is loaded when it serves.
  const node = async (): Promise<Transport> =>
    (await import('./transport/node-http.ts')).nodeTransport(handler);
  if (wanted === 'node') return node();
  try {
    return await uwsTransport(handler);
  } catch (error) {
    if (wanted === 'uws') throw error;
    logger.warn(
      `${(error as Error).message}. NODE:HTTP SERVES INSTEAD, at about half the rate: install the optional ` +
        'dependency uWebSockets.js, and set serve.transport to uws so that a sidecar without it does not start',
    );
    return node();
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
function startShipping({ log, clock }: Settings, { logger }: Project): Shipping | null {
  return log.kafka === null ? null : new Shipping({ spool: log.spool, kafka: log.kafka, clock }, logger);
}

function loaderEvents(metrics: Metrics, reader: StoreReader, { logger }: Project): LoaderEvents {
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

/** Where it listens, as others would call it. */
function readyLine(serve: Settings['serve'], port: number, transport: Transport, admin: Admin): string {
  const { host, adminHost } = serve;
  const at = host.startsWith(UNIX) ? host : `http://${inUrl(host)}:${port}`;
  const adminAt = `http://${inUrl(adminHost === '' ? '127.0.0.1' : adminHost)}:${admin.port}`;
  const where = adminHost === '' ? ' (all interfaces)' : '';
  return `Plumbline serves on ${at} (${transport.name}), admin on ${adminAt}${where}`;
}

/** Nothing asks who calls: whoever reaches the port reads features. */
function warnOfHost(host: string, logger: Logger): void {
  if (host.startsWith(UNIX) || /^(localhost$|127\.|::1$)/.test(host)) return;
  logger.warn(
    `serve.host ${host} lets other machines ask for features, and nothing asks who they are: use 127.0.0.1 or a unix ` +
      'socket, or keep others away from the port',
  );
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

async function finished(transport: Transport): Promise<void> {
  const limitMs = performance.now() + FINISH_LIMIT_MS;
  while (transport.open > 0 && performance.now() < limitMs) await sleep(FINISH_POLL_MS);
}
