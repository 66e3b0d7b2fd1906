/** Pearson's chi-square test: do two sides have the same distribution over the same categories? */
import { gammaln } from 'simple-statistics';

interface ChiSquare {
  readonly statistic: number;
  readonly degreesOfFreedom: number;
  /** The p value, in [0, 1]; without a continuity correction. */
  readonly p: number;
}

/**
 * @param a, b  counts of the same categories on each side; categories with no rows on both sides are left out
 * @returns     null when a side has no rows, or there is only one category
 * Source: scipy.stats.chi2_contingency([a, b], correction=False), to 1e-9.
 */
export function chiSquareOf(a: readonly number[], b: readonly number[]): ChiSquare | null {
  const aRows = a.reduce((sum, count) => sum + count, 0);
  const bRows = b.reduce((sum, count) => sum + count, 0);
  const taken = a.map((count, i) => [count, b[i]!] as const).filter(([x, y]) => x + y > 0);
  if (aRows === 0 || bRows === 0 || taken.length < 2) return null;
  let statistic = 0;
  for (const [x, y] of taken) {
    const share = (x + y) / (aRows + bRows);
    statistic += (x - share * aRows) ** 2 / (share * aRows) + (y - share * bRows) ** 2 / (share * bRows);
  }
  const degreesOfFreedom = taken.length - 1;
  return { statistic, degreesOfFreedom, p: chiSquareTail(statistic, degreesOfFreedom) };
}

/** @returns the chance of a statistic that is at least as large */
export function chiSquareTail(statistic: number, degreesOfFreedom: number): number {
  return gammaTail(degreesOfFreedom / 2, statistic / 2);
}

const MOST_TERMS = 100_000;
const SMALLEST = 1e-300;

/** The upper regularized incomplete gamma function Q(a, x): by a series for small x, by a continued fraction above. */
function gammaTail(a: number, x: number): number {
  if (x <= 0) return 1;
  const scale = Math.exp(a * Math.log(x) - x - gammaln(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < MOST_TERMS && term > sum * Number.EPSILON; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return Math.max(0, 1 - sum * scale);
  }
  // Lentz's method evaluates a continued fraction from its front.
  let b = x + 1 - a;
  let c = 1 / SMALLEST;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < MOST_TERMS; n++) {
    b += 2;
    d = 1 / apart(n * (a - n) * d + b);
    c = apart(b + (n * (a - n)) / c);
    fraction *= c * d;
    if (Math.abs(c * d - 1) < Number.EPSILON) break;
  }
  return scale * fraction;
}

/** Moves a value away from zero, since it will be a divisor. */
function apart(value: number): number {
  return Math.abs(value) < SMALLEST ? SMALLEST : value;
}
