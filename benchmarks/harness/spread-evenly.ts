/**
 * The same measurement with more customers than a hot few: 10,000 and 100,000, each requested as often as the others,
 * beside the first one of the section. Reported without a target: `workingset` holds those that matter.
 */
import { jobOf } from './bench-context.ts';
import type { BenchContext } from './bench-context.ts';
import { print, printMeasured } from './report.ts';
import { alternate, manyRequests } from './rounds.ts';
import type { Driver } from './rounds.ts';
import type { Contender } from './contender.ts';
import type { LoadSurface } from '../../loadtest/request/request-text.ts';

const SETS = [10_000, 100_000];
/** So long that each customer of the smaller set has been asked for. */
const WARMUP_S = 4;

interface EvenLoad {
  readonly sidecar: Contender;
  readonly surface: LoadSurface;
  readonly rows: number;
}

/** Prints each set of the customers there are, up to `--sets` of them. */
export async function spreadEvenly(context: BenchContext, loads: readonly EvenLoad[]): Promise<void> {
  const sets = SETS.filter((customers) => customers <= Math.min(context.customers, context.setsUpTo));
  const entries = loads.flatMap(({ sidecar, surface, rows }) =>
    sets.map((customers) => ({
      contender: { ...sidecar, name: `${sidecar.name}, ${surface}, ${customers} customers evenly` },
      drive: driver(context, customers, surface, rows),
    })),
  );
  if (entries.length === 0) return;
  print('\n  asked for evenly, not one again and again');
  for (const one of await alternate(entries, context.rounds)) printMeasured(one);
}

function driver(context: BenchContext, customers: number, surface: LoadSurface, rows: number): Driver {
  const warm = { ...context, warmupS: Math.max(context.warmupS, WARMUP_S) };
  const keys = `1..${customers}`;
  return manyRequests({ ...jobOf(warm, { profile: 'uniform', surface, keys, perSecond: null }), rows });
}
