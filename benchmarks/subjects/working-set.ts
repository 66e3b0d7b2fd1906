/**
 * A working set, not a hot row: customers with 50 doubles in 5 views, asked for evenly, one a request. Each of them is
 * read again every few seconds, unchanged; 32 customers are the control of the same run.
 *
 *   closed loop   the rate, and the server's processor time a request, as shares of the control's
 *   open loop     the p99 at a fixed rate, over the control's; says little where the machine is busy with others
 *   memory        of the package, once each of 10,000 customers was asked for again and again
 *
 * 10,000 is what the cache is made for. 100,000 of five views are more than it holds (`serve.cacheBytes`), so that most
 * are misses: reported, without a target.
 */
import { join } from 'node:path';
import { explain, jobOf } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { buildPackage } from './cached-memory.ts';
import { ROOT, sidecarContender, startServer } from '../harness/contender.ts';
import { print, printMeasured, ratios } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { alternate, manyRequests } from '../harness/rounds.ts';
import type { Driver, Entry, Measured } from '../harness/rounds.ts';

const SETS = [32, 10_000, 100_000];
const SURFACE = 'feast';
/** Long enough that every customer has been asked for twice, and was read again. */
const WARMUP_S = 8;
const OPEN_RATE = 5_000;
const RATE_TARGET = 70;
const P99_TARGET = 3;
const P99_MS_TARGET = 5;
const MEMORY_CUSTOMERS = 10_000;
const MEMORY_SECONDS = 20;
const MEMORY_TARGET_MIB = 250;
const MIB = 2 ** 20;
/** A request that waits for a crowded machine must still be answered: the rate is measured here, not the deadline. */
const SETTINGS = ['serve.deadlineMs=1000', 'log.maxBytes=16GiB'];

export async function workingSet(context: BenchContext): Promise<Target[]> {
  const sets = SETS.filter((customers) => customers <= context.customers);
  print(`\nWorking set: 1 row x 50 features in 5 views, Feast's JSON, log on, customers asked for evenly`);
  const closed = await alternate(entries(context, sets, null), context.rounds);
  for (const one of closed) printMeasured(one);
  print(`\n  the same, open loop at ${OPEN_RATE} requests a second`);
  const open = await alternate(entries(context, sets, OPEN_RATE), context.rounds);
  for (const one of open) printMeasured(one);
  printShares(sets, closed, open);
  const targets = [...barsOf(closed, open), ...(await memory(context))];
  await explain(context, targets, driver(context, MEMORY_CUSTOMERS, null), SETTINGS);
  return targets;
}

function entries(context: BenchContext, sets: readonly number[], perSecond: number | null): Entry[] {
  return sets.map((customers) => ({
    contender: sidecarContender(`${customers} customers`, context.project, { settings: SETTINGS }),
    drive: driver(context, customers, perSecond),
  }));
}

function driver(context: BenchContext, customers: number, perSecond: number | null): Driver {
  const warm = { ...context, warmupS: Math.max(context.warmupS, WARMUP_S) };
  const keys = `1..${customers}`;
  return manyRequests(jobOf(warm, { profile: 'uniform', surface: SURFACE, keys, perSecond }));
}

function printShares(sets: readonly number[], closed: readonly Measured[], open: readonly Measured[]): void {
  print('\n  of the control of 32 customers');
  for (let i = 1; i < sets.length; i++) {
    const { rate, cpu } = ratios(closed[i]!, closed[0]!);
    const p99 = open[i]!.median.p99Ms / open[0]!.median.p99Ms;
    const byCpu = cpu === null ? '' : `, by server CPU ${cpu.toFixed(2)}`;
    print(`    ${sets[i]} customers: rate ${rate.toFixed(2)}${byCpu}; p99 ${p99.toFixed(1)} times`);
  }
}

function barsOf([control, set]: readonly Measured[], [quiet, busy]: readonly Measured[]): Target[] {
  if (control === undefined || set === undefined || quiet === undefined || busy === undefined) return [];
  const { rate, cpu } = ratios(set, control);
  const share = { wanted: RATE_TARGET, unit: '%', atMost: false } as const;
  const [p99Ms, controlMs] = [busy.median.p99Ms, quiet.median.p99Ms];
  return [
    { what: '10,000 customers, rate of that of 32', reached: rate * 100, ...share },
    ...(cpu === null ? [] : [{ what: 'the same, by server CPU', reached: cpu * 100, ...share }]),
    { what: '10,000 customers, p99', reached: p99Ms, wanted: P99_MS_TARGET, unit: 'ms', atMost: true },
    {
      what: 'the same, of that of 32',
      reached: p99Ms / controlMs,
      wanted: P99_TARGET,
      unit: 'x',
      atMost: true,
    },
  ];
}

async function memory(context: BenchContext): Promise<Target[]> {
  buildPackage();
  const entry = join(ROOT, 'dist', 'plumb.js');
  const server = await startServer(
    sidecarContender('the package', context.project, { settings: SETTINGS, entry }),
  );
  try {
    const drive = driver({ ...context, seconds: MEMORY_SECONDS }, MEMORY_CUSTOMERS, null);
    const { perSecond } = await drive(server);
    const bytes = server.residentBytes();
    if (bytes === null) return [];
    const times = (perSecond * MEMORY_SECONDS) / MEMORY_CUSTOMERS;
    print(
      `\n  the package: ${(bytes / MIB).toFixed(0)} MiB resident with ${MEMORY_CUSTOMERS} customers of 5 views, ` +
        `each asked for ${times.toFixed(0)} times`,
    );
    if (times < 3) print('  too seldom: the figure says too little');
    const what = 'resident memory, 10,000 customers of 5 views again and again';
    return [{ what, reached: bytes / MIB, wanted: MEMORY_TARGET_MIB, unit: 'MiB', atMost: true }];
  } finally {
    await server.stop();
  }
}
