/** Quantiles of sorted doubles, as numpy and scipy give them by default. */
import { monitorError } from '../errors.ts';

/**
 * The p-quantile by linear interpolation between the two nearest ranks.
 *
 * @param sorted  ascending, without NaN, not empty; not modified
 * @param p       in [0, 1]
 * @throws        MON_QUANTILE where there is no value or p is outside [0, 1]
 * Source: Hyndman and Fan 1996, type 7; numpy.quantile's default, whose way of rounding it shares.
 */
export function quantileOfSorted(sorted: Float64Array, p: number): number {
  if (sorted.length === 0 || !(p >= 0 && p <= 1)) {
    throw monitorError(
      'MON_QUANTILE',
      `Expected values and p in [0, 1], got ${sorted.length} values, p ${p}.`,
    );
  }
  const rank = p * (sorted.length - 1);
  const below = Math.floor(rank);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  const share = rank - below;
  if (share === 0 || low === high) return low;
  // From the nearer end, so that share 1 gives high to the bit; the halves keep 2 * MAX_VALUE from overflowing.
  if (!Number.isFinite(high - low)) return low * (1 - share) + high * share;
  return share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share);
}
