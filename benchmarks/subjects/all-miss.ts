/** All miss: one customer with 50 features in 5 views a request, none of them cached, Redis on the same machine. */
import { spreadEvenly } from '../harness/spread-evenly.ts';
import { explain, jobOf } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { NO_HURRY, sidecarContender } from '../harness/contender.ts';
import { print, printMeasured, timesTargets } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { alternate, manyRequests } from '../harness/rounds.ts';

export async function allMiss(context: BenchContext): Promise<Target[]> {
  const { customers, feastCustomers, feast } = context;
  print(`\nAll miss: 1 row x 50 features in 5 views, ${customers} customers in turn, Redis on this machine`);
  const job = { profile: 'cold', surface: 'feast', perSecond: null } as const;
  const drive = manyRequests(jobOf(context, { ...job, keys: `1..${customers}` }));
  const driveFeast = manyRequests(jobOf(context, { ...job, keys: `1..${feastCustomers}` }));
  const sidecar = sidecarContender('sidecar, log on', context.project, { settings: NO_HURRY });
  const uncached = sidecarContender('sidecar, log on, cache off', context.project, {
    settings: [...NO_HURRY, 'serve.cacheEntries=0'],
  });
  const unlogged = sidecarContender('sidecar, log off', context.project, {
    settings: [...NO_HURRY, 'log.enabled=false'],
  });
  const measured = await alternate(
    [
      { contender: sidecar, drive },
      { contender: uncached, drive },
      { contender: unlogged, drive },
      ...(feast === null ? [] : [{ contender: feast, drive: driveFeast }]),
    ],
    context.rounds,
  );
  for (const one of measured) printMeasured(one);
  await spreadEvenly(context, [{ sidecar: uncached, surface: 'feast', rows: 1 }]);
  const [ours, oursUncached, oursUnlogged, theirs] = measured;
  const targets =
    theirs === undefined
      ? []
      : [
          ...timesTargets("all miss, against Feast's server", ours!, theirs, 40),
          ...timesTargets("all miss, cache off, against Feast's server", oursUncached!, theirs, 40),
          ...timesTargets("all miss, log off, against Feast's server", oursUnlogged!, theirs, 40),
        ];
  await explain(context, targets, drive);
  return targets;
}
