/** Everything that docs/sizing.md is made of: `npm run bench -- --only sizing --rounds 3`. */
import type { BenchContext } from '../harness/bench-context.ts';
import type { Target } from '../harness/report.ts';
import { backgroundLoad } from './background-load.ts';
import { cachedRows } from './cached-rows.ts';
import { requestCosts } from './request-costs.ts';

export async function sizing(context: BenchContext): Promise<Target[]> {
  await requestCosts(context);
  await cachedRows();
  await backgroundLoad(context);
  // Reported, without a bar.
  return [];
}
