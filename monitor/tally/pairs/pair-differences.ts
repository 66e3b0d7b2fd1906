/** How far served and replayed values of a feature are apart: what a tally of its pairs tells, whatever their type. */
import type { Value } from '../../../contract/value-type.ts';
import type { Distributions } from '../../statistics/distributions.ts';
import type { AgreeingPairs } from '../agreeing-pairs.ts';

/** The sizes of differences, over the pairs that are finite numbers on both sides (times: in seconds). */
export interface PairDifferences {
  readonly meanDifference: number | null;
  /** The mean of 2 |served - replayed| / (|served| + |replayed|), 0 where both are 0; null for times. */
  readonly symmetricRelativeError: number | null;
  readonly p99OfServedMinusReplayed: number | null;
  readonly p99OfAbsoluteDifference: number | null;
}

export interface PairsTold {
  readonly differences: PairDifferences;
  /** null: there is nothing to tell. */
  readonly distributions: Distributions | null;
}

export interface PairTally {
  /** @param vectors  how many had the pair */
  add(served: Value, replayed: Value, vectors: number): void;
  /** Once at most. */
  addAgreeing(agreeing: AgreeingPairs): void;
  /** The texts of the pairs that were added, each once, where the type has texts; no others need be named. */
  texts?(): ReadonlySet<string>;
  /** Asked once, when all pairs are added: what they take is freed. */
  told(): PairsTold;
}

export const NO_DIFFERENCES: PairDifferences = {
  meanDifference: null,
  symmetricRelativeError: null,
  p99OfServedMinusReplayed: null,
  p99OfAbsoluteDifference: null,
};

/** Of pairs that are all the same. */
export const NONE_APART: PairDifferences = {
  meanDifference: 0,
  symmetricRelativeError: 0,
  p99OfServedMinusReplayed: 0,
  p99OfAbsoluteDifference: 0,
};

/**
 * A sum with Neumaier's correction.
 *
 * @param counts  how often each value occurs; default: once
 */
export function exactSum(values: ArrayLike<number>, counts: ArrayLike<number> | null = null): number {
  let sum = 0;
  let lost = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    for (let times = counts === null ? 1 : counts[i]!; times > 0; times--) {
      const next = sum + value;
      lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
      sum = next;
    }
  }
  return Number.isFinite(lost) ? sum + lost : sum;
}
