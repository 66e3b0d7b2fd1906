/**
 * Every figure that the sidecar is held to, in one run: alternating rounds, a fresh process for each, medians, raw
 * rounds, ratios. Figures of two runs, or of two machines, cannot be compared; ratios within one can.
 *
 *   npm run bench [-- --only cached,rows,miss,workingset,tail,skew,memory,overload,fill,train --rounds 5 --feast]
 *   npm run bench -- --only soak [--soak-minutes 10]
 *   npm run bench -- --only backfill [--events 1000000]
 *   npm run bench -- --only trainlog [--events 5000000]   so many vectors of an archive
 *   npm run bench -- --only monitor [--events 100000] [--days usual,all,once,foreign,hashed] [--evidently-env DIR]
 *   npm run bench -- --only stream [--events 1000000] [--profile]   a topic, too, where KAFKA_BROKERS names brokers
 *   node test/support/s3/s3-run.ts npm run bench -- --only storage [--events 100000]   a day in object storage
 *   npm run bench -- --only streamdelay [--events 600000]   needs KAFKA_BROKERS
 *   npm run bench -- --only grpc
 *   npm run bench -- --only requestcosts,cachedrows,background --customers 100   the figures of docs/sizing.md
 *   npm run bench -- --only fleet --customers 100 [--scenarios pods,cold,instep,fashion,rollout,bundle,failover]
 *   npm run bench -- --only ondemand,looping
 *   npm run bench -- --only feastgo --feast-go FILE [--feast-env DIR]
 *
 *   --feast     also Feast: its Python feature server on the same Redis, its training sets
 *   --client    lean (our own, the default) or autocannon, for the closed loops of one request
 *   --profile   also a CPU profile of the sidecar for each section; what falls short of its target gets one anyway
 *   --sets      of cached, rows and miss: so many customers at most are asked for evenly, too (100000; 0: none)
 *   --unpinned  of overload: server and load share the cores, as the scheduler likes
 *
 * On few cores the load and the neighbours bound the rate before the server does; the server's CPU time a request is
 * then the steadier ratio, and is printed beside the rate's.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { allMiss } from './subjects/all-miss.ts';
import { backfill } from './subjects/backfill.ts';
import { sameRequestByAutocannon } from './harness/autocannon.ts';
import type { BenchContext } from './harness/bench-context.ts';
import { cachedVector } from './subjects/cached-vector.ts';
import { feastContender } from './contenders/feast.ts';
import { besideFeastGo } from './subjects/feast-go.ts';
import { fiftyRows } from './subjects/fifty-rows.ts';
import { fillStore } from './subjects/fill.ts';
import { simulatedFleet } from './subjects/fleet.ts';
import { besideGrpc } from './subjects/grpc.ts';
import { loopingFunctions } from './subjects/looping-functions.ts';
import { cachedMemory } from './subjects/cached-memory.ts';
import { monitoredDays } from './subjects/monitor.ts';
import { onDemandFeatures } from './subjects/on-demand.ts';
import { overload } from './subjects/overload.ts';
import { loggedSets } from './subjects/logged-sets.ts';
import { makeBenchProject } from './harness/project.ts';
import { startRedis } from './harness/redis/redis-process.ts';
import { holds, print, printTarget, printHardware } from './harness/report.ts';
import type { Target } from './harness/report.ts';
import { sameRequest } from './harness/rounds.ts';
import { judgedInStorage } from './subjects/storage.ts';
import { streamedClicks } from './subjects/stream.ts';
import { streamDelay } from './subjects/stream-delay.ts';
import { skewedTraffic } from './subjects/skewed-traffic.ts';
import { backgroundLoad } from './sizing/background-load.ts';
import { cachedRows } from './sizing/cached-rows.ts';
import { requestCosts } from './sizing/request-costs.ts';
import { soak } from './subjects/soak.ts';
import { tailLatency } from './subjects/tail-latency.ts';
import { trainingSets } from './subjects/training-sets.ts';
import { workingSet } from './subjects/working-set.ts';

const SECTIONS: Readonly<Record<string, (context: BenchContext) => Promise<Target[]>>> = {
  cached: cachedVector,
  rows: fiftyRows,
  miss: allMiss,
  workingset: workingSet,
  tail: tailLatency,
  skew: skewedTraffic,
  memory: cachedMemory,
  train: trainingSets,
  trainlog: loggedSets,
  overload,
  fill: fillStore,
  soak,
  backfill,
  monitor: monitoredDays,
  stream: streamedClicks,
  streamdelay: streamDelay,
  storage: judgedInStorage,
  feastgo: besideFeastGo,
  grpc: besideGrpc,
  ondemand: onDemandFeatures,
  fleet: simulatedFleet,
  looping: loopingFunctions,
  requestcosts: requestCosts,
  cachedrows: cachedRows,
  background: backgroundLoad,
};
/** These take as long as all others together, or are not about the sidecar: they are asked for by name. */
const BY_NAME: ReadonlySet<string> = new Set([
  'soak',
  'backfill',
  'trainlog',
  'monitor',
  'stream',
  'streamdelay',
  'storage',
  'feastgo',
  'grpc',
  'ondemand',
  'fleet',
  'looping',
  'requestcosts',
  'cachedrows',
  'background',
]);
const USUAL = Object.keys(SECTIONS).filter((name) => !BY_NAME.has(name));
const VIEWS = [10, 10, 10, 10, 10];
/** Feast is slow to fill; its requests stay within the first customers. */
const FEAST_CUSTOMERS = 2_000;

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: USUAL.join(',') },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '1.5' },
    connections: { type: 'string', default: '32' },
    'soak-minutes': { type: 'string', default: '10' },
    customers: { type: 'string', default: '100000' },
    events: { type: 'string' },
    days: { type: 'string' },
    scenarios: { type: 'string' },
    feast: { type: 'boolean', default: false },
    'feast-env': { type: 'string' },
    'evidently-env': { type: 'string' },
    'feast-go': { type: 'string' },
    client: { type: 'string', default: 'lean' },
    profile: { type: 'boolean', default: false },
    sets: { type: 'string', default: '100000' },
    unpinned: { type: 'boolean', default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'plumb-bench-'));
const redis = await startRedis(folder);
let project: string | null = null;
try {
  const customers = Number(flags.customers);
  project = await makeBenchProject({ views: VIEWS, customers, online: redis.url });
  mkdirSync(join(folder, 'feast'));
  const serves = flags.only.split(',').some((name) => name !== 'train');
  const feast =
    flags.feast && serves
      ? await feastContender({
          folder: join(folder, 'feast'),
          redisPort: redis.port,
          views: VIEWS,
          customers: FEAST_CUSTOMERS,
          environment: flags['feast-env'] ?? null,
        })
      : null;
  await run({
    folder,
    project,
    customers,
    feast,
    feastEnvironment: flags['feast-env'] ?? null,
    evidentlyEnvironment: flags['evidently-env'] ?? null,
    feastCustomers: FEAST_CUSTOMERS,
    feastGo: flags['feast-go'] ?? null,
    redisPort: redis.port,
    views: VIEWS,
    withFeast: flags.feast,
    rounds: Number(flags.rounds),
    seconds: Number(flags.seconds),
    warmupS: Number(flags.warmup),
    connections: Number(flags.connections),
    soakMinutes: Number(flags['soak-minutes']),
    events: flags.events === undefined ? null : Number(flags.events),
    days: flags.days?.split(',') ?? null,
    scenarios: flags.scenarios?.split(',') ?? null,
    profile: flags.profile,
    setsUpTo: Number(flags.sets),
    pinned: !flags.unpinned,
    drive: flags.client === 'autocannon' ? sameRequestByAutocannon : sameRequest,
  });
} finally {
  await redis.stop();
  for (const path of [folder, project]) if (path !== null) rmSync(path, { recursive: true, force: true });
}

async function run(context: BenchContext): Promise<void> {
  printHardware();
  const targets: Target[] = [];
  for (const name of flags.only.split(',')) {
    const section = SECTIONS[name];
    if (section === undefined) {
      throw new Error(`--only: there is no ${name}; there are ${Object.keys(SECTIONS).join(', ')}`);
    }
    targets.push(...(await section(context)));
  }
  print('\nBars');
  for (const target of targets) printTarget(target);
  printHardware();
  if (!targets.every(holds)) process.exitCode = 1;
}
