/** The pairs of one feature that are the same on both sides, as they come counted from DuckDB to its tally. */
import type { AgreeingCategories, AgreeingNumbers } from '../statistics/distribution.ts';

/** Pairs whose sides are the same, as DuckDB counts them; what a type does not need is 0 or empty. */
export interface AgreeingPairs {
  /** Finite numbers, -0 as 0. */
  readonly numbers: AgreeingNumbers;
  readonly nan: number;
  readonly infinite: number;
  /** Texts and booleans. */
  readonly categories: AgreeingCategories;
  /** Times, embeddings and lists. */
  readonly pairs: number;
  /** Embeddings that are not all zeros, which have a direction. */
  readonly directed: number;
  /** Items of lists. */
  readonly items: number;
}

export const NO_PAIRS: AgreeingPairs = {
  numbers: { values: new Float64Array(0), counts: new Float64Array(0) },
  nan: 0,
  infinite: 0,
  categories: { counted: new Map(), rest: { values: 0, rows: 0 } },
  pairs: 0,
  directed: 0,
  items: 0,
};

/** Both lists as one; a value of both stands there twice. */
export function together(a: AgreeingNumbers, b: AgreeingNumbers): AgreeingNumbers {
  if (b.values.length === 0) return a;
  if (a.values.length === 0) return b;
  const size = a.values.length + b.values.length;
  const [values, counts] = [new Float64Array(size), new Float64Array(size)];
  let i = 0;
  for (let at = 0; at < size; at++) {
    const j = at - i;
    const isOfA = j === b.values.length || (i < a.values.length && a.values[i]! <= b.values[j]!);
    values[at] = isOfA ? a.values[i]! : b.values[j]!;
    counts[at] = isOfA ? a.counts[i]! : b.counts[j]!;
    if (isOfA) i += 1;
  }
  return { values, counts };
}
