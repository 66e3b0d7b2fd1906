/**
 * Overload: twice as many requests as the sidecar can answer, for cached rows, by an open loop of clients that give up
 * after half a second and send on whatever comes.
 *
 *   capacity   what few clients get that wait for each answer
 *   goodput    200s in time at twice that, of the capacity
 *   told       of all others, those that got a 503 at once rather than nothing
 *   /livez     the slowest answer of the admin port meanwhile, one asked for every 50 ms
 *   after      half the capacity behind it: from 2 s on as much is answered as at the same load before
 *
 * The load is made on the same machine: give it two cores of its own, or the capacity falls while the load is on.
 */
import { rmSync } from 'node:fs';
import { runGenerators } from '../generators.ts';
import type { LoadJob } from '../load-job.ts';
import { jobOf } from './bench-context.ts';
import type { BenchContext } from './bench-context.ts';
import { sidecarContender, startServer } from './contender.ts';
import type { Server } from './contender.ts';
import { makeBenchProject } from './project.ts';
import { print } from './report.ts';
import type { Bar } from './report.ts';

const ROWS = 500;
const VIEWS = [3];
/** Few enough that none of them waits for its deadline, and enough that the sidecar never waits. */
const CAPACITY_CLIENTS = 8;
const SOCKETS = 4_000;
const TIMEOUT_NS = 500e6;
const PROBE_MS = 50;
const RECOVERY_S = 2;

export interface OverloadTimes {
  readonly capacityS: number;
  readonly overloadS: number;
  readonly afterS: number;
  readonly sockets: number;
  /** What the overload offers at least: a machine that is busy with others may show next to no capacity. */
  readonly leastPerSecond?: number;
}

export interface Overloaded {
  readonly capacity: number;
  /** 200s a second within the clients' patience, at twice the capacity. */
  readonly goodput: number;
  /** The sidecar's processor time for each 200: flat out, and with all that it refuses at twice the capacity. */
  readonly cpuUs: readonly [flatOut: number, overloaded: number];
  /** Of the requests without a 200, those that were told by a 503. */
  readonly told: number;
  readonly livezMsMax: number;
  readonly livezProbes: number;
  /** Of the requests at half the capacity those with a 200: before the overload, and from 2 s after it on. */
  readonly calm: number;
  readonly recovered: number;
  readonly failures: Readonly<Record<string, number>>;
}

export async function overload(context: BenchContext): Promise<Bar[]> {
  const times = { capacityS: context.seconds, overloadS: 6, afterS: 3, sockets: SOCKETS };
  const project = await makeOverloadProject();
  const bars: Bar[] = [];
  try {
    for (const transport of ['uws', 'node']) {
      const sets = [`serve.transport=${transport}`];
      const server = await startServer(sidecarContender(transport, project, { settings: sets }));
      try {
        const found = await overloadedServer(server, times);
        printOverloaded(transport, found);
        if (transport === 'uws') bars.push(...barsOf(found));
      } finally {
        await server.stop();
      }
    }
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
  return bars;
}

/** @returns a project whose service has 3 features, so that 500 rows stay below the bound of a request's values */
export function makeOverloadProject(): Promise<string> {
  return makeBenchProject({ views: VIEWS, customers: ROWS, online: 'sqlite:.plumb/online.db' });
}

/** @param server  a sidecar with the project above */
export async function overloadedServer(server: Server, times: OverloadTimes): Promise<Overloaded> {
  const flatOut = await load(server, {
    perSecond: null,
    sockets: CAPACITY_CLIENTS,
    forS: times.capacityS,
    afterS: 1.5,
  });
  const capacity = flatOut.answered / times.capacityS;
  const { sockets } = times;
  const half = { perSecond: Math.max(1, capacity / 2), sockets, forS: times.afterS };
  const before = await load(server, { ...half, afterS: 0.5 });
  const probe = new LivezProbe(server.adminPort!);
  const over = await load(server, {
    perSecond: Math.max(2 * capacity, times.leastPerSecond ?? 1),
    sockets,
    forS: times.overloadS,
    afterS: 0.5,
  });
  const { maxMs, probes } = await probe.stop();
  const after = await load(server, { ...half, afterS: RECOVERY_S });
  const { 503: refused = 0, ...lost } = over.failures;
  const unanswered = Object.values(lost).reduce((sum, n) => sum + n, 0);
  return {
    capacity,
    goodput: over.answered / times.overloadS,
    cpuUs: [flatOut.cpuUs, over.cpuUs],
    told: refused + unanswered === 0 ? 1 : refused / (refused + unanswered),
    livezMsMax: maxMs,
    livezProbes: probes,
    calm: shareAnswered(before),
    recovered: shareAnswered(after),
    failures: over.failures,
  };
}

interface Load {
  /** null: each client sends when it has its answer. */
  readonly perSecond: number | null;
  readonly sockets: number;
  readonly forS: number;
  /** How long it lasts before it is counted. */
  readonly afterS: number;
}

interface Loaded {
  /** With 200, within the clients' patience. */
  readonly answered: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** The server's processor time for each of them, all else that it did included. */
  readonly cpuUs: number;
}

function shareAnswered({ answered, failed }: Loaded): number {
  return answered / (answered + failed);
}

async function load(server: Server, { perSecond, sockets, forS, afterS }: Load): Promise<Loaded> {
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
  let beforeS = 0;
  const onMeasuring = (): void => void (beforeS = server.cpuSeconds() ?? 0);
  const { phases } = await runGenerators(job, { onMeasuring, onProgress() {} });
  const { latencies, failed, failures } = phases[0]!;
  const cpuS = (server.cpuSeconds() ?? 0) - beforeS;
  return { answered: latencies.count, failed, failures, cpuUs: (cpuS * 1e6) / latencies.count };
}

/** Asks for /livez as a kubelet would, only more often; an answer that does not come counts as long as it is waited for. */
class LivezProbe {
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  readonly #asked: Promise<void>[] = [];
  #maxMs = 0;

  constructor(adminPort: number) {
    this.#url = `http://127.0.0.1:${adminPort}/livez`;
    this.#timer = setInterval(() => this.#asked.push(this.#ask()), PROBE_MS);
  }

  async stop(): Promise<{ maxMs: number; probes: number }> {
    clearInterval(this.#timer);
    await Promise.all(this.#asked);
    return { maxMs: this.#maxMs, probes: this.#asked.length };
  }

  async #ask(): Promise<void> {
    const beganMs = performance.now();
    const response = await fetch(this.#url).catch(() => null);
    await response?.arrayBuffer();
    const tookMs = response?.status === 200 ? performance.now() - beganMs : Infinity;
    this.#maxMs = Math.max(this.#maxMs, tookMs);
  }
}

function printOverloaded(transport: string, found: Overloaded): void {
  const share = (part: number): string => `${(part * 100).toFixed(1)} %`;
  print(`\nOverload: cached requests of ${ROWS} rows, ${SOCKETS} sockets, ${transport}`);
  print(`  capacity ${found.capacity.toFixed(0)}/s, offered ${(2 * found.capacity).toFixed(0)}/s`);
  print(`  in time  ${found.goodput.toFixed(0)}/s, ${share(found.goodput / found.capacity)} of the capacity`);
  const [flatOut, overloaded] = found.cpuUs.map((us) => us.toFixed(0));
  print(`  server CPU ${flatOut} us a 200 at the capacity, ${overloaded} us at twice, refusals included`);
  print(`  of the others ${share(found.told)} got a 503: ${JSON.stringify(found.failures)}`);
  print(`  /livez   at most ${found.livezMsMax.toFixed(1)} ms of ${found.livezProbes} probes`);
  print(
    `  at half the capacity ${share(found.calm)} answered before it, ${share(found.recovered)} from 2 s after it on`,
  );
}

function barsOf({ goodput, capacity, told, livezMsMax, calm, recovered }: Overloaded): Bar[] {
  const atLeast = { unit: '%', atMost: false } as const;
  return [
    {
      what: 'overload, in time at twice the capacity, of it',
      reached: (goodput / capacity) * 100,
      bar: 80,
      ...atLeast,
    },
    { what: 'overload, 503 of what is not answered in time', reached: told * 100, bar: 99, ...atLeast },
    { what: 'overload, slowest /livez', reached: livezMsMax, bar: 100, unit: 'ms', atMost: true },
    {
      what: 'overload, answered from 2 s after it on, of what was before it',
      reached: (recovered / calm) * 100,
      bar: 99.5,
      ...atLeast,
    },
  ];
}
