/**
 * Popular entities against even traffic: the p99 of Zipf's law, and of 100 entities that take 90 %, over that of
 * uniform traffic at the same rate, open loop. Says little where the machine is busy with others: see tail-latency.ts.
 */
import { jobOf } from './bench-context.ts';
import type { BenchContext } from './bench-context.ts';
import { sidecarContender } from './contender.ts';
import { print, printMeasured } from './report.ts';
import type { Bar } from './report.ts';
import { alternate, manyRequests, median } from './rounds.ts';
import type { Round } from './rounds.ts';

const PROFILES = ['uniform', 'zipf', 'hot-keys'] as const;
const BAR = 1.5;
/** Of the rate that uniform traffic saturates at. */
const SHARE = 0.25;

export async function skewedTraffic(context: BenchContext): Promise<Bar[]> {
  const sidecar = sidecarContender('sidecar, log on', context.project);
  const what = { surface: 'feast', keys: `1..${context.customers}` } as const;
  const flatOut = manyRequests(jobOf(context, { ...what, profile: 'uniform', perSecond: null }));
  const [saturated] = await alternate([{ contender: sidecar, drive: flatOut }], 1);
  const perSecond = Math.max(1, Math.round(saturated!.median.perSecond * SHARE));
  print(`\nSkew: ${context.customers} customers, open loop at ${perSecond}/s`);
  const measured = await alternate(
    PROFILES.map((profile) => ({
      contender: { ...sidecar, name: `sidecar, log on, ${profile}` },
      drive: manyRequests(jobOf(context, { ...what, profile, perSecond })),
    })),
    context.rounds,
  );
  for (const one of measured) printMeasured(one);
  const [even, zipf, hot] = measured;
  return [
    { what: "p99 of Zipf's law, times that of uniform traffic", ...over(zipf!.rounds, even!.rounds) },
    { what: 'p99 of hot keys, times that of uniform traffic', ...over(hot!.rounds, even!.rounds) },
  ];
}

function over(skewed: readonly Round[], even: readonly Round[]): Omit<Bar, 'what'> {
  const reached = median(skewed.map(({ p99Ms }, i) => p99Ms / even[i]!.p99Ms));
  return { reached, bar: BAR, unit: 'x', atMost: true };
}
