/**
 * What a request of a working set costs the sidecar's own process, without HTTP and the log's disk: customers with 50
 * doubles in 5 views on a Redis, asked for evenly, cached and read again every few seconds of a clock that runs at
 * 20,000 requests a second whatever the machine does. So the share of reads is the same on a busy machine and a quiet
 * one, and processor time tells the sets apart where `npm run bench -- --only workingset` cannot.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/working-set-bench.ts
 *        [--rounds 3 --surface feast|native|tensor]
 *
 * Fresh processes in turn. Not a test: figures depend on the machine.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { openProject } from '../../project/project.ts';
import type { Clock } from '../../project/clock.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { RecordEncoder } from '../../contract/wire/log/served-encoder.ts';
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { Outbox } from '../../sidecar/answer/outbox.ts';
import type { AnswerLog } from '../../sidecar/answer/outbox.ts';
import { RowCache } from '../../sidecar/cache/row-cache.ts';
import { tuneCollector } from '../../sidecar/process/gc-tuning.ts';
import { HotKeys } from '../../sidecar/cache/hot-keys.ts';
import { Metrics } from '../../sidecar/metrics/metrics.ts';
import { BundlePlans, ViewSlots } from '../../sidecar/plan/bundle-plans.ts';
import { RowLoader } from '../../sidecar/cache/row-loader.ts';
import { Serving } from '../../sidecar/serve.ts';
import { openReader } from '../../sidecar/store/open-reader.ts';
import { feastSurface } from '../../sidecar/surface/feast/feast.ts';
import { nativeSurface } from '../../sidecar/surface/native/native.ts';
import { oipSurface } from '../../sidecar/surface/oip/oip.ts';
import { Exchange } from '../../sidecar/transport/transport.ts';
import { median } from '../harness/median.ts';
import { BENCH_KEY, BENCH_SERVICE, makeBenchProject } from '../harness/project.ts';
import { startRedis } from '../harness/redis/redis-process.ts';

const SETS = [32, 10_000, 100_000];
const REQUESTS = 100_000;
const WARM_REQUESTS = 150_000;
const US_A_REQUEST = 50;
const AT_ONCE = 16;
const CACHE_BYTES = 128 * 2 ** 20;
const MIB = 2 ** 20;
const SURFACES = { feast: feastSurface, native: nativeSurface, tensor: oipSurface } as const;

interface Cost {
  readonly cpuUs: number;
  /** Of the processor time, by the clock of the collector's pauses. */
  readonly collectorShare: number;
  readonly readsARequest: number;
  readonly missShare: number;
  readonly residentMib: number;
}

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    surface: { type: 'string', default: 'feast' },
    folder: { type: 'string' },
    customers: { type: 'string' },
  },
});
const surface = SURFACES[flags.surface as keyof typeof SURFACES];

async function compare(rounds: number): Promise<void> {
  const own = mkdtempSync(join(tmpdir(), 'plumb-working-set-'));
  const redis = await startRedis(own);
  const views = [10, 10, 10, 10, 10];
  const folder = await makeBenchProject({ views, customers: Math.max(...SETS), online: redis.url });
  try {
    console.log(
      `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`,
    );
    const found = SETS.map((): Cost[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, customers] of SETS.entries()) found[i]!.push(fresh(folder, customers));
    }
    for (const [i, all] of found.entries()) {
      const of = (read: (one: Cost) => number, digits: number): string =>
        `${median(all.map(read)).toFixed(digits)} (${all.map((one) => read(one).toFixed(digits)).join(', ')})`;
      console.log(`${SETS[i]} customers: ${of((one) => one.cpuUs, 2)} us a request`);
      console.log(`  collector ${of((one) => one.collectorShare * 100, 1)} % of it`);
      console.log(
        `  ${of((one) => one.readsARequest, 3)} reads, ${of((one) => one.missShare * 100, 1)} % misses`,
      );
      console.log(`  resident ${of((one) => one.residentMib, 0)} MiB`);
    }
  } finally {
    await redis.stop();
    for (const path of [own, folder]) rmSync(path, { recursive: true, force: true });
  }
}

function fresh(folder: string, customers: number): Cost {
  const node = ['--disable-warning=ExperimentalWarning', import.meta.filename];
  const args = [...node, '--folder', folder, '--customers', String(customers), '--surface', flags.surface];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Cost;
}

class SilentExchange extends Exchange {
  override reply(): void {}
}

/** Encodes records and keeps none. */
class ForgottenLog implements AnswerLog {
  readonly #encoder = new RecordEncoder('', 0n);
  sequence = 0;
  onSettled = (): void => {};
  append(request: ServedRequest): boolean {
    this.sequence += 1;
    return this.#encoder.appendServed(request, this.sequence);
  }
  commit(): 'taken' {
    this.#encoder.clear();
    return 'taken';
  }
  async whenSynced(): Promise<boolean> {
    return true;
  }
}

async function cost(folder: string, customers: number): Promise<Cost> {
  tuneCollector();
  let us = Date.now() * 1_000;
  const { settings, clock: real } = openProject(folder, silentLogger, {});
  const clock: Clock = { ...real, nowUs: () => us };
  const metrics = new Metrics();
  const cache = new RowCache({ entries: 100_000, bytes: CACHE_BYTES, freshUs: 5e6, staleUs: 60e6 });
  const reader = await openReader(settings.online, clock, silentLogger);
  // On a busy machine a read may fail; it is made again.
  const loader = new RowLoader(reader, cache, { onStoreFailure() {}, onUnreadableRow() {} });
  const policy = { durability: 'written', onFull: 'shed-log' };
  const serving = new Serving({
    clock,
    cache,
    loader,
    metrics,
    outbox: new Outbox(new ForgottenLog(), policy, metrics, () => {}),
    hotKeys: new HotKeys(() => 'node'),
    plans: new BundlePlans(loadCurrentBundle(settings.bundles), '', new ViewSlots()),
    refuse(_, fault) {
      throw fault;
    },
  });
  await reader.start(5_000);
  const bodies = Array.from({ length: customers }, (_, i) => body(i + 1));
  let seed = 1;
  const run = async (requests: number): Promise<void> => {
    for (let i = 0; i < requests; i += AT_ONCE) {
      for (let b = 0; b < AT_ONCE; b++) {
        us += US_A_REQUEST;
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
        const exchange = new SilentExchange();
        exchange.path = `/v2/models/${BENCH_SERVICE}/infer`;
        exchange.requestId = 'id';
        serving.serve(exchange, surface, bodies[seed % customers]!, 60_000);
      }
      do await new Promise((resolve) => setImmediate(resolve));
      while (serving.inFlightValues > 0);
    }
  };
  await run(WARM_REQUESTS);
  let collectorMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collectorMs += duration;
  });
  observer.observe({ entryTypes: ['gc'] });
  const [reads, hits, misses] = [loader.reads, metrics.cacheHits, metrics.cacheMisses];
  const before = process.cpuUsage();
  await run(REQUESTS);
  const { user, system } = process.cpuUsage(before);
  observer.disconnect();
  await reader.close();
  const missed = metrics.cacheMisses - misses;
  return {
    cpuUs: (user + system) / REQUESTS,
    collectorShare: (collectorMs * 1_000) / (user + system),
    readsARequest: (loader.reads - reads) / REQUESTS,
    missShare: missed / (missed + metrics.cacheHits - hits),
    residentMib: process.memoryUsage.rss() / MIB,
  };
}

function body(customer: number): Buffer {
  const tensor = { name: BENCH_KEY, datatype: 'INT64', shape: [1], data: [customer] };
  const rows = { feature_service: BENCH_SERVICE, entities: { [BENCH_KEY]: [customer] } };
  const all = {
    feast: { ...rows, full_feature_names: true },
    native: rows,
    tensor: { inputs: [tensor], parameters: { binary_data_output: true } },
  };
  return Buffer.from(JSON.stringify(all[flags.surface as keyof typeof all]));
}

if (flags.folder !== undefined)
  console.log(JSON.stringify(await cost(flags.folder, Number(flags.customers))));
else await compare(Number(flags.rounds));
