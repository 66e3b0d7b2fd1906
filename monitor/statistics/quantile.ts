/** Quantiles of sorted doubles, equal to the defaults of numpy and scipy. */
import { monitorError } from '../errors.ts';

/** Numbers by their rank: an array of them, or `SortedNumbers`. */
interface Ranked {
  readonly length: number;
  at(rank: number): number | undefined;
}

/**
 * The p-quantile by linear interpolation between the two nearest ranks.
 *
 * @param sorted  ascending, without NaN, not empty; not modified
 * @param p       in [0, 1]
 * @throws        MON_QUANTILE when there is no value, or p is outside [0, 1]
 * Source: Hyndman and Fan 1996, type 7; the default of numpy.quantile, with the same rounding.
 */
export function quantileOfSorted(sorted: Ranked, p: number): number {
  if (sorted.length === 0 || !(p >= 0 && p <= 1)) {
    throw monitorError(
      'MON_QUANTILE',
      `Expected values and p in [0, 1], got ${sorted.length} values, p ${p}.`,
    );
  }
  const rank = p * (sorted.length - 1);
  const below = Math.floor(rank);
  const low = sorted.at(below)!;
  const high = sorted.at(Math.min(below + 1, sorted.length - 1))!;
  const share = rank - below;
  if (share === 0 || low === high) return low;
  // Interpolating from the nearer end makes share 1 give exactly `high`; halves keep 2 * MAX_VALUE from overflowing.
  if (!Number.isFinite(high - low)) return low * (1 - share) + high * share;
  return share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share);
}
