/**
 * The causes of a mismatch, on two axes, in the order in which they are looked for; their files are in monitor/causes/.
 *
 *   fidelity   the served row is not what the history holds of it (fidelity.ts): the value was never true
 *   currency   it is not the row that training sees (currency.ts): the value was true, at another time
 *
 * A mismatch is counted under the first cause of this order that has evidence; others stand beside it (explain.ts).
 * A value that was computed on demand has the causes of the rows that it was computed of. The values of an UNAVAILABLE
 * row are a class of their own, counted in no rate.
 */

/** What is wrong with the served row itself. */
export const FIDELITY_CAUSES = [
  'answer altered',
  'on-demand differs',
  'foreign row',
  'null or default substituted',
  'precision / type',
  'changed in place',
  'missing in history',
  'unexplained',
] as const;
export type FidelityCause = (typeof FIDELITY_CAUSES)[number];

/** Why serving had another row than training sees. */
export const CURRENCY_CAUSES = [
  'definition changed',
  'clock skew',
  'cache age',
  'materialization lag',
  'TTL boundary',
  'missing online',
  'late arrival',
  'rewritten history',
  'served ahead',
  'duplicate',
  'not proved',
] as const;
export type CurrencyCause = (typeof CURRENCY_CAUSES)[number];

/** All of them in one order: an outage first, then what was never true, then what was true at another time. */
export const CAUSES = ['unavailable', ...FIDELITY_CAUSES, ...CURRENCY_CAUSES] as const;
export type Cause = (typeof CAUSES)[number];

/** How many values are under a cause, and how many of these are beyond the promise. */
export interface CauseCount {
  readonly cause: Cause;
  readonly values: number;
  readonly beyondPromise: number;
}

export function mismatches(causes: readonly CauseCount[]): number {
  return causes.reduce((sum, { values }) => sum + values, 0);
}
