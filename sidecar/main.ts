/**
 * `plumb serve`, from its start to its end: opens the store, the log and the ports, serves, drains, and closes all of
 * it in one order. assembly.ts builds the objects that a request passes through. Called by commands.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { exposedKeyNotice, loadHmacKey } from '../contract/log-privacy.ts';
import type { Bundle } from '../contract/model.ts';
import type { Logger } from '../contract/std/logger.ts';
import type { Project } from '../project/project.ts';
import type { ServeSettings } from '../project/settings/serve-settings.ts';
import { spoolConsumers } from '../project/settings/settings.ts';
import type { Settings } from '../project/settings/settings.ts';
import { assemble } from './assembly.ts';
import type { Assembly } from './assembly.ts';
import { gauges } from './gauges.ts';
import { EventLoopDelay } from './metrics/event-loop-delay.ts';
import { GcPauses } from './metrics/gc-pauses.ts';
import { metricsText } from './metrics/metrics-text.ts';
import { FunctionSlots } from './on-demand/function-slots.ts';
import { BundlePlans, ViewSlots } from './plan/bundle-plans.ts';
import type { LogPrivacy } from './plan/view-plan.ts';
import { Admin } from './process/admin.ts';
import { watchBundles } from './process/bundle-watch.ts';
import type { BundleWatch, WatchedBundles } from './process/bundle-watch.ts';
import { bundleForPod, openBundles, podId } from './process/served-bundle.ts';
import { NO_LINES } from './process/log-lines.ts';
import type { StderrLines } from './process/log-lines.ts';
import { drained } from './process/drain.ts';
import { youngGenerationBound } from './process/gc-tuning.ts';
import { trimHeap } from '../contract/std/garbage.ts';
import { Readiness } from './process/readiness.ts';
import type { ReadyState } from './process/readiness.ts';
import { watchReadiness } from './process/readiness-watch.ts';
import type { ReadinessWatch } from './process/readiness-watch.ts';
import { watchSettings } from './process/settings-watch.ts';
import type { SettingsWatch } from './process/settings-watch.ts';
import { warmUp } from './process/warm-up.ts';
import { Shipping } from './shipper/shipping.ts';
import { ConsumerWatch } from './vector-log/consumer-watch.ts';
import { logError } from './spool/errors.ts';
import { openReader } from './store/open-reader.ts';
import type { StoreReader } from './store/store-reader.ts';
import { openTraces } from './traces/open-traces.ts';
import type { Traces } from './traces/open-traces.ts';
import { listen, openTransport } from './transport/open-transport.ts';
import type { Listening } from './transport/open-transport.ts';
import { UNIX } from './transport/transport.ts';
import type { Transport } from './transport/transport.ts';
import { VectorLog } from './vector-log/vector-log.ts';

/** How long a start waits for the store: while a cluster forms, a first connection may never settle. */
const STORE_START_LIMIT_MS = 1_000;
/** How long a stop waits for requests that are under way. */
const FINISH_LIMIT_MS = 5_000;
const FINISH_POLL_MS = 2;
/** The part of the grace period for what follows the draining: the last requests, the log, the end of the shipper. */
const STOP_MS = 4_000;
const CLOCK_WATCH_MS = 1_000;
/** Nothing asks who calls over gRPC either, and no setting opens it to others. */
const GRPC_HOST = '127.0.0.1';

export interface RunningSidecar {
  readonly port: number;
  readonly adminPort: number;
  /** null: gRPC is not served. */
  readonly grpcPort: number | null;
  /** uWebSockets.js or node:http */
  readonly transport: string;
  /**
   * Not ready from now on, and serves until no requests come any more, or the grace period leaves no more time.
   *
   * @param isCut  whether to end that at once
   */
  drain(isCut: () => boolean): Promise<void>;
  /** Reads plumbline.yaml again now. */
  reload(): void;
  /** Takes no more requests, finishes those under way, writes the last record of the log. A second call is no error. */
  stop(): Promise<void>;
  /** After `stop`: what the disk of the log did not keep, as a clause; null: nothing. */
  notKept(): string | null;
}

/**
 * The order in which the parts that are open are closed: first what watches, then the port, the log before the shipper
 * that takes its last record, and the admin port after the store, since probes ask until the end.
 */
const CLOSING_ORDER = [
  'consumerWatch',
  'settingsWatch',
  'bundleWatch',
  'readinessWatch',
  'port',
  'grpcPort',
  'functions',
  'log',
  'shipping',
  'reader',
  'admin',
  'traces',
  'gcPauses',
  'eventLoopDelay',
  'clockWatch',
] as const;

type OpenParts = { [part in (typeof CLOSING_ORDER)[number]]?: () => Promise<void> | void };

/** @throws what the first part does that fails to close, once all the others are closed */
async function closeAll(open: OpenParts): Promise<void> {
  const faults: unknown[] = [];
  for (const part of CLOSING_ORDER) {
    try {
      await open[part]?.();
    } catch (error) {
      faults.push(error);
    }
  }
  if (faults.length > 0) throw faults[0];
}

/**
 * Starts the sidecar and returns when its ports are open. It is ready once the store was read, too: readiness.ts.
 *
 * @throws  REG_NOT_APPLIED, REG_BUNDLE, SRV_PORT, SRV_TRANSPORT, LOG_ codes when the spool cannot be written. A store
 *          that is down is no reason not to start
 */
export async function runServe(project: Project, lines: StderrLines = NO_LINES): Promise<RunningSidecar> {
  const open: OpenParts = {};
  try {
    return await start(project, open, lines);
  } catch (error) {
    await closeAll(open).catch((fault: Error) => project.logger.warn(`while closing: ${fault.message}`));
    throw error;
  }
}

async function start(project: Project, open: OpenParts, lines: StderrLines): Promise<RunningSidecar> {
  const { settings, clock, logger } = project;
  const core = await openCore(project, open);
  const ports = await openPorts(project, core, open);
  const watches = startWatches(project, core, open, lines);
  const { assembly, notKept } = core;
  const { admin, transport, listening, grpc, readiness, readinessWatch } = ports;
  const parts = { ...core, ...ports, ...watches, project: settings.project, clock, lines };
  admin.show({ metrics: () => metricsText(assembly.metrics, gauges(parts)), cacheLayers: assembly.layers });
  announce(settings.serve, ports, logger);
  readinessWatch.look();
  const leaveService = (): void => {
    readiness.drains();
    readinessWatch.look();
  };
  const drain = (isCut: () => boolean): Promise<void> => {
    leaveService();
    const lastReadMs = (): number => assembly.admission.lastReadMs;
    const { drainMs } = settings.serve;
    const nowMs = (): number => performance.now();
    return drained({ drainMs, limitMs: drainLimitMs(settings), lastReadMs, isCut, nowMs, sleep });
  };
  const stop = async (): Promise<void> => {
    leaveService();
    transport.stopListening();
    listening.release();
    grpc?.transport.stopListening();
    await finished(grpc === null ? [transport] : [transport, grpc.transport]);
    await closeAll(open);
  };
  let stopped: Promise<void> | null = null;
  return {
    port: listening.port,
    adminPort: admin.port,
    grpcPort: grpc === null ? null : grpc.port,
    transport: transport.name,
    drain,
    reload: () => watches.settingsWatch.reload(),
    stop: () => (stopped ??= stop()),
    notKept,
  };
}

/** What answers requests, still without a port. */
interface Core {
  readonly bundle: Bundle;
  readonly watched: WatchedBundles;
  readonly privacy: LogPrivacy;
  readonly reader: StoreReader;
  readonly log: VectorLog | null;
  /** null when the log goes nowhere but to the spool. */
  readonly shipping: Shipping | null;
  /** null: nothing is traced. */
  readonly traces: Traces | null;
  readonly assembly: Assembly;
  /** Once the log is closed: see RunningSidecar. */
  notKept(): string | null;
}

async function openCore({ settings, clock, logger }: Project, open: OpenParts): Promise<Core> {
  const watched = await openBundles(settings, logger);
  open.bundleWatch = () => watched.taker?.close();
  const bundle = bundleForPod(watched);
  const privacy = { enabled: settings.log.enabled, hmacKey: loadHmacKey(settings.log.hmacKey) };
  const exposed = exposedKeyNotice(settings.log.hmacKey);
  if (exposed !== null) logger.warn(exposed);
  const functions = new FunctionSlots((line) => logger.warn(line));
  open.functions = () => functions.close();
  const plans = new BundlePlans(bundle, settings.online.keyPrefix, new ViewSlots(functions), privacy);
  const reader = await openReader(settings.online, clock, logger);
  open.reader = () => reader.close();
  const log = settings.log.enabled ? await VectorLog.open({ ...logOptions(settings), clock, logger }) : null;
  if (log !== null) log.bundle = bundle.hash;
  let notKept: string | null = null;
  open.log = async () => {
    if (log !== null) notKept = await log.close();
  };
  const { spool, kafka } = settings.log;
  const ships = log !== null && kafka !== null;
  const shipping = ships ? new Shipping({ spool, kafka, clock: settings.clock }, logger) : null;
  open.shipping = () => shipping?.stop();
  const { serve, log: logPolicy } = settings;
  const traces = openTraces(settings, podId(), logger);
  open.traces = () => traces?.close();
  const tracer = traces === null ? null : traces.tracer;
  const assembly = assemble({ plans, reader, log, logPolicy, serve, clock, logger, tracer });
  return { bundle, watched, privacy, reader, log, shipping, traces, assembly, notKept: () => notKept };
}

/** The ports of a sidecar, and what they say about it. */
interface Ports {
  readonly admin: Admin;
  readonly transport: Transport;
  readonly listening: Listening;
  /** null: gRPC is not served. */
  readonly grpc: { readonly transport: Transport; readonly port: number } | null;
  readonly readiness: Readiness;
  readonly readinessWatch: ReadinessWatch;
  readonly gcPauses: GcPauses;
}

/** The admin port opens first, since probes ask while the sidecar warms up; the port of requests opens warm. */
async function openPorts({ settings, clock, logger }: Project, core: Core, open: OpenParts): Promise<Ports> {
  const { serve } = settings;
  const { reader } = core;
  const { adminHost: host, adminPort: port, livezMs, profiling } = serve;
  const admin = await Admin.open({ host, port, livezMs, profiling }, logger);
  open.admin = () => admin.close();
  const readiness = new Readiness(performance.now());
  const gcPauses = new GcPauses(youngGenerationBound());
  open.gcPauses = () => gcPauses.stop();
  const transport = await openTransport(serve.transport, core.assembly.server, logger);
  open.port = () => transport.close();
  await reader.start(STORE_START_LIMIT_MS);
  trimHeap();
  await warmUp(core.bundle, reader, clock, core.privacy).catch((fault: Error) => {
    logger.warn(`the warm-up failed, so the first requests will be slow: ${fault.message}`);
  });
  await core.assembly.serving.plans.ready();
  const listening = await listen(transport, serve);
  open.port = () => {
    transport.close();
    listening.release();
  };
  const grpc = await openGrpc(serve.grpcPort, core.assembly, open);
  readiness.opened();
  const tell = ({ ready, reason }: ReadyState): void => admin.tell(ready, reason);
  const readinessWatch = watchReadiness(readiness, reader, tell, logger);
  open.readinessWatch = () => readinessWatch.stop();
  return { admin, transport, listening, grpc, readiness, readinessWatch, gcPauses };
}

async function openGrpc(
  grpcPort: number | null,
  { grpcServer }: Assembly,
  open: OpenParts,
): Promise<Ports['grpc']> {
  if (grpcPort === null) return null;
  const { grpcTransport } = await import('./transport/grpc.ts');
  const transport = await grpcTransport(grpcServer);
  open.grpcPort = () => transport.close();
  return { transport, port: await transport.listen(GRPC_HOST, grpcPort) };
}

/** What a running sidecar looks at now and then. */
interface Watches {
  readonly bundleWatch: BundleWatch;
  readonly settingsWatch: SettingsWatch;
  readonly eventLoopDelay: EventLoopDelay;
  readonly consumerWatch: ConsumerWatch;
}

function startWatches(
  project: Project,
  { bundle, watched, log, assembly }: Core,
  open: OpenParts,
  lines: StderrLines,
): Watches {
  const { settings, clock, logger } = project;
  const { serving, metrics } = assembly;
  const swap = async (next: Bundle): Promise<void> => {
    const plans = serving.plans.next(next);
    await plans.ready();
    serving.swap(plans);
    if (log !== null) log.bundle = next.hash;
    metrics.bundleSwaps += 1;
  };
  const bundleWatch = watchBundles(watched, bundle.hash, swap, logger);
  open.bundleWatch = () => bundleWatch.stop();
  const settingsWatch = watchSettings(project, assembly.setLayers, (level) => lines.setLevel(level));
  open.settingsWatch = () => settingsWatch.stop();
  const eventLoopDelay = new EventLoopDelay();
  open.eventLoopDelay = () => eventLoopDelay.stop();
  // A clock follows the wall clock only when it is read, and an idle sidecar reads it for nothing else.
  const clockWatch = setInterval(() => clock.nowUs(), CLOCK_WATCH_MS).unref();
  open.clockWatch = () => clearInterval(clockWatch);
  const consumerWatch = new ConsumerWatch(
    settings.log.spool,
    log === null ? [] : spoolConsumers(settings.log),
  );
  open.consumerWatch = () => consumerWatch.stop();
  return { bundleWatch, settingsWatch, eventLoopDelay, consumerWatch };
}

/**
 * Serves until SIGTERM, which drains first, or SIGINT, which does not drain and also ends a draining that has begun: a
 * person sends it who does not want to wait. A second SIGTERM changes nothing, since npm passes on to its child what
 * the whole process group has already got. SIGHUP reads plumbline.yaml again; on a terminal it means that the terminal
 * is gone, and ends the sidecar. Called by `plumb serve`.
 *
 * @throws  what `runServe` throws; LOG_LOST at the end, when the disk of the log did not keep what was answered
 */
export async function serveUntilSignal(project: Project, lines: StderrLines): Promise<void> {
  let sidecar: RunningSidecar | null = null;
  let isImpatient = false;
  // Listens before the start, so that a signal during the start is kept.
  const first = new Promise<string>((resolve) => {
    const ends = (name: string): void => {
      isImpatient ||= name !== 'SIGTERM';
      resolve(name);
    };
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, ends);
    process.on('SIGHUP', () => (process.stderr.isTTY ? ends('SIGHUP') : sidecar?.reload()));
  });
  sidecar = await runServe(project, lines);
  const signal = await first;
  if (signal === 'SIGTERM') {
    project.logger.info('SIGTERM: not ready any more; serving until nobody asks');
    await sidecar.drain(() => isImpatient);
  }
  project.logger.info(`${signal}: finishing requests and the log`);
  await sidecar.stop();
  const notKept = sidecar.notKept();
  if (notKept !== null) throw logError('LOG_LOST', notKept);
}

/** @returns how long the draining may last at most */
function drainLimitMs({ serve, log }: Settings): number {
  const shippingMs = log.kafka === null ? 0 : log.kafka.graceMs;
  return Math.max(0, serve.graceMs - shippingMs - STOP_MS);
}

function logOptions({ log }: Settings) {
  const { spool: folder, durability, maxBytes, onFull, ringBytes } = log;
  return { folder, pod: podId(), durability, maxBytes, onFull, ringBytes, consumers: spoolConsumers(log) };
}

/** Says where the sidecar listens, as callers would write it, and what they should know of it. */
function announce(serve: ServeSettings, { admin, transport, listening, grpc }: Ports, logger: Logger): void {
  const { host, adminHost } = serve;
  const at = host.startsWith(UNIX) ? host : `http://${inUrl(host)}:${listening.port}`;
  const adminAt = `http://${inUrl(adminHost === '' ? '127.0.0.1' : adminHost)}:${admin.port}`;
  const where = adminHost === '' ? ' (all interfaces)' : '';
  const grpcAt = grpc === null ? '' : `, gRPC on ${GRPC_HOST}:${grpc.port}`;
  logger.info(`Plumbline serves on ${at} (${transport.name})${grpcAt}, admin on ${adminAt}${where}`);
  warnOfHost(host, logger);
  if (transport.trap !== null)
    logger.info(`note for clients that write HTTP by hand: ${transport.name} ${transport.trap}`);
}

/** The port asks for no login: whoever reaches it reads features. */
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

async function finished(transports: readonly Transport[]): Promise<void> {
  const limitMs = performance.now() + FINISH_LIMIT_MS;
  while (transports.some(({ open }) => open > 0) && performance.now() < limitMs) await sleep(FINISH_POLL_MS);
}
