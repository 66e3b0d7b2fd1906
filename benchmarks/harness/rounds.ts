/** Alternating rounds: each contender in turn, a fresh process each, raw figures kept, medians compared. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { runGenerators } from '../../loadtest/generator/generators.ts';
import type { LoadJob } from '../../loadtest/generator/load-job.ts';
import { ROOT, startServer } from './contender.ts';
import type { Contender, MeasuredServer } from './contender.ts';
import { median } from './median.ts';

export interface Round {
  readonly perSecond: number;
  /** Server CPU a request in microseconds; null where it cannot be told. */
  readonly cpuUs: number | null;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The share of answers that lacked a value. */
  readonly incomplete: number;
  /** The share that left before it was written to the vector log, since the disk was slow. */
  readonly queued: number;
}

/** What drives a server for one round. */
export type Driver = (server: MeasuredServer) => Promise<Driven>;

/** A round without what the server alone knows. */
type Driven = Omit<Round, 'queued'>;

export interface Measured {
  readonly contender: Contender;
  readonly rounds: readonly Round[];
  readonly median: Round;
}

export interface Entry {
  readonly contender: Contender;
  readonly drive: Driver;
}

/** Every other round runs in the opposite order: what a neighbour does then hits no one side more. */
export async function alternate(entries: readonly Entry[], rounds: number): Promise<Measured[]> {
  const found: Round[][] = entries.map(() => []);
  const inOrder = [...entries.entries()];
  for (let i = 0; i < rounds; i++) {
    for (const [e, { contender, drive }] of i % 2 === 0 ? inOrder : inOrder.toReversed()) {
      const server = await startServer(contender);
      try {
        const driven = await drive(server);
        found[e]!.push({ ...driven, queued: await queuedShare(contender, server) });
      } finally {
        await server.stop();
      }
    }
  }
  return entries.map(({ contender }, e) => ({
    contender,
    rounds: found[e]!,
    median: medianRound(found[e]!),
  }));
}

/** @throws Error when answers were not logged: the round has then measured something else */
async function queuedShare({ name }: Contender, server: MeasuredServer): Promise<number> {
  const logged = await server.logged();
  if (logged === null) return 0;
  if (logged.shed > 0)
    throw new Error(`${name} left ${logged.shed} answers out of its log: give it more log.maxBytes`);
  return logged.records === 0 ? 0 : logged.queued / logged.records;
}

function medianRound(rounds: readonly Round[]): Round {
  return {
    perSecond: median(rounds.map((r) => r.perSecond)),
    cpuUs: rounds.some((r) => r.cpuUs === null) ? null : median(rounds.map((r) => r.cpuUs!)),
    p50Ms: median(rounds.map((r) => r.p50Ms)),
    p99Ms: median(rounds.map((r) => r.p99Ms)),
    incomplete: median(rounds.map((r) => r.incomplete)),
    queued: median(rounds.map((r) => r.queued)),
  };
}

export interface ClosedLoop {
  readonly path: string;
  readonly body: string;
  readonly connections: number;
  readonly warmupS: number;
  readonly seconds: number;
}

interface ClientResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
  /** How the first of those begins. */
  readonly fault?: string | null;
}

/** One request again and again, by the leanest client there is (`closed-loop.ts`). */
export function sameRequest({ path, body, connections, warmupS, seconds }: ClosedLoop): Driver {
  return byClient('closed-loop.ts', ({ port }) => [port, connections, warmupS, seconds, path, body]);
}

/** One call of gRPC again and again (`grpc-loop.ts`). @param body  its message, in hex */
export function sameCall(
  grpcPort: number,
  { path, body, connections, warmupS, seconds }: ClosedLoop,
): Driver {
  return byClient('grpc-loop.ts', () => [grpcPort, connections, warmupS, seconds, path, body]);
}

/** A client in a process of its own: prints a line when it begins to measure, then a ClientResult. */
function byClient(
  program: string,
  argsFor: (server: MeasuredServer) => readonly (string | number)[],
): Driver {
  return async (server) => {
    const args = [`benchmarks/harness/${program}`, ...argsFor(server)].map(String);
    const client = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
    await lines.next();
    const before = server.cpuSeconds();
    const line = await lines.next();
    const after = server.cpuSeconds();
    if (line.done === true) throw new Error('the client ended before its time');
    const result = JSON.parse(line.value) as ClientResult;
    if (result.failures > 0)
      throw new Error(`${result.failures} answers were not 200, the first was ${result.fault ?? 'not kept'}`);
    const { requests, p50Ms, p99Ms } = result;
    const perSecond = requests / result.seconds;
    return { perSecond, cpuUs: cpuUs(before, after, requests), p50Ms, p99Ms, incomplete: 0 };
  };
}

/** @param job  its target is filled in here */
export function manyRequests(job: Omit<LoadJob, 'target'>): Driver {
  return async (server) => {
    const hostHeader = `localhost:${server.port}`;
    const target = { host: '127.0.0.1', port: server.port, hostHeader };
    let before: number | null = null;
    const counted = await runGenerators(
      { ...job, target, shape: { ...job.shape, hostHeader } },
      { onMeasuring: () => (before = server.cpuSeconds()), onProgress() {} },
    );
    const after = server.cpuSeconds();
    const { latencies, failed, missing, unavailable } = counted.phases[0]!;
    if (latencies.count === 0) throw new Error(`no good answer, the first was ${counted.firstFault}`);
    return {
      perSecond: latencies.count / (counted.tookNs / 1e9),
      cpuUs: cpuUs(before, after, latencies.count),
      p50Ms: latencies.quantileNs(0.5, failed) / 1e6,
      p99Ms: latencies.quantileNs(0.99, failed) / 1e6,
      incomplete: (missing + unavailable + failed) / (latencies.count + failed),
    };
  };
}

function cpuUs(before: number | null, after: number | null, requests: number): number | null {
  return before === null || after === null ? null : ((after - before) * 1e6) / requests;
}
