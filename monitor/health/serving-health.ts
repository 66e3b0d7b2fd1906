/** Whether answers are in time and whole: from what the sidecars have counted. Pure. */
import { percentText } from '../../contract/std/percent-text.ts';
import { quantileOf } from './counted-metrics.ts';
import type { Buckets } from './counted-metrics.ts';
import type { HealthCheck } from './health-check.ts';
import type { ServingCounts } from './serving-counts.ts';

const P99_MOST_S = 0.01;
const AVAILABLE_LEAST = 0.999;
const OF = 'sidecars';

/** @param counts  null: nobody said where to read them */
export function servingHealth(counts: ServingCounts | null): HealthCheck[] {
  if (counts === null) {
    const why = 'say where to read it: --sidecar HOST:ADMINPORT, or --prometheus URL';
    return [nothing(p99Of, why), nothing(availabilityOf, why)];
  }
  const unread = counts.unread.map(({ at, why }): HealthCheck => {
    return { check: 'metrics', of: at, state: 'unknown', value: null, limit: null, unit: 'share', why };
  });
  return [...unread, p99(counts), availability(counts), ...coverage(counts)];
}

const p99Of = { check: 'p99', of: OF, unit: 'seconds', limit: P99_MOST_S } as const;
const availabilityOf = { check: 'availability', of: OF, unit: 'share', limit: AVAILABLE_LEAST } as const;

function nothing(of: typeof p99Of | typeof availabilityOf, why: string): HealthCheck {
  return { ...of, state: 'unknown', value: null, why };
}

/** The histogram has an edge at 10 ms: whether p99 is below it is counted, while its value is an estimate. */
function p99({ seconds, from }: ServingCounts): HealthCheck {
  const total = seconds.get(Infinity) ?? 0;
  const value = quantileOf(seconds, 0.99);
  if (value === null) return nothing(p99Of, `${from}: no answer is counted`);
  const inTime = seconds.get(P99_MOST_S);
  const isGood = inTime === undefined ? value <= P99_MOST_S : inTime / total >= 0.99;
  const share = inTime === undefined ? '' : `, ${percentText(inTime / total)} of them within 10 ms`;
  const isPast = value === Infinity;
  const past = isPast ? `; p99 lies above the last edge, ${lastEdge(seconds)} s` : '';
  const why = `${from}: ${Math.round(total)} answers${share}${past}`;
  return { ...p99Of, state: isGood ? 'good' : 'bad', value: isPast ? null : value, why };
}

function lastEdge(seconds: Buckets): number {
  return [...seconds.keys()].filter((edge) => edge !== Infinity).reduce((a, b) => Math.max(a, b), 0);
}

/** The worse of two shares: requests that were answered, and values that were there to be asked for. */
function availability({ requests, values, from }: ServingCounts): HealthCheck {
  const all = sum(requests.values());
  const failed = sum([...requests].map(([code, n]) => (code.startsWith('5') ? n : 0)));
  const served = sum([...values.values()].flatMap((own) => [...own.values()]));
  const unavailable = sum([...values.values()].map((own) => own.get('UNAVAILABLE') ?? 0));
  if (all === 0) return nothing(availabilityOf, `${from}: no request is counted`);
  const value = Math.min(1 - failed / all, served === 0 ? 1 : 1 - unavailable / served);
  const why =
    `${from}: ${Math.round(failed)} of ${Math.round(all)} requests ended with a 5xx, ` +
    `${Math.round(unavailable)} of ${Math.round(served)} values were UNAVAILABLE`;
  return { ...availabilityOf, state: value >= AVAILABLE_LEAST ? 'good' : 'bad', value, why };
}

/** How much of a view is there has no limit of its own: only a view of which nothing is, is bad. */
function coverage({ values, from }: ServingCounts): HealthCheck[] {
  return [...values].flatMap(([view, own]) => {
    const all = sum(own.values());
    if (all === 0) return [];
    const present = own.get('PRESENT') ?? 0;
    const why = `${from}: ${Math.round(present)} of ${Math.round(all)} values are PRESENT`;
    const state = present > 0 ? 'good' : 'bad';
    return [{ check: 'coverage', of: view, state, value: present / all, limit: null, unit: 'share', why }];
  });
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
