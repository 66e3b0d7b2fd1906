/**
 * What counting costs a request that is answered from the cache: alone, and as the difference between whole requests
 * with and without it, in alternating fresh processes (no HTTP, no log). Customers with 50 doubles in 5 views.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/metrics-bench.ts [--rounds 5]
 *
 * Processor time. Not a test: figures depend on the machine.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { openProject } from '../../project/project.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { Outbox } from '../../sidecar/answer/outbox.ts';
import { RowCache } from '../../sidecar/cache/row-cache.ts';
import { HotKeys } from '../../sidecar/cache/hot-keys.ts';
import { Metrics } from '../../sidecar/metrics/metrics.ts';
import { BundlePlans, ViewSlots } from '../../sidecar/plan/bundle-plans.ts';
import { RowLoader } from '../../sidecar/cache/row-loader.ts';
import { Serving } from '../../sidecar/serve.ts';
import { openReader } from '../../sidecar/store/open-reader.ts';
import { feastSurface } from '../../sidecar/surface/feast/feast.ts';
import { nativeSurface } from '../../sidecar/surface/native/native.ts';
import { oipSurface } from '../../sidecar/surface/oip/oip.ts';
import type { Surface } from '../../sidecar/request/surface.ts';
import { Exchange } from '../../sidecar/transport/transport.ts';
import type { RequestInFlight } from '../../sidecar/request/request-in-flight.ts';
import { median } from '../harness/median.ts';
import { BENCH_KEY, BENCH_SERVICE, makeBenchProject } from '../harness/project.ts';

const CUSTOMERS = 50;
const WARM_REQUESTS = 20_000;
const ALONE_TIMES = 2_000_000;

interface Shape {
  readonly surface: Surface;
  readonly path: string;
  readonly body: Buffer;
  readonly requests: number;
}

const everyone = Array.from({ length: CUSTOMERS }, (_, i) => i + 1);
const tensor = { name: BENCH_KEY, datatype: 'INT64', shape: [CUSTOMERS], data: everyone };
const SHAPES: Readonly<Record<string, Shape>> = {
  'native, 1 row': shape(nativeSurface, '', 200_000, {
    feature_service: BENCH_SERVICE,
    entities: { [BENCH_KEY]: [1] },
  }),
  "Feast's form, 1 row": shape(feastSurface, '', 200_000, {
    feature_service: BENCH_SERVICE,
    entities: { [BENCH_KEY]: [1] },
    full_feature_names: true,
  }),
  'binary tensor, 50 rows': shape(oipSurface, `/v2/models/${BENCH_SERVICE}/infer`, 20_000, {
    inputs: [tensor],
    parameters: { binary_data_output: true },
  }),
};

function shape(surface: Surface, path: string, requests: number, json: object): Shape {
  return { surface, path, requests, body: Buffer.from(JSON.stringify(json)) };
}

/** Counts nothing on the way of a request, and keeps the last one. */
class Uncounted extends Metrics {
  inFlight: RequestInFlight | null = null;
  override countLookUps(): void {}
  override countServed(inFlight: RequestInFlight): void {
    this.inFlight = inFlight;
  }
  override countAnswer(): void {}
}

class SilentExchange extends Exchange {
  override reply(): void {}
}

/** @returns what serves one request, its rows in the cache */
async function server(folder: string, metrics: Metrics, { surface, path, body }: Shape): Promise<() => void> {
  const { settings, clock } = openProject(folder, silentLogger, {});
  const nowUs = clock.nowUs();
  // The clock stands still: rows stay fresh.
  const still = { ...clock, nowUs: () => nowUs };
  const cache = new RowCache({ entries: 1_000, bytes: 1e9, freshUs: 5e6, staleUs: 60e6 });
  const loader = new RowLoader(await openReader(settings.online, still, silentLogger), cache, {
    onStoreFailure(error) {
      throw error;
    },
    onUnreadableRow(view, _key, reason) {
      throw new Error(`${view}: ${reason}`);
    },
  });
  const policy = { durability: 'written', onFull: 'shed-log' };
  const serving = new Serving({
    clock: still,
    cache,
    loader,
    metrics,
    outbox: new Outbox(null, policy, metrics, () => {}),
    hotKeys: new HotKeys(() => 'node'),
    plans: new BundlePlans(loadCurrentBundle(settings.bundles), '', new ViewSlots()),
    refuse: (_, fault) => {
      throw fault;
    },
  });
  const exchange = new SilentExchange();
  exchange.path = path;
  exchange.requestId = 'id';
  const serve = (): void => serving.serve(exchange, surface, body, 60_000);
  serve();
  while (cache.stats().entries === 0 || serving.inFlightValues > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return serve;
}

function cpuUsOf(times: number, body: (i: number) => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) body(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

/** @returns microseconds a request, whole */
async function whole(folder: string, name: string, counted: boolean): Promise<number> {
  const each = SHAPES[name]!;
  const serve = await server(folder, counted ? new Metrics() : new Uncounted(), each);
  cpuUsOf(WARM_REQUESTS, serve);
  return cpuUsOf(each.requests, serve);
}

/** @returns microseconds of the three calls, on the work of a real request */
async function alone(folder: string, name: string): Promise<number> {
  const each = SHAPES[name]!;
  const caught = new Uncounted();
  (await server(folder, caught, each))();
  const metrics = new Metrics();
  const { route } = each.surface;
  const inFlight = caught.inFlight!;
  const count = (i: number): void => {
    metrics.countLookUps(inFlight.rows.length, 0);
    metrics.countServed(inFlight);
    metrics.countAnswer(route, (i & 15) / 16);
  };
  const times = Math.round(ALONE_TIMES / inFlight.request.count);
  cpuUsOf(times, count);
  return cpuUsOf(times, count);
}

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, folder: { type: 'string' }, run: { type: 'string' } },
});

if (flags.folder !== undefined) {
  const [name, how] = flags.run!.split('|') as [string, string];
  const us = await (how === 'alone' ? alone(flags.folder, name) : whole(flags.folder, name, how === 'on'));
  console.log(us);
} else {
  const folder = await makeBenchProject({
    views: [10, 10, 10, 10, 10],
    customers: CUSTOMERS,
    online: 'sqlite:.plumb/online.db',
  });
  console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`);
  for (const name of Object.keys(SHAPES)) compare(folder, name, Number(flags.rounds));
  rmSync(folder, { recursive: true });
}

function compare(folder: string, name: string, rounds: number): void {
  const found: Record<string, number[]> = { alone: [], on: [], off: [] };
  for (let round = 0; round < rounds; round++) {
    const order = Object.keys(found);
    for (const how of round % 2 === 0 ? order : order.toReversed())
      found[how]!.push(fresh(folder, name, how));
  }
  console.log(name);
  for (const [how, all] of Object.entries(found)) {
    const label = how === 'alone' ? 'counting alone' : `whole request, counting ${how}`;
    console.log(`  ${label}: ${median(all).toFixed(3)} us (${all.map((us) => us.toFixed(3)).join(', ')})`);
  }
  console.log(`  difference of the medians: ${(median(found['on']!) - median(found['off']!)).toFixed(3)} us`);
}

function fresh(folder: string, name: string, how: string): number {
  const node = ['--disable-warning=ExperimentalWarning', import.meta.filename];
  const run = [...node, '--folder', folder, '--run', `${name}|${how}`];
  return Number(execFileSync(process.execPath, run, { encoding: 'utf8' }));
}
