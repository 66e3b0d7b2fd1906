/**
 * DDSketch, the sketch of approxPercentile: counts of values in buckets that are 2 % wide, so that the middle of a
 * bucket is within 1 % of every value in it. Sketches merge by adding counts.
 *
 *   bucket   ..., -2, -1      0       1               2                       ...   3,600
 *   values   the same below   zero    up to 1e-12     up to 1.0202e-12              up to 1.9e19, and all above
 *
 * The upper bounds are made by multiplying doubles one after the other, which gives the same bits on every engine; a
 * golden hash freezes them. A logarithm only guesses the bucket and a comparison with the bounds decides, since
 * logarithms differ between engines. Values closer to zero than 1e-12 and beyond 1.9e19 go to the end buckets, where
 * the 1 % does not hold.
 *
 * Source: C. Masson, J. E. Rim, H. K. Lee, DDSketch, PVLDB 12 (2019), with a table of bounds in place of a logarithm.
 */

/** Of a percentile relative to the value of that rank. */
export const PERCENTILE_ERROR = 0.01;

export const BUCKETS = 3_600;
export const LOWEST = 1e-12;
const GAMMA = 1.0202020202020203;
/** The middle of a bucket, as a share of its upper bound: 2 / (gamma + 1). */
export const MIDDLE = 0.99;
/** Only guesses: logarithms differ between engines. */
export const LOG_GAMMA = Math.log(GAMMA);

/** By bucket: the upper bound, which is in the bucket, of positive values; at 0 zero. */
export const UPPER_BOUNDS: Float64Array = upperBounds();

function upperBounds(): Float64Array {
  const bounds = new Float64Array(BUCKETS + 1);
  for (let i = 1, bound = LOWEST; i <= BUCKETS; i++, bound *= GAMMA) bounds[i] = bound;
  return bounds;
}

/** @param value  finite */
export function bucketOf(value: number): number {
  if (value === 0) return 0;
  const size = Math.abs(value);
  const guess = Math.ceil(Math.log(size / LOWEST) / LOG_GAMMA) + 1;
  let bucket = Math.min(BUCKETS, Math.max(1, guess));
  while (bucket < BUCKETS && size > UPPER_BOUNDS[bucket]!) bucket += 1;
  while (bucket > 1 && size <= UPPER_BOUNDS[bucket - 1]!) bucket -= 1;
  return value < 0 ? -bucket : bucket;
}

/** @returns the value that stands for a bucket */
export function middleOf(bucket: number): number {
  const middle = UPPER_BOUNDS[Math.abs(bucket)]! * MIDDLE;
  return bucket < 0 ? -middle : middle;
}

/**
 * The value at place floor(q (n - 1)) of n values in ascending order, from 0, but for the width of a bucket.
 *
 * @param counts  [bucket, count] by ascending bucket, counts above 0
 * @param q       in (0, 1)
 * @returns       null without values
 */
export function percentileOf(counts: readonly (readonly [number, number])[], q: number): number | null {
  const n = counts.reduce((sum, [, count]) => sum + count, 0);
  const place = Math.floor(q * (n - 1));
  let below = 0;
  for (const [bucket, count] of counts) {
    below += count;
    if (below > place) return middleOf(bucket);
  }
  return null;
}
