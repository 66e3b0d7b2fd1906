/** When many tests are run at once: which of their results to believe. */

/**
 * Benjamini and Hochberg's q values: among all tests with a q of at most x, at most a share x is expected to be false.
 *
 * @param ps  p values in any order
 * @returns   a q for each, in the same order, in [0, 1]
 * Source: Benjamini and Hochberg 1995; scipy.stats.false_discovery_control(ps), to 1e-12.
 */
export function falseDiscoveryRates(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).toSorted((i, j) => ps[j]! - ps[i]!);
  const rates = ps.map(() => 1);
  let least = 1;
  order.forEach((at, i) => {
    least = Math.min(least, (ps[at]! * ps.length) / (ps.length - i));
    rates[at] = least;
  });
  return rates;
}
