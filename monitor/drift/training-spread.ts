/**
 * A feature's mean and deviation beside those of the last training sets: does the day fit into their row? Each set is
 * one observation. The next one lies within Student's 99.9 % prediction interval in 999 of 1,000 cases, if sets vary
 * like a normal distribution does. What lies outside is for review: it has no level.
 */
import { studentQuantile } from '../statistics/student.ts';

/** With fewer sets there is no saying how much they vary. */
export const LEAST_SETS = 5;
const OUTSIDE = 0.001;
/** Means that differ by less than this share of their size are equal: sums of doubles are rounded. */
const ROUNDING = 1e-12;

/** One figure of the day beside those of the training sets. */
export interface SpreadOf {
  readonly served: number;
  /** How many training sets had the figure. */
  readonly sets: number;
  /** The prediction interval. */
  readonly low: number;
  readonly high: number;
  /** How many deviations of the sets the day is from their mean; null: the sets do not vary. */
  readonly z: number | null;
  readonly outside: boolean;
}

/**
 * @param sets  the figure of each training set
 * @returns     null when there are too few
 */
export function spreadOf(served: number, sets: readonly number[]): SpreadOf | null {
  const n = sets.length;
  if (n < LEAST_SETS) return null;
  const mean = sets.reduce((sum, value) => sum + value / n, 0);
  const squares = sets.reduce((sum, value) => sum + ((value - mean) / Math.sqrt(n - 1)) ** 2, 0);
  const rounding = ROUNDING * Math.max(Math.abs(mean), Math.abs(served));
  const deviation = Math.sqrt(squares) <= rounding ? 0 : Math.sqrt(squares);
  const half = Math.max(rounding, studentQuantile(OUTSIDE, n - 1) * deviation * Math.sqrt(1 + 1 / n));
  return {
    served,
    sets: n,
    low: mean - half,
    high: mean + half,
    z: deviation === 0 ? null : (served - mean) / deviation,
    outside: Math.abs(served - mean) > half,
  };
}
