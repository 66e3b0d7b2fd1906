/** A share as a percentage, the same way in every sentence, table and figure. */

/**
 * Two decimals, rounded down, so that no smaller share reads as 100 % or as a limit that it is below.
 *
 * @param share  null: there is nothing that it could be a share of
 */
export function percentText(share: number | null): string {
  if (share === null) return '–';
  if (share >= 1) return '100 %';
  // The small addition keeps 0.29 from becoming 28.99 through binary fractions.
  return `${(Math.floor(share * 10_000 + 1e-7) / 100).toFixed(2)} %`;
}
