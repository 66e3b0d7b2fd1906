/**
 * The p value of D: how likely such a Kolmogorov-Smirnov gap is between two samples of one distribution.
 *
 *   exact       both sides have at most 10,000 values: the share of all orders of the pooled values with such a gap
 *   asymptotic  else: the law of one sample of n = round(a * b / (a + b)) values against its distribution, for that n
 *
 * Both assume values without ties; with ties the true p is smaller. Source: Hodges 1958, Ark. Mat. 3:469 (exact);
 * Simard and L'Ecuyer 2011, J. Stat. Softw. 39(11), for the choice among Durbin's matrix (Marsaglia, Tsang and Wang
 * 2003), Smirnov's sum and the series of Pelz and Good 1976. Agrees with scipy.stats.ks_2samp to 1e-9.
 */

/** With more values on a side the exact p takes longer than it is worth; scipy has the same limit. */
const MOST_EXACT = 10_000;
/** For one sample: up to this n Durbin's matrix is small enough wherever Smirnov's sum is not exact. */
const FEW = 140;

interface KsProbability {
  /** The p value, in [0, 1]. */
  readonly p: number;
  readonly method: 'exact' | 'asymptotic';
}

/**
 * @param d      the gap, in [0, 1]
 * @param aRows  values of one side, at least 1
 * @param bRows  values of the other, at least 1
 * @param mostExact  up to so many values on a side the exact p is computed
 */
export function ksProbability(
  d: number,
  aRows: number,
  bRows: number,
  mostExact = MOST_EXACT,
): KsProbability {
  if (Math.max(aRows, bRows) <= mostExact) {
    return { p: clipped(exactProbability(d, aRows, bRows)), method: 'exact' };
  }
  const rows = Math.round((aRows * bRows) / (aRows + bRows));
  return { p: clipped(kolmogorovTail(Math.max(1, rows), d)), method: 'asymptotic' };
}

/**
 * Counts walks. Every order of the pooled values is a walk from (0, 0) to (a, b) with one step per value; it has the
 * gap if it leaves the band |i / a - j / b| < d. Each (i, j) keeps the share of walks to it that left the band: shares
 * neither overflow nor cancel.
 */
function exactProbability(d: number, aRows: number, bRows: number): number {
  const [rows, columns] = aRows >= bRows ? [aRows, bRows] : [bRows, aRows];
  const common = greatestCommonDivisor(rows, columns);
  const [down, across] = [rows / common, columns / common];
  // The gap as a whole number of steps of 1 / (least common multiple).
  const gap = Math.round(d * down * columns);
  if (gap === 0) return 1;
  const left = new Float64Array(columns + 1).fill(1);
  for (let i = 0; i <= rows; i++) {
    const from = Math.max(0, Math.floor((across * i - gap) / down) + 1);
    const to = Math.min(columns, Math.ceil((across * i + gap) / down) - 1);
    if (from > to) return 1;
    if (from > 0) left[from - 1] = 1;
    for (let j = from; j <= to; j++) {
      if (i + j === 0) left[0] = 0;
      else left[j] = ((i === 0 ? 1 : left[j]!) * i + (j === 0 ? 0 : left[j - 1]! * j)) / (i + j);
    }
    if (to < columns) left[to + 1] = 1;
  }
  return left[columns]!;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * P(D >= d) for the gap D between a sample of n values and the distribution that it comes from.
 *
 * @param n  a whole number, at least 1
 */
export function kolmogorovTail(n: number, d: number): number {
  const steps = n * d;
  if (steps <= 0.5) return 1;
  if (d >= 1) return 0;
  if (steps <= 1) return 1 - Math.exp(logFactorialOverPower(n) + n * Math.log(2 * steps - 1));
  if (steps >= n - 1) return 2 * (1 - d) ** n;
  const square = steps * d;
  // From here on a gap above and one below hardly ever occur together, so twice the probability of one side is exact.
  if (d >= 0.5 || square > (n <= FEW ? 4 : 2.2)) return square >= 370 ? 0 : 2 * smirnovTail(n, d);
  if (n <= FEW || (n <= 100_000 && steps * Math.sqrt(d) <= 1.4)) return 1 - durbin(n, d);
  return 1 - pelzGood(n, d);
}

/** P(gap above >= d), by Smirnov's sum over the places where the gap can first be reached. */
function smirnovTail(n: number, d: number): number {
  let tail = 0;
  const last = Math.floor(n * (1 - d));
  for (let v = 0; v <= last; v++) {
    const at = d + v / n;
    if (at >= 1) break;
    tail += (binomialProbability(v, n, at) * d) / at;
  }
  return Math.min(1, tail);
}

/**
 * The probability of v hits in n draws with chance p, by Loader's saddle points, which subtract no large logarithms.
 */
function binomialProbability(v: number, n: number, p: number): number {
  if (v === 0) return Math.exp(n * Math.log1p(-p));
  if (v === n) return Math.exp(n * Math.log(p));
  const log =
    stirlingRest(n) -
    stirlingRest(v) -
    stirlingRest(n - v) -
    deviance(v, n * p) -
    deviance(n - v, n * (1 - p));
  return Math.exp(log) * Math.sqrt(n / (2 * Math.PI * v * (n - v)));
}

/** ln(n!) - ln(sqrt(2 pi n) (n / e)^n). */
function stirlingRest(n: number): number {
  if (n < SMALL_RESTS.length) return SMALL_RESTS[n]!;
  const square = n * n;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / n;
}

const SMALL_RESTS = smallRests(16);

function smallRests(count: number): number[] {
  let logFactorial = 0;
  return Array.from({ length: count }, (_, n) => {
    if (n === 0) return 0;
    logFactorial += Math.log(n);
    return logFactorial - (Math.log(2 * Math.PI * n) / 2 + n * Math.log(n) - n);
  });
}

/** x ln(x / m) + m - x, precise also when x is close to m. */
function deviance(x: number, m: number): number {
  const share = (x - m) / (x + m);
  if (Math.abs(share) >= 0.1) return x * Math.log(x / m) + m - x;
  let sum = (x - m) * share;
  let term = 2 * x * share;
  for (let j = 1; j < 1_000; j++) {
    term *= share * share;
    const next = sum + term / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/** ln(n! / n^n). */
function logFactorialOverPower(n: number): number {
  return stirlingRest(n) + Math.log(2 * Math.PI * n) / 2 - n;
}

/** When a product passes this number, its exponent is kept separately. */
const HUGE = 2 ** 128;

/** P(D < d) by Durbin's matrix, which has 2 * ceil(n d) - 1 rows and is raised to the n-th power. */
function durbin(n: number, d: number): number {
  const k = Math.ceil(n * d);
  const size = 2 * k - 1;
  let power = durbinMatrix(size, k - n * d);
  let product: Float64Array | null = null;
  let [exponent, productExponent] = [0, 0];
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) {
      product = product === null ? power : multiplied(product, power, size);
      productExponent += exponent;
    }
    power = multiplied(power, power, size);
    exponent *= 2;
    if (Math.abs(power[(k - 1) * size + k - 1]!) > HUGE) {
      power = power.map((value) => value / HUGE);
      exponent += 128;
    }
  }
  const middle = product![(k - 1) * size + k - 1]!;
  return Math.exp(Math.log(middle) + productExponent * Math.LN2 + logFactorialOverPower(n));
}

/** @param h  how far k is above n * d, in [0, 1) */
function durbinMatrix(size: number, h: number): Float64Array {
  const matrix = new Float64Array(size * size);
  const inverse = [1];
  for (let j = 1; j <= size; j++) inverse.push(inverse[j - 1]! / j);
  for (let row = 0; row < size; row++) {
    for (let column = 1; column < size; column++) {
      if (column <= row + 1) matrix[row * size + column] = inverse[row - column + 1]!;
    }
  }
  for (let i = 0; i < size; i++) {
    const edge = i < size - 1 ? 1 - h ** (i + 1) : 1 - 2 * h ** size + Math.max(2 * h - 1, 0) ** size;
    matrix[i * size] = edge * inverse[i + 1]!;
    matrix[(size - 1) * size + (size - 1 - i)] = edge * inverse[i + 1]!;
  }
  return matrix;
}

function multiplied(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const out = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < size; k++) {
      const factor = a[row * size + k]!;
      if (factor === 0) continue;
      for (let column = 0; column < size; column++)
        out[row * size + column]! += factor * b[k * size + column]!;
    }
  }
  return out;
}

/**
 * P(D < d) for large n: the limit and three corrections in powers of 1 / sqrt(n), as sums that converge for small d.
 */
function pelzGood(n: number, d: number): number {
  const z = Math.sqrt(n) * d;
  const [z2, z4, z6] = [z ** 2, z ** 4, z ** 6];
  const [pi2, pi4, pi6] = [Math.PI ** 2, Math.PI ** 4, Math.PI ** 6];
  const [sums, most] = [[0, 0, 0, 0], Math.ceil((16 * z) / Math.PI)];
  for (let k = most; k >= 1; k--) {
    const odd = (2 * k - 1) ** 2;
    const weight = Math.exp((-pi2 * odd) / (8 * z2));
    sums[0]! += weight;
    sums[1]! += weight * (-z2 + (pi2 / 4) * odd);
    sums[2]! +=
      weight *
      (6 * z6 + 2 * z4 + (((2 * z4 - 5 * z2) * pi2) / 4) * odd + ((pi4 * (1 - 2 * z2)) / 16) * odd ** 2);
    sums[3]! +=
      weight *
      (-30 * z6 -
        90 * z ** 8 +
        ((pi2 * (135 * z4 - 96 * z6)) / 4) * odd +
        ((pi4 * (212 * z4 - 60 * z2)) / 16) * odd ** 2 +
        ((pi6 * (5 - 30 * z2)) / 64) * odd ** 3);
  }
  const scale = Math.sqrt(2 * Math.PI);
  const terms = [z, 6 * z4, 72 * z ** 7, 6480 * z ** 10].map((divisor, i) => (sums[i]! * scale) / divisor);
  for (let k = most; k >= 1; k--) {
    const weight = k ** 2 * Math.exp((-pi2 * k ** 2) / (2 * z2));
    terms[2]! -= (weight * pi2 * scale) / (36 * z ** 3);
    terms[3]! += (weight * (3 * z2 - pi2 * k ** 2) * pi2 * scale) / (216 * z6);
  }
  return terms.reduce((sum, term, i) => sum + term / n ** (i / 2), 0);
}

function clipped(p: number): number {
  return Math.min(1, Math.max(0, p));
}
