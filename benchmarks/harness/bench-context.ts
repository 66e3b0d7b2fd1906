/** What every section of the benchmark works with, and the profile that explains a target that was missed. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadJob } from '../../loadtest/generator/load-job.ts';
import type { LoadSurface } from '../../loadtest/request/request-text.ts';
import { nodeContender, sidecarContender, startServer } from './contender.ts';
import type { Contender } from './contender.ts';
import { topSelfTimes } from './cpu-profile.ts';
import { BENCH_KEY, BENCH_SERVICE } from './project.ts';
import { holds, print } from './report.ts';
import type { Target } from './report.ts';
import type { ClosedLoop, Driver } from './rounds.ts';

export interface BenchContext {
  /** For files of this run. */
  readonly folder: string;
  /** Five views of ten doubles in Redis, for `customers` customers. */
  readonly project: string;
  readonly customers: number;
  readonly feast: Contender | null;
  /** A folder with bin/python and bin/feast; null: the environment of `npm run test:clients`. */
  readonly feastEnvironment: string | null;
  /** A Python environment with Evidently; null: it is not measured. */
  readonly evidentlyEnvironment: string | null;
  readonly feastCustomers: number;
  /** Feast's Go feature server, built; null: none. */
  readonly feastGo: string | null;
  readonly redisPort: number;
  /** Features of each view. */
  readonly views: readonly number[];
  /** Whether Feast is measured too. */
  readonly withFeast: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupS: number;
  readonly connections: number;
  readonly soakMinutes: number;
  /** Events or vectors of a section that is asked for by name; null: as many as are usual for it. */
  readonly events: number | null;
  /** Names of the monitor's days; null: all. */
  readonly days: readonly string[] | null;
  /** Names of what happens to the simulated fleet; null: all. */
  readonly scenarios: readonly string[] | null;
  /** The largest set of customers that cached, rows and miss are asked for evenly; 0: none. */
  readonly setsUpTo: number;
  /** Whether overload gives the server a core of its own. */
  readonly pinned: boolean;
  /** Whether every section is profiled, and not only what falls short. */
  readonly profile: boolean;
  /** The client of closed loops of one request. */
  readonly drive: (loop: ClosedLoop) => Driver;
}

const FEAST_PATH = '/get-online-features';
const TOP = 12;
/** A profiled request may be late: the profiler stops the process to look at it. */
const PROFILED_SETTINGS = ['serve.deadlineMs=1000'];

/** @returns a request of Feast's contract, which the sidecar answers too */
export function feastRequest(customers: readonly number[]): { readonly path: string; readonly body: string } {
  const body = {
    feature_service: BENCH_SERVICE,
    full_feature_names: true,
    entities: { [BENCH_KEY]: customers },
  };
  return { path: FEAST_PATH, body: JSON.stringify(body) };
}

/** A generator's job but for its target. */
export function jobOf(
  context: Pick<BenchContext, 'seconds' | 'warmupS' | 'connections'>,
  more: {
    readonly profile: string;
    readonly keys: string;
    readonly surface: LoadSurface;
    /** null: a closed loop. */
    readonly perSecond: number | null;
  },
): Omit<LoadJob, 'target'> {
  const { profile, keys, surface, perSecond } = more;
  const schema = { service: BENCH_SERVICE, joinKeys: [{ name: BENCH_KEY, type: 'int64' as const }] };
  return {
    shape: { surface, schema, hostHeader: 'localhost', deadlineMs: null },
    profile,
    rows: 1,
    keys,
    perSecond,
    warmupNs: context.warmupS * 1e9,
    lastsNs: context.seconds * 1e9,
    timeoutNs: 10e9,
    connections: context.connections,
    seed: 1,
    shard: 0,
    shards: 1,
    phaseEdgesNs: [],
  };
}

export async function firstAnswer(contender: Contender, path: string, body: string): Promise<Buffer> {
  const server = await startServer(contender);
  try {
    const ask = async (): Promise<Buffer> => {
      const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', body });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.status !== 200) throw new Error(`${contender.name} answered ${answer.status}: ${bytes}`);
      return bytes;
    };
    await ask();
    return await ask();
  } finally {
    await server.stop();
  }
}

export function bareContender(answerFile: string): Contender {
  return nodeContender('bare uWebSockets.js, the same bytes', [
    'benchmarks/contenders/bare-server.ts',
    answerFile,
  ]);
}

/** Prints where the sidecar's time goes, when a target is missed or profiles are asked for. */
export async function explain(
  context: BenchContext,
  targets: readonly Target[],
  drive: Driver,
  settings: readonly string[] = [],
): Promise<void> {
  if (!context.profile && targets.every(holds)) return;
  const folder = mkdtempSync(join(context.folder, 'profile-'));
  const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=200'];
  const all = [...settings, ...PROFILED_SETTINGS];
  const server = await startServer(
    sidecarContender('sidecar, profiled', context.project, { settings: all, flags }),
  );
  try {
    await drive(server);
  } finally {
    await server.stop();
  }
  print('\n  CPU profile of the sidecar: self times, of the time that was not idle');
  for (const { where, share } of topSelfTimes(folder, TOP, context.seconds)) {
    print(`    ${(share * 100).toFixed(1).padStart(5)} %  ${where}`);
  }
}
