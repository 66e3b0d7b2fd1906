/**
 * Popular entities against even traffic, on a Redis Cluster of six nodes: Zipf's law, and 100 entities that take 90 %.
 *
 *   reads   of the primary that is asked most over that which is asked least (HMGET as the nodes count them), with the
 *           cache and, to show what it levels, without
 *   p99     over that of uniform traffic at the same rate, open loop; says little where the machine is busy with
 *           others: see tail-latency.ts
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { jobOf } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { sidecarContender } from '../harness/contender.ts';
import { makeBenchProject } from '../harness/project.ts';
import { startRedisCluster } from '../harness/redis/redis-cluster-process.ts';
import type { RedisClusterProcess } from '../harness/redis/redis-cluster-process.ts';
import { print, printMeasured } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { median } from '../harness/median.ts';
import { alternate, manyRequests } from '../harness/rounds.ts';
import type { Driver, Entry, Round } from '../harness/rounds.ts';

const P99_TARGET = 1.5;
const READS_TARGET = 1.2;
/** Of the rate that uniform traffic saturates at. */
const SHARE = 0.25;
const VIEWS = [10, 10, 10, 10, 10];
const NO_CACHE = ['serve.cacheEntries=0'];

interface Traffic extends Entry {
  /** Reads by node, one list a round, in the order in which rounds ran. */
  readonly reads: number[][];
}

export async function skewedTraffic(context: BenchContext): Promise<Target[]> {
  const folder = join(context.folder, 'skew');
  mkdirSync(folder);
  const cluster = await startRedisCluster(folder);
  const { customers } = context;
  const project = await makeBenchProject({ views: VIEWS, customers, online: cluster.url });
  try {
    return await onCluster(context, project, cluster);
  } finally {
    await cluster.stop();
    rmSync(project, { recursive: true, force: true });
  }
}

async function onCluster(
  context: BenchContext,
  project: string,
  cluster: RedisClusterProcess,
): Promise<Target[]> {
  const what = { surface: 'feast', keys: `1..${context.customers}` } as const;
  const sidecar = sidecarContender('sidecar, log on', project);
  const flatOut = manyRequests(jobOf(context, { ...what, profile: 'uniform', perSecond: null }));
  const [saturated] = await alternate([{ contender: sidecar, drive: flatOut }], 1);
  const perSecond = Math.max(1, Math.round(saturated!.median.perSecond * SHARE));
  print(
    `\nSkew: ${context.customers} customers in a Redis Cluster of six nodes, open loop at ${perSecond}/s`,
  );
  const traffic = (profile: string, settings: readonly string[]): Traffic => {
    const cache = settings.length === 0 ? '' : ', cache off';
    const reads: number[][] = [];
    const drive = manyRequests(jobOf(context, { ...what, profile, perSecond }));
    return {
      contender: sidecarContender(`sidecar, log on${cache}, ${profile}`, project, { settings }),
      drive: counted(drive, cluster, reads),
      reads,
    };
  };
  const entries = [
    traffic('uniform', []),
    traffic('zipf', []),
    traffic('hot-keys', []),
    traffic('zipf', NO_CACHE),
    traffic('hot-keys', NO_CACHE),
  ];
  const measured = await alternate(entries, context.rounds);
  for (const [i, one] of measured.entries()) {
    printMeasured(one);
    for (const reads of entries[i]!.reads) {
      print(`    reads by primary  ${reads.join(' ')}, ${unevenness(reads).toFixed(3)} times`);
    }
  }
  const [even, zipf, hot] = measured;
  const [, zipfReads, hotReads] = entries.map(({ reads }) => reads);
  return [
    { what: "reads of the hottest node of the coldest's, Zipf's law", ...spread(zipfReads!) },
    { what: "reads of the hottest node of the coldest's, hot keys", ...spread(hotReads!) },
    { what: "p99 of Zipf's law, times that of uniform traffic", ...over(zipf!.rounds, even!.rounds) },
    { what: 'p99 of hot keys, times that of uniform traffic', ...over(hot!.rounds, even!.rounds) },
  ];
}

/** The round's reads, its warm-up included. */
function counted(drive: Driver, cluster: RedisClusterProcess, reads: number[][]): Driver {
  return async (server) => {
    await cluster.resetReads();
    const round = await drive(server);
    reads.push(await cluster.reads());
    return round;
  };
}

function unevenness(reads: readonly number[]): number {
  return Math.max(...reads) / Math.min(...reads);
}

/** The worst round decides: a node is hot for all of it. */
function spread(rounds: readonly (readonly number[])[]): Omit<Target, 'what'> {
  return { reached: Math.max(...rounds.map(unevenness)), wanted: READS_TARGET, unit: 'x', atMost: true };
}

function over(skewed: readonly Round[], even: readonly Round[]): Omit<Target, 'what'> {
  const reached = median(skewed.map(({ p99Ms }, i) => p99Ms / even[i]!.p99Ms));
  return { reached, wanted: P99_TARGET, unit: 'x', atMost: true };
}
