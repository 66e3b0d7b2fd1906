/** How far apart two sides are, measured by their shares in the same bins. */

/** Replaces the share of a bin where a side has no rows, since the logarithm of zero is not finite. */
export const EMPTY_BIN_SHARE = 1e-4;

/**
 * The population stability index: the sum of (b - a) ln(b / a) over the bins' shares. By custom, 0.1 is called a small
 * and 0.25 a large shift; the index grows with the number of bins.
 *
 * @param a, b  counts of the same bins, each side with at least one row
 */
export function populationStability(a: readonly number[], b: readonly number[]): number {
  const [before, after] = [sharesOf(a), sharesOf(b)];
  return before.reduce((sum, share, i) => {
    const [x, y] = [share === 0 ? EMPTY_BIN_SHARE : share, after[i] === 0 ? EMPTY_BIN_SHARE : after[i]!];
    return sum + (y - x) * Math.log(y / x);
  }, 0);
}

/**
 * The Jensen-Shannon distance to base 2: the square root of the divergence, in [0, 1].
 *
 * @param a, b  counts of the same bins, each side with at least one row
 * Source: scipy.spatial.distance.jensenshannon(a, b, base=2), to 1e-9.
 */
export function jensenShannonDistance(a: readonly number[], b: readonly number[]): number {
  const [before, after] = [sharesOf(a), sharesOf(b)];
  const divergence = before.reduce((sum, share, i) => {
    const middle = (share + after[i]!) / 2;
    return sum + surprise(share, middle) / 2 + surprise(after[i]!, middle) / 2;
  }, 0);
  return Math.sqrt(Math.max(0, divergence));
}

function surprise(share: number, expected: number): number {
  return share === 0 ? 0 : share * Math.log2(share / expected);
}

function sharesOf(counts: readonly number[]): number[] {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / rows);
}
