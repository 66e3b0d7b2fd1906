/**
 * How far the distributions of served and replayed values are apart, from the pairs that differ alone: where both sides
 * of a pair are equal they add nothing to the difference of the two functions.
 */

import { sortDoubles } from './radix-sort.ts';
import { SortedNumbers } from './sorted-numbers.ts';

/** Any two can be compared, also a whole number past 2^53 with a double. */
type Ordered = number | bigint;

export interface PairedDistance {
  /** max |F_served - F_replayed| over all pairs. */
  readonly d: number;
  /** The smallest value at which that gap is reached; null: no pair differs. */
  readonly location: Ordered | null;
  /** 1: served has more small values; 0 when d is 0. */
  readonly sign: -1 | 0 | 1;
  /** The area between the two functions, in the unit of the values. */
  readonly wasserstein: number;
}

/** Values in ascending order, and for each of them how many there are up to it. */
interface Steps {
  readonly distinct: ArrayLike<Ordered>;
  readonly ends: ArrayLike<number>;
}

/**
 * @param served, replayed  of the pairs that differ, aligned or not, without NaN; not modified. Equal pairs may be
 *                          among them
 * @param pairs             how many pairs there are in all, at least as many
 */
export function pairedDistance(
  served: readonly Ordered[] | Float64Array,
  replayed: readonly Ordered[] | Float64Array,
  pairs: number,
): PairedDistance {
  return steppedDistance(stepsOf(served), stepsOf(replayed), pairs);
}

/** The same of values that are sorted. */
export function steppedDistance(
  { distinct: a, ends: endsOfA }: Steps,
  { distinct: b, ends: endsOfB }: Steps,
  pairs: number,
): PairedDistance {
  let [i, j, inA, inB, widest, area] = [0, 0, 0, 0, 0, 0];
  let location: Ordered | null = null;
  let before: Ordered | null = null;
  while (i < a.length || j < b.length) {
    const x = j === b.length || (i < a.length && a[i]! <= b[j]!) ? a[i]! : b[j]!;
    if (before !== null && inA !== inB) area += (Math.abs(inA - inB) / pairs) * between(before, x);
    // `a[i] == x`: 2n and 2 are one value.
    while (i < a.length && a[i]! <= x) inA = endsOfA[i++]!;
    while (j < b.length && b[j]! <= x) inB = endsOfB[j++]!;
    if (Math.abs(inA - inB) > Math.abs(widest)) [widest, location] = [inA - inB, x];
    before = x;
  }
  return {
    d: pairs === 0 ? 0 : Math.abs(widest) / pairs,
    location,
    sign: widest > 0 ? 1 : widest < 0 ? -1 : 0,
    wasserstein: area,
  };
}

/** Doubles alone are sorted by their bits. */
function stepsOf(values: readonly Ordered[] | Float64Array): Steps {
  if (values instanceof Float64Array) return SortedNumbers.of(sortDoubles(values.slice()));
  const distinct = values.toSorted(inOrder);
  return { distinct, ends: distinct.map((_, i) => i + 1) };
}

function inOrder(x: Ordered, y: Ordered): number {
  return x < y ? -1 : x > y ? 1 : 0;
}

function between(low: Ordered, high: Ordered): number {
  if (typeof low === 'bigint' && typeof high === 'bigint') return Number(high - low);
  return Math.min(Number(high) - Number(low), Number.MAX_VALUE);
}
