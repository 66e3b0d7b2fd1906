/** Student's t distribution. Source: scipy.stats.t, to 1e-9 of the tail and the quantile. */
import { gammaln } from 'simple-statistics';

const MOST_TERMS = 10_000;
const SMALLEST = 1e-300;

/**
 * P(|T| >= |t|).
 *
 * @param freedom  degrees of freedom, at least 1
 */
function studentTail(t: number, freedom: number): number {
  if (!Number.isFinite(t)) return 0;
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 1 / 2);
}

/**
 * The t at which the tail is a given one, found by halving: the tail only falls.
 *
 * @param tail     P(|T| >= t), in (0, 1)
 * @param freedom  degrees of freedom, at least 1
 */
export function studentQuantile(tail: number, freedom: number): number {
  let [low, high] = [0, 1];
  while (studentTail(high, freedom) > tail) high *= 2;
  for (let middle = high / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (studentTail(middle, freedom) > tail) low = middle;
    else high = middle;
  }
  return high;
}

/** The regularized incomplete beta function I(x; a, b), by the continued fraction that converges for its half of x. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Lentz's method; Press et al., Numerical Recipes, 6.4. */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / apart(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < MOST_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / apart(1 + even * d);
    c = apart(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / apart(1 + odd * d);
    c = apart(1 + odd / c);
    fraction *= c * d;
    if (Math.abs(c * d - 1) < Number.EPSILON) break;
  }
  return fraction;
}

/** Moves a value away from zero, since it will be a divisor. */
function apart(value: number): number {
  return Math.abs(value) < SMALLEST ? SMALLEST : value;
}
