/** The uncertainty of a share that was counted. */

/** The 97.5 % quantile of the normal distribution. */
const Z_95 = 1.959963984540054;

/**
 * Wilson's 95 % interval of a share.
 *
 * @param hits  of `rows`; at least 1 row
 * Source: Wilson 1927; scipy.stats.binomtest(hits, rows).proportion_ci(method='wilson'), to 1e-12.
 */
export function shareInterval(hits: number, rows: number): readonly [low: number, high: number] {
  const share = hits / rows;
  const square = Z_95 ** 2 / rows;
  const middle = (share + square / 2) / (1 + square);
  const half = (Z_95 / (1 + square)) * Math.sqrt((share * (1 - share)) / rows + square / (4 * rows));
  return [hits === 0 ? 0 : Math.max(0, middle - half), hits === rows ? 1 : Math.min(1, middle + half)];
}
