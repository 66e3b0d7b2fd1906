/**
 * One server under twice the load that it can answer: what the benchmark and the tests measure of it. Where the
 * figures' names come from: overload.ts.
 */
import { runGenerators } from '../../loadtest/generator/generators.ts';
import type { LoadJob } from '../../loadtest/generator/load-job.ts';
import { jobOf } from './bench-context.ts';
import type { MeasuredServer } from './contender.ts';
import { LivezProbe } from './probes/livez-probe.ts';
import { makeBenchProject } from './project.ts';

export const ROWS = 500;
const VIEWS = [3];
/** Few enough that none of them waits for its deadline, and enough that the sidecar never waits. */
const CAPACITY_CLIENTS = 8;
export const SOCKETS = 4_000;
const TIMEOUT_NS = 500e6;
const RECOVERY_S = 2;

export interface OverloadTimes {
  readonly capacityS: number;
  readonly overloadS: number;
  readonly afterS: number;
  readonly sockets: number;
  /** What the overload offers at least: a machine that is busy with others may show next to no capacity. */
  readonly leastPerSecond?: number;
  /** What starts the generators, such as `taskset -c 1`. */
  readonly launcher?: readonly string[];
}

export interface Overloaded {
  readonly capacity: number;
  /** 200s a second within the clients' patience, at twice the capacity. */
  readonly goodput: number;
  /** The sidecar's processor time for each 200: flat out, and with all that it refuses at twice the capacity. */
  readonly cpuUs: readonly [flatOut: number, overloaded: number];
  /** Of both times, how long the answering thread had work and no core. */
  readonly waited: readonly [flatOut: number, overloaded: number];
  /** Of the requests without a 200, those that were told by a 503. */
  readonly told: number;
  readonly livezMsMax: number;
  readonly livezProbes: number;
  /** Of the requests at half the capacity those with a 200: before the overload, and from 2 s after it on. */
  readonly calm: number;
  readonly recovered: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** @returns a project whose service has 3 features, so that 500 rows stay below the bound of a request's values */
export function makeOverloadProject(): Promise<string> {
  return makeBenchProject({ views: VIEWS, customers: ROWS, online: 'sqlite:.plumb/online.db' });
}

/** @param server  a sidecar with the project above */
export async function overloadedServer(server: MeasuredServer, times: OverloadTimes): Promise<Overloaded> {
  const { sockets, launcher = [] } = times;
  const flatOut = await flatOutLoad(server, times.capacityS, launcher);
  const capacity = flatOut.answered / times.capacityS;
  const half = { perSecond: Math.max(1, capacity / 2), sockets, forS: times.afterS, launcher };
  const before = await load(server, { ...half, afterS: 0.5 });
  const probe = new LivezProbe(server.adminPort!);
  const over = await load(server, {
    perSecond: Math.max(2 * capacity, times.leastPerSecond ?? 1),
    sockets,
    forS: times.overloadS,
    afterS: 0.5,
    launcher,
  });
  const { maxMs, probes } = await probe.stop();
  const after = await load(server, { ...half, afterS: RECOVERY_S });
  const { 503: refused = 0, ...lost } = over.failures;
  const unanswered = Object.values(lost).reduce((sum, n) => sum + n, 0);
  return {
    capacity,
    goodput: over.answered / times.overloadS,
    cpuUs: [flatOut.cpuUs, over.cpuUs],
    waited: [flatOut.waited, over.waited],
    told: refused + unanswered === 0 ? 1 : refused / (refused + unanswered),
    livezMsMax: maxMs,
    livezProbes: probes,
    calm: shareAnswered(before),
    recovered: shareAnswered(after),
    failures: over.failures,
  };
}

/** As many requests as few clients get answered that wait for each. */
export function flatOutLoad(
  server: MeasuredServer,
  forS: number,
  launcher: readonly string[],
): Promise<Loaded> {
  return load(server, { perSecond: null, sockets: CAPACITY_CLIENTS, forS, afterS: 1.5, launcher });
}

interface Load {
  /** null: each client sends when it has its answer. */
  readonly perSecond: number | null;
  readonly sockets: number;
  readonly forS: number;
  /** How long it lasts before it is counted. */
  readonly afterS: number;
  readonly launcher: readonly string[];
}

interface Loaded {
  /** With 200, within the clients' patience. */
  readonly answered: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** The server's processor time for each of them, all else that it did included. */
  readonly cpuUs: number;
  /** The share of the time in which its answering thread had work and no core. */
  readonly waited: number;
}

function shareAnswered({ answered, failed }: Loaded): number {
  return answered / (answered + failed);
}

export async function load(server: MeasuredServer, asked: Load): Promise<Loaded> {
  const { perSecond, sockets, forS, afterS, launcher } = asked;
  const hostHeader = `localhost:${server.port}`;
  const timing = { seconds: forS, warmupS: afterS, connections: sockets };
  const plain = jobOf(timing, { profile: 'uniform', keys: `1..${ROWS}`, surface: 'native', perSecond });
  const job: LoadJob = {
    ...plain,
    rows: ROWS,
    timeoutNs: TIMEOUT_NS,
    shape: { ...plain.shape, hostHeader },
    target: { host: '127.0.0.1', port: server.port, hostHeader },
  };
  let [beforeS, waitedBeforeS] = [0, 0];
  const onMeasuring = (): void => {
    beforeS = server.cpuSeconds() ?? 0;
    waitedBeforeS = server.waitedSeconds() ?? 0;
  };
  const { phases } = await runGenerators(job, { onMeasuring, onProgress() {} }, launcher);
  const { latencies, failed, failures } = phases[0]!;
  const cpuS = (server.cpuSeconds() ?? 0) - beforeS;
  const waited = ((server.waitedSeconds() ?? 0) - waitedBeforeS) / forS;
  return { answered: latencies.count, failed, failures, cpuUs: (cpuS * 1e6) / latencies.count, waited };
}
