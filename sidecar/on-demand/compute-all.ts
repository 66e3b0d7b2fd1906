/**
 * All on-demand views of a request, in their order. Where none is isolated they are computed at once; otherwise rows
 * are sent to the process of isolated functions, at most until the request's deadline, and a view that uses such a one
 * waits for it. What is not there at the deadline is not computed any more. What is there counts as held until all
 * views are computed: the answer is then made at once. Called by serve.ts and get.ts.
 */
import { computeHere, giveUp, isolatedRows, takeIsolated } from './compute.ts';
import type { ComputedRequest } from './compute.ts';
import type { OnDemandOutcome } from '../../contract/on-demand/on-demand-function.ts';

/** Computes all views in this thread. @returns false, with nothing done, where one of them is isolated */
export function computeAllHere(of: ComputedRequest): boolean {
  const { onDemand } = of.request.plan;
  for (let v = 0; v < onDemand.length; v++) if (onDemand[v]!.runner.isIsolated) return false;
  for (let v = 0; v < onDemand.length; v++) computeHere(of, v);
  return true;
}

/** @param limitMs  how long isolated views may take; 0 or less: they are not asked */
export async function computeAll(of: ComputedRequest, limitMs: number): Promise<void> {
  const { onDemand } = of.request.plan;
  const endMs = performance.now() + limitMs;
  const untils = onDemand.map(() => new AbortController());
  const waits: (Promise<void> | null)[] = [];
  try {
    for (let v = 0; v < onDemand.length; v++) {
      const { runner, computed } = onDemand[v]!;
      for (const used of computed) await waits[used.onDemand];
      waits[v] = runner.isIsolated ? computeIsolated(of, v, endMs, untils[v]!) : null;
      if (!runner.isIsolated) computeHere(of, v);
    }
    await Promise.all(waits);
  } finally {
    for (const until of untils) until.abort();
  }
}

/** @param until  aborted at the deadline */
async function computeIsolated(
  of: ComputedRequest,
  v: number,
  endMs: number,
  until: AbortController,
): Promise<void> {
  const asked = isolatedRows(of, v);
  if (asked === null) return;
  const { runner } = of.request.plan.onDemand[v]!;
  const { rows, values } = asked;
  const startMs = performance.now();
  const outcomes = startMs < endMs ? await within(runner.rows(values, until.signal), endMs - startMs) : null;
  if (outcomes === null) {
    until.abort();
    return giveUp(of, v, 'late', rows.length);
  }
  runner.ran(rows.length, performance.now() - startMs, startMs);
  takeIsolated(of, v, rows, outcomes);
}

/** @returns null when the outcomes did not come in time */
function within(
  outcomes: Promise<readonly OnDemandOutcome[]>,
  limitMs: number,
): Promise<readonly OnDemandOutcome[] | null> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => resolve(null), limitMs);
    outcomes.then(resolve, reject).finally(() => clearTimeout(limit));
  });
}
