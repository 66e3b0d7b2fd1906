/** One load test from its options to its result. Called by `plumb load` and by the benchmarks. */
import type { Logger } from '../contract/std/logger.ts';
import { openPool } from './request/entity-pool.ts';
import { loadError } from './errors.ts';
import { runGenerators } from './generator/generators.ts';
import type { Counted } from './generator/generators.ts';
import type { LoadJob } from './generator/load-job.ts';
import { STOPPED_FROM, STOPPED_TO } from './profiles/faults.ts';
import type { Profile } from './profiles/profile.ts';
import type { LoadSurface } from './request/request-text.ts';
import { readSchema } from './request/service-schema.ts';
import type { ServiceSchema } from './request/service-schema.ts';
import { checkObjective } from './slo.ts';
import type { ObjectiveResult, Objective } from './slo.ts';
import { storeOf } from './stopped-store.ts';
import { TallyCount } from './generator/tally-count.ts';
import { parseTarget } from './request/target.ts';

export interface LoadOptions {
  readonly url: string;
  readonly service: string;
  readonly profile: Profile;
  readonly surface: LoadSurface;
  /** A range or a file, see entity-pool.ts. */
  readonly keys: string;
  /** Requests a second; null: a closed loop, as many as the connections give. */
  readonly perSecond: number | null;
  readonly lastsNs: number;
  readonly warmupNs: number;
  readonly timeoutNs: number;
  readonly connections: number;
  /** Processes that make the load. */
  readonly processes: number;
  readonly deadlineMs: number | null;
  readonly seed: number;
  readonly objectives: readonly Objective[];
  /** Process of the online store, for the profile that stops it. */
  readonly storePid: number | null;
}

export interface LoadResult {
  readonly options: LoadOptions;
  readonly schema: ServiceSchema;
  readonly entities: number;
  readonly total: TallyCount;
  /** `all`, or before, while and after the store was stopped. */
  readonly phases: readonly { readonly name: string; readonly tally: TallyCount }[];
  readonly counted: Counted;
  readonly objectives: readonly ObjectiveResult[];
  readonly holds: boolean;
}

/** So many requests a process counts in good time; more is a mistake of the command line. */
const MAX_REQUESTS = 500_000_000;
const NS_PER_MS = 1e6;

/** @throws the LOAD_ codes */
export async function runLoad(options: LoadOptions, logger: Logger): Promise<LoadResult> {
  const { profile, keys, perSecond, lastsNs, warmupNs } = options;
  if (((perSecond ?? 0) * (lastsNs + warmupNs)) / 1e9 > MAX_REQUESTS) {
    throw loadError('LOAD_USAGE', `--rate and --duration ask for more than ${MAX_REQUESTS} requests`, {
      field: 'rate',
    });
  }
  const store = storeFor(options);
  const target = await parseTarget(options.url);
  const schema = await readSchema(target, options.service);
  const pool = openPool(keys, schema.joinKeys);
  const entities = Math.min(pool.size, profile.poolLimit ?? Infinity);
  const edges = store === null ? [] : [STOPPED_FROM * lastsNs, STOPPED_TO * lastsNs];
  const { surface, deadlineMs, connections, processes, seed, timeoutNs } = options;
  const { service, joinKeys } = schema;
  const job: LoadJob = {
    target,
    shape: { surface, schema: { service, joinKeys }, hostHeader: target.hostHeader, deadlineMs },
    profile: profile.name,
    rows: profile.rows,
    keys,
    perSecond,
    warmupNs,
    lastsNs,
    timeoutNs,
    connections: Math.max(1, Math.round(connections / processes)),
    seed,
    shard: 0,
    shards: processes,
    phaseEdgesNs: edges,
  };
  try {
    const counted = await runGenerators(job, {
      onMeasuring: () => store?.plan(edges[0]! / NS_PER_MS, edges[1]! / NS_PER_MS),
      onProgress: (elapsedNs) =>
        logger.progress(
          'load',
          Math.min(Math.round(elapsedNs / 1e9), Math.round((lastsNs + warmupNs) / 1e9) - 1),
          Math.round((lastsNs + warmupNs) / 1e9),
        ),
    });
    logger.progress('load', 1, 1);
    return resultOf(options, schema, entities, counted);
  } finally {
    store?.release();
  }
}

function storeFor({ profile, storePid }: LoadOptions): ReturnType<typeof storeOf> | null {
  if (storePid === null) return null;
  if (profile.stopsStore) return storeOf(storePid);
  throw loadError('LOAD_USAGE', `--store-pid goes with --profile faults, not with ${profile.name}`, {
    field: 'storePid',
  });
}

function resultOf(
  options: LoadOptions,
  schema: ServiceSchema,
  entities: number,
  counted: Counted,
): LoadResult {
  const total = new TallyCount();
  for (const phase of counted.phases) total.add(phase.toJson());
  const objectives = options.objectives.map((objective) =>
    checkObjective(objective, total.latencies, total.failed),
  );
  const names = counted.phases.length === 1 ? ['all'] : ['before', 'store stopped', 'after'];
  return {
    options,
    schema,
    entities,
    total,
    phases: counted.phases.map((tally, i) => ({ name: names[i]!, tally })),
    counted,
    objectives,
    holds: objectives.every(({ holds }) => holds),
  };
}
