/**
 * Sums that do not depend on the order of their input: a float is turned into an integer with some decimal places, an
 * integer is summed as it is. A whole number here is a `number` while that is exact (up to 2^53 - 1) and a `bigint`
 * past it, never both for one value.
 *
 * The SQL of the same is materializer/aggregate/fixed-point.ts; the two agree to the bit.
 */

export type Whole = number | bigint;

/** 10^0 to 10^22, each exactly a double. */
export const POWERS = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
  1e20, 1e21, 1e22,
];

/** The largest value in fixed point that is summed; past it the event is a bad row. */
export const FIXED_MAX = 1e18;
/** Sums of squares stop here: 10^38, one more than the SQL type of a tile holds. */
export const SQUARES_END = 10n ** 38n;

const MAX_SAFE = Number.MAX_SAFE_INTEGER;
/** The largest whole number with an exact square. */
const MAX_ROOT = 94_906_265;

/** @returns `value * 10^scale`, half away from zero; `value` is finite and fits (`FIXED_MAX`) */
export function fixedOf(value: number, scale: number): Whole {
  const scaled = value * POWERS[scale]!;
  const rounded = scaled < 0 ? -Math.round(-scaled) : Math.round(scaled);
  return rounded >= -MAX_SAFE && rounded <= MAX_SAFE ? rounded : BigInt(rounded);
}

export function wholeOf(value: bigint): Whole {
  return value >= -MAX_SAFE && value <= MAX_SAFE ? Number(value) : value;
}

export function addWhole(a: Whole, b: Whole): Whole {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (sum >= -MAX_SAFE && sum <= MAX_SAFE) return sum;
  }
  return wholeOf(BigInt(a) + BigInt(b));
}

/** As `addWhole`, of a sum that stands as a double. @returns false: the new one would be none, and nothing changes */
export function addWholeAt(cells: Float64Array, at: number, value: Whole): boolean {
  if (typeof value !== 'number') return false;
  const sum = cells[at]! + value;
  if (sum < -MAX_SAFE || sum > MAX_SAFE) return false;
  cells[at] = sum;
  return true;
}

export function subtractWhole(a: Whole, b: Whole): Whole {
  return addWhole(a, -b);
}

export function squareOf(value: Whole): Whole {
  if (typeof value === 'number') {
    if (value >= -MAX_ROOT && value <= MAX_ROOT) return value * value;
  }
  const whole = BigInt(value);
  return wholeOf(whole * whole);
}
