/**
 * Beside Feast's Go feature server: 10,000 customers asked for evenly, one and fifty a request, Feast's JSON, every
 * vector of ours logged. The Go server reads Redis for each request; the sidecar answers from its cache, which is the
 * point.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { feastGoContender } from '../contenders/feast.ts';
import { jobOf } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { NO_HURRY, sidecarContender } from '../harness/contender.ts';
import { print, printMeasured, timesTargets } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { alternate, manyRequests } from '../harness/rounds.ts';

const CUSTOMERS = 10_000;
/** So long that each customer has been asked for. */
const WARMUP_S = 4;
const TARGETS = [
  { rows: 1, times: 12 },
  { rows: 50, times: 8 },
];

export async function besideFeastGo(context: BenchContext): Promise<Target[]> {
  if (context.feastGo === null) throw new Error('--only feastgo needs --feast-go FILE, the built server.');
  const folder = join(context.folder, 'feast-go');
  mkdirSync(folder);
  const { views, redisPort, feastEnvironment: environment } = context;
  const options = { folder, redisPort, views, customers: CUSTOMERS, environment };
  const go = await feastGoContender(options, context.feastGo);
  const settings = [...NO_HURRY, 'log.maxBytes=16GiB'];
  const ours = sidecarContender('sidecar, log on', context.project, { settings });
  const warm = { ...context, warmupS: Math.max(context.warmupS, WARMUP_S) };
  const targets: Target[] = [];
  for (const { rows, times } of TARGETS) {
    print(`\nBeside Feast's Go server: ${rows} of ${CUSTOMERS} customers a request, asked for evenly`);
    const job = { profile: 'uniform', surface: 'feast', keys: `1..${CUSTOMERS}`, perSecond: null } as const;
    const drive = manyRequests({ ...jobOf(warm, job), rows });
    const measured = await alternate(
      [ours, go].map((contender) => ({ contender, drive })),
      context.rounds,
    );
    for (const one of measured) printMeasured(one);
    targets.push(
      ...timesTargets(
        `${rows} of 10,000, log on, against Feast's Go server`,
        measured[0]!,
        measured[1]!,
        times,
      ),
    );
  }
  return targets;
}
